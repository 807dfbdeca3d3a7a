"""Whether a training waits for its rows: `model.fit` on transformed examples, against the same batches held in memory.

    make bench-input

Runs flights (a table) and digits (images) up to the Trainer once, into the work folder, then takes turns: an epoch that
reads as the Trainer does, and one of batches that are in memory already. Prints the ratio of rows per second.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import tensorflow_transform as tft
from rich.console import Console
from rich.table import Table

import schema
from components.trainer import dataset
from components.trainer.model import build_model
from components.transform.features.vocabulary import numbers_of_ids
from pipeline.datasets import make_dataset
from schema.contract import load_contract

MULTIHEAD = Path(sys.executable).with_name("multihead")
TASKS = ("flights", "digits")
console = Console(highlight=False)


def prepare(work, name):
    """Runs a task with few epochs, unless an earlier call has; returns Transform's outputs."""
    output = work / f"{name}-run"
    if not list(output.glob("reports/*/report.json")):
        data = make_dataset(name, work / name).path
        heads = load_contract(Path(schema.__file__).parent / name).task.heads
        settings = ["--set=training.epochs=2", *(f"--set=gates.{head}=none" for head in heads)]
        subprocess.run([MULTIHEAD, "run", name, "--data", data, "--output", output, *settings], check=True)
    (graph,) = (output / "artifacts" / "Transform" / "transform_graph").iterdir()
    (examples,) = (output / "artifacts" / "Transform" / "transformed_examples").iterdir()
    return tft.TFTransformOutput(str(graph)), [str(examples / "Split-train" / "*")]


def measure(work, name, rounds):
    """Returns rows, and seconds per epoch of both ways, by round."""
    contract = load_contract(Path(schema.__file__).parent / name)
    task = contract.task
    transform_output, files = prepare(work, name)
    spec = transform_output.transformed_feature_spec()
    counts = dataset.label_counts(files, spec, contract.classes)
    keras.utils.set_random_seed(0)
    model = build_model(task, numbers_of_ids(task, transform_output), counts)
    model.compile("adam", jit_compile=False)
    read = dataset.batches(files, spec, task, shuffle_seed=0)
    held = read.cache()
    steps = sum(1 for _ in held)  # Fills the cache.
    seconds = {"read": [], "held": []}
    for batches in (read, held):
        model.fit(batches, verbose=0)  # Traces.
    for _ in range(rounds):
        for way, batches in (("read", read), ("held", held)):
            began = time.perf_counter()
            model.fit(batches, verbose=0)
            seconds[way].append(time.perf_counter() - began)
    return steps * task.training.batch_size, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--work", type=Path, help="folder of data and runs; a new one, removed at the end, if not given"
    )
    options = parser.parse_args()
    table = Table(title="rows per second of training")
    for column in ("task", "as the Trainer reads", "held in memory", "ratio"):
        table.add_column(column, justify="left" if column == "task" else "right")
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="multihead-bench-")))
        work.mkdir(parents=True, exist_ok=True)
        for name in TASKS:
            rows, seconds = measure(work, name, options.rounds)
            read, held = (rows / statistics.median(seconds[way]) for way in ("read", "held"))
            table.add_row(name, f"{read:,.0f}", f"{held:,.0f}", f"{read / held:.2f}")
            console.print(json.dumps({"task": name, "rows": rows, "seconds": seconds}))
    console.print(table)


if __name__ == "__main__":
    main()
