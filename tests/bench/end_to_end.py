"""The whole graph against stock TFX's: the same rows, model, epochs, metrics and slices, in one call.

    make bench ARGS="--rows 30000,336776 --rounds 1"

Each side runs in a process of its own with nothing cached, in turns: stock, ours, stock, ours. Stock is what TFX's
templates wire (tests/bench/stock); ours is what a user types, `multihead run`. Both read one CSV file. Seconds of
stages are those of ML Metadata; memory is that of the process and its children, sampled. How ours grows with rows shows
sooner without stock: `--sides ours`.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from rich.console import Console
from rich.table import Table

from components.versions import versions
from pipeline.datasets import make_dataset

HERE = Path(__file__).resolve().parent
MULTIHEAD = Path(sys.executable).with_name("multihead")
# Stages of both, as TFX calls them; all others count together.
STAGES = {"CsvExampleGen": "ingest", "ExampleGen": "ingest"} | {
    name: name for name in ("StatisticsGen", "Transform", "Trainer", "Evaluator")
}
OTHERS, OUTSIDE, WHOLE = "other stages", "start-up, between", "end to end"
# What seeds, splits and shuffles may move; more means that the two did not do the same.
TOLERANCE = {"auc": 0.03, "accuracy": 0.03}
SECONDS_PER_SAMPLE = 0.1
YEAR = 365
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def make_rows(work, count):
    """Writes flights as CSV; returns the folder."""
    return once(work / f"rows-{count}", lambda draft: repeated(work, count).to_csv(draft / "rows.csv", index=False))


def once(folder, write):
    """Returns a folder, written into a draft of it first if it is not there: an interrupted call leaves none."""
    if not folder.is_dir():
        draft = folder.with_name(f".{folder.name}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        write(draft)
        draft.rename(folder)
    return folder


def repeated(work, count):
    """Returns flights, repeated with later dates if there are not so many."""
    source = make_dataset("flights", work / "flights").path
    rows = pq.read_table(source).to_pandas(integer_object_nulls=True)  # 1999 stays 1999 beside nulls.
    if count <= len(rows):
        return rows.iloc[np.linspace(0, len(rows) - 1, count).astype(int)]
    days = pd.to_datetime(rows["date"])
    copies = [
        rows.assign(date=(days + pd.Timedelta(days=YEAR * copy)).dt.strftime("%Y-%m-%d"))
        for copy in range(-(-count // len(rows)))
    ]
    return pd.concat(copies).iloc[:count]


def run(side, data, output, count, options):
    """Runs one side; returns seconds and peak bytes by stage, and its metrics."""
    shutil.rmtree(output, ignore_errors=True)
    settings = [f"--set=training.epochs={options.epochs}"]
    if side == "stock":
        command = [sys.executable, HERE / "stock" / "pipeline.py", "--rows", str(count)]
    else:
        settings += ["--set=data.format=csv", *(f"--set=gates.{head}=none" for head in options.heads)]
        command = [MULTIHEAD, "run", "flights"]
    log = output.with_suffix(".log")
    began = time.time()
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "--data", data, "--output", output, *settings], stdout=file, stderr=file)
        samples = []
        sampler = threading.Thread(target=sample, args=(process, samples))
        sampler.start()
        code = process.wait()
        sampler.join()
    if code:
        raise SystemExit(f"{side}: ended with code {code}, see {log}")
    whole = time.time() - began
    parts = {}
    for name, start, end in stages_of(output / "metadata.db"):
        part = parts.setdefault(STAGES.get(name, OTHERS), {"seconds": 0.0, "bytes": 0})
        part["seconds"] += end - start
        part["bytes"] = max([part["bytes"], *(held for at, held in samples if start <= at <= end)])
    parts[OUTSIDE] = {"seconds": whole - sum(part["seconds"] for part in parts.values()), "bytes": 0}
    parts[WHOLE] = {"seconds": whole, "bytes": max(held for _, held in samples)}
    return parts, METRICS[side](output)


def stages_of(database):
    """Yields name, begin and end, in seconds since 1970, of every stage that a run executed."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    store = metadata_store.MetadataStore(config)
    for execution_type in store.get_execution_types():
        for execution in store.get_executions_by_type(execution_type.name):
            name = execution_type.name.rpartition(".")[2]
            yield name, execution.create_time_since_epoch / 1e3, execution.last_update_time_since_epoch / 1e3


def sample(process, samples):
    """Appends time and resident bytes of a process and its children until it ends."""
    while process.poll() is None:
        samples.append((time.time(), sum(resident(pid) for pid in family(process.pid))))
        time.sleep(SECONDS_PER_SAMPLE)


def family(pid):
    """Returns a process and all that came of it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return found


def resident(pid):
    """Returns the bytes of a process that are in memory; none if it has ended."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def metrics_of_stock(output):
    """Returns accuracy and AUC by head."""
    return json.loads((output / "metrics.json").read_text())


def metrics_of_ours(output):
    """Returns accuracy and AUC by head."""
    (report,) = output.glob("reports/*/report.json")
    heads = json.loads(report.read_text())["heads"]
    return {head: {name: found["overall"][name] for name in TOLERANCE} for head, found in heads.items()}


METRICS = {"stock": metrics_of_stock, "ours": metrics_of_ours}


def compare(found):
    """Returns the largest difference between both sides' metrics over all heads, by metric."""
    return {
        name: max(abs(value[name] - found["ours"][head][name]) for head, value in found["stock"].items())
        for name in TOLERANCE
    }


def show(count, runs, differences):
    """Prints the medians of the rounds."""
    table = Table(title=f"{count:,} rows")
    table.add_column("stage", no_wrap=True)
    columns = [f"{what}, {side}" for what in ("s", "rows/s", "GB") for side in runs]
    for column in [*columns, "ratio"] if len(runs) > 1 else columns:
        table.add_column(column, justify="right")
    for stage in ("ingest", "StatisticsGen", "Transform", "Trainer", "Evaluator", OTHERS, OUTSIDE, WHOLE):
        seconds, held = (
            [statistics.median(parts[stage][what] for parts in of_side) for of_side in runs.values()]
            for what in ("seconds", "bytes")
        )
        speeds = [f"{count / max(value, 1e-3):,.0f}" for value in seconds]
        memory = [f"{value / 1e9:.2f}" if value else "" for value in held]
        ratio = [f"{seconds[1] / max(seconds[0], 1e-3):.2f}"] if len(runs) > 1 else []
        table.add_row(stage, *(f"{value:.1f}" for value in seconds), *speeds, *memory, *ratio)
    console.print(table)
    if not differences:
        return
    largest = ", ".join(f"{name} {difference:.4f}" for name, difference in differences.items())
    console.print(f"largest difference between heads' metrics: {largest}")
    if wrong := [name for name, difference in differences.items() if difference > TOLERANCE[name]]:
        raise SystemExit(f"stock and ours differ by more than noise in {', '.join(wrong)}: they did not do the same")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="336776", help="numbers of rows, with commas between")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--sides", default="stock,ours", help="who runs: stock, ours, or both with a comma between")
    parser.add_argument(
        "--work", type=Path, help="folder of data and runs; a new one, removed at the end, if not given"
    )
    options = parser.parse_args()
    if unknown := set(options.sides.split(",")) - METRICS.keys():
        parser.error(f"--sides: {', '.join(unknown)} is none of {', '.join(METRICS)}")
    options.heads = ("cancelled", "dep_delay", "arr_delay")
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="multihead-bench-")))
        work.mkdir(parents=True, exist_ok=True)
        installed = ", ".join(f"{name} {version}" for name, version in versions().items())
        console.print(f"{os.cpu_count()} cores; {installed}; {options.epochs} epochs, {options.rounds} rounds")
        for count in map(int, options.rows.split(",")):
            data, runs = make_rows(work, count), {side: [] for side in options.sides.split(",")}
            for index in range(options.rounds):
                found = {}
                for side, parts in runs.items():
                    of_side, found[side] = run(side, data, work / f"{side}-{count}-{index}", count, options)
                    parts.append(of_side)
                    console.print(f"{count:,} rows, {side}: {of_side[WHOLE]['seconds']:.0f} s")
                differences = compare(found) if len(found) > 1 else {}
            show(count, runs, differences)


if __name__ == "__main__":
    main()
