"""What trunks and ways of balancing cost: seconds per training step, as a ratio to `shared` and `fixed`.

    make bench-steps

Takes turns: every configuration runs the same batches in rounds, and the medians of the rounds are compared, so that a
machine that slows down slows all of them. MTL.md's figures for the balancers count a step as three forward passes:
uncertainty and dwa 1.00, famo 1.33, pcgrad (1 + 2 T) / 3 for T heads.
"""

import argparse
import json
import time

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from components.trainer.model import build_model
from schema.task import TaskSpec

NUM_HEADS, NUM_FEATURES, BATCH = 3, 64, 1024
TRUNKS = (
    {"type": "shared"},
    {"type": "shared", "members": 8},
    {"type": "independent"},
    {"type": "mmoe"},
    {"type": "ple"},
)
BALANCING = ("fixed", "uncertainty", "dwa", "famo", "pcgrad")


def make_task(trunk, balancing):
    """Returns a task of numbers and binary heads; the trunk is wide, so that it is what costs."""
    heads = {f"head_{i}": {"type": "multiclass", "units": []} for i in range(NUM_HEADS)}
    return TaskSpec.model_validate_json(
        json.dumps(
            {
                "task": "bench",
                "features": {f"x{i}": {"type": "numeric", "missing_indicator": False} for i in range(NUM_FEATURES)},
                "trunk": {"units": [512, 512], "dropout": 0.0} | trunk,
                "heads": heads,
                "training": {"batch_size": BATCH, "balancing": {"type": balancing}},
                "gates": dict.fromkeys(heads, "none"),
            }
        )
    )


def make_step(task):
    """Returns a compiled training step on one batch, run once, and the number of parameters."""
    keras.utils.set_random_seed(0)
    model = build_model(task, {}, {head: np.array([700, 300]) for head in task.heads})
    model.compile("adam", jit_compile=False)
    rng = np.random.default_rng(0)
    features = {f"x{i}_xf": rng.normal(size=BATCH).astype("float32") for i in range(NUM_FEATURES)}
    labels = {head: rng.integers(0, 2, BATCH) for head in task.heads}
    weights = {head: np.ones(BATCH, "float32") for head in task.heads}
    batch = tf.nest.map_structure(tf.constant, (features, labels, weights))
    step = tf.function(lambda: model.train_step(batch), jit_compile=model.jit_compile, autograph=False)
    step()
    return step, sum(keras.ops.size(variable) for variable in model.trainable_variables)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20, help="in a round")
    arguments = parser.parse_args()
    configurations = [(trunk, "fixed") for trunk in TRUNKS] + [(TRUNKS[0], b) for b in BALANCING[1:]]
    steps = [make_step(make_task(*configuration)) for configuration in configurations]
    seconds = np.zeros((arguments.rounds, len(steps)))
    for i in range(arguments.rounds):
        for j, (step, _) in enumerate(steps):
            started = time.perf_counter()
            for _ in range(arguments.steps):
                step()
            seconds[i, j] = (time.perf_counter() - started) / arguments.steps
    ratios = np.median(seconds / seconds[:, :1], axis=0)
    table = Table("trunk", "balancing", "parameters", "ms per step", "ratio")
    for (trunk, balancing), (_, size), own, ratio in zip(
        configurations, steps, np.median(seconds, axis=0), ratios, strict=True
    ):
        name = trunk["type"] + (f", {trunk['members']} members" if "members" in trunk else "")
        table.add_row(name, balancing, f"{int(size):,}", f"{own * 1000:.1f}", f"{ratio:.2f}")
    Console().print(f"{NUM_HEADS} heads, {BATCH} rows per step, dense layers of 512, 512")
    Console().print(table)


if __name__ == "__main__":
    main()
