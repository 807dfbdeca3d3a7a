"""What a Flink cluster gives: Beam's stages on one slot and on two, each held to a core, and tasks beside stock TFX's.

    make bench-flink ARGS="--rows 1000000"

Runs flights on the cluster of deploy/flink/cluster.sh, once with one TaskManager and once with two, and stock TFX's
graph on few rows with two, as its number of tasks does not depend on rows. Java compiles what it has run often: a run
on few rows comes before the one that is timed. Four rows in ten are for `test`, so that the Evaluator has something to
do. Seconds of stages are those of report.json; tasks, and the records that each TaskManager's tasks have read from
others, are Flink's.
"""

import argparse
import contextlib
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flink"))

from cluster import PROFILE, STAGES, Cluster, Run
from end_to_end import make_rows, once, repeated

from pipeline.profiles.beam import arguments
from pipeline.profiles.find import find_profile

HERE = Path(__file__).resolve().parent
# Those whose work grows with the rows most.
DATA_STAGES = [stage for stage in STAGES if stage != "StatisticsGen"]
# Of stock's numbers, those that are only scaled; with bins for all of them its Transform is no plan that Flink takes:
# "Cannot currently handle nodes with more than 64 outputs".
PLAIN = ("temperature", "dew_point", "humidity", "pressure", "wind_speed", "wind_gust")
# Its plan alone does not fit into what is enough for all of ours, of the job server and of the JobManager.
FOR_STOCK = {"JOB_SERVER_HEAP": "3g", "FLINK_OPTIONS": "-D jobmanager.memory.process.size=4g"}
SLOTS = (1, 2)
FEW = 2_000
FILES = 16
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def make_files(work, count):
    """Writes flights as Parquet, in files of like size; returns the folder."""

    def write(draft):
        rows = pa.Table.from_pandas(repeated(work, count), preserve_index=False)
        edges = np.linspace(0, count, FILES + 1).astype(int)
        for number, (begin, end) in enumerate(itertools.pairwise(edges)):
            pq.write_table(rows.slice(begin, end - begin), draft / f"{number}.parquet")

    return once(work / f"files-{count}", write)


def run_ours(cluster, work, rows, slots):
    """Runs flights with as many slots as there are TaskManagers."""
    data, output = make_files(work, rows), fresh(work / f"ours-{slots}-{rows}")
    words = ["multihead", "run", "flights", f"--data={data}", f"--output={output}", f"--profile={profile(work)}"]
    words += [f"--beam-option=parallelism={slots}", "--set=training.epochs=1"]
    words += ["--set=data.split.ratios={train: 5, eval: 1, test: 4}"]
    words += [f"--set=gates.{head}=none" for head in ("cancelled", "dep_delay", "arr_delay")]
    return finished(Run(cluster, f"ours, {rows:,} rows, {slots} of one core", output, words, console.print))


def run_stock(cluster, work, rows):
    """Runs the graph of TFX's templates on all slots; returns the jobs on Flink.

    Transform has so many tasks that it takes a quarter of an hour, if it ends at all. When it begins, they are known;
    for the stages after it, it is done in process.
    """
    whole = finished(begin_stock(cluster, work, rows, "CsvExampleGen,StatisticsGen,Evaluator"))
    until_transform = begin_stock(cluster, work, rows, "Transform")
    job = cluster.result(until_transform.wait_for("Transform"))
    until_transform.stop()
    return [*whole.jobs, job]


def begin_stock(cluster, work, rows, stages):
    """Begins the graph with some stages on the cluster."""
    code = work / "stock"
    shutil.rmtree(code, ignore_errors=True)
    shutil.copytree(HERE / "stock", code)
    output = fresh(work / "stock-run")
    words = [
        "env",
        f"PYTHONPATH={left_out(work)}",
        "python",
        code / "pipeline.py",
        f"--data={make_rows(work, rows)}",
        f"--output={output}",
        f"--rows={rows}",
        f"--stages={stages}",
        "--set=training.epochs=1",
    ]
    words += [f"--set=features.{name}.encoder={{type: plain}}" for name in PLAIN]
    beam = arguments(find_profile(str(PROFILE)).all.beam | {"parallelism": max(SLOTS)})
    words += [f"--beam={argument}" for argument in beam]
    return Run(cluster, f"stock, {stages} on Flink", output, list(map(str, words)), console.print)


def left_out(work):
    """Installs what `from tfx import v1` imports and the image leaves out, Vertex AI's client; returns the folder."""

    def install(draft):
        root = HERE.parents[1]
        package = re.search(r"^google-cloud-aiplatform==\S+", (root / "requirements.lock").read_text(), re.MULTILINE)[0]
        uv = subprocess.run(["sh", root / "deploy" / "setup.sh", "uv"], capture_output=True, text=True, check=True)
        command = [uv.stdout.strip(), "pip", "install", "--quiet", "--no-deps", "--target", draft, package]
        subprocess.run(command, check=True)

    return once(work / "left-out", install)


def profile(work):
    return shutil.copy(PROFILE, work / "profile.yaml")


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def finished(run):
    run.finish()
    if run.code:
        raise SystemExit(f"{run.title}: ended with code {run.code}:\n{run.said[-3000:]}")
    return run


def seconds(run):
    """Returns the seconds of stages by name."""
    return {stage["id"]: stage["seconds"] for stage in run.report["stages"]}


def of(jobs, stages, what):
    """Returns the sum of something over the jobs of stages."""
    return sum(getattr(job, what) for job in jobs if job.stage in stages)


def shares(jobs, stages):
    """Returns the records that each TaskManager has read in stages, in words."""
    records = Counter()
    for job in jobs:
        if job.stage in stages:
            records.update(job.records)  # By `+` a TaskManager without any would be left out.
    records.pop("(unassigned)", None)  # Tasks that had not begun.
    return ", ".join(f"{host.removeprefix('taskmanager-')}: {count:,}" for host, count in sorted(records.items()))


def show_slots(count, runs):
    """Prints what one slot and two take."""
    table = Table(title=f"{count:,} rows, every slot on a core of its own")
    table.add_column("stage", no_wrap=True)
    heads = [f"{what}, {n}" for what in ("s", "s of the job") for n in SLOTS]
    for column in (*heads, "ratio", "ratio of jobs", "records read by TaskManager"):
        table.add_column(column, justify="right")
    for name, stages in {**{stage: [stage] for stage in STAGES}, "all but StatisticsGen": DATA_STAGES}.items():
        whole = [sum(seconds(run)[stage] for stage in stages) for run in runs]
        jobs = [of(run.jobs, stages, "seconds") for run in runs]
        ratios = [f"{two / one:.2f}" for one, two in (whole, jobs)]
        table.add_row(name, *(f"{value:.1f}" for value in (*whole, *jobs)), *ratios, shares(runs[-1].jobs, stages))
    console.print(table)


def show_tasks(ours, stock):
    """Prints how many tasks stages are."""
    table = Table(title=f"tasks of Flink, {max(SLOTS)} slots")
    for column in ("stage", "stock", "ours", "ratio", "stock: records by TaskManager", "ours: records by TaskManager"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage, name in zip(STAGES, ("CsvExampleGen", *STAGES[1:]), strict=True):
        theirs, own = of(stock, [name], "tasks"), of(ours.jobs, [stage], "tasks")
        by = shares(stock, [name]), shares(ours.jobs, [stage])
        table.add_row(stage, str(theirs), str(own), f"{own / theirs:.2f}", *by)
    console.print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--stock-rows", type=int, default=FEW)
    parser.add_argument("--sides", default="ours,stock", choices=["ours", "ours,stock"], help="who runs")
    parser.add_argument(
        "--work", type=Path, help="folder of data and runs; a new one, removed at the end, if not given"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="multihead-bench-")))
        work.mkdir(parents=True, exist_ok=True)
        runs = []
        cluster = Cluster(work, console.print)
        stack.callback(cluster.down)
        for slots in SLOTS:
            cluster.up(CPUS="1", TASKMANAGERS=str(slots))
            run_ours(cluster, work, FEW, slots)
            runs.append(run_ours(cluster, work, options.rows, slots))
        show_slots(options.rows, runs)
        if "stock" in options.sides.split(","):
            cluster.up(CPUS="1", TASKMANAGERS=str(max(SLOTS)), **FOR_STOCK)
            show_tasks(runs[-1], run_stock(cluster, work, options.stock_rows))


if __name__ == "__main__":
    main()
