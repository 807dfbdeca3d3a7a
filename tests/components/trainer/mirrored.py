"""Trains by every balancer on one device and on two replicas; a program of its own, as devices are set at the start.

Reads {"task": TaskSpec as JSON, "num_ids": ..., "counts": ..., "rows": [features, labels, weights]} from standard
input, and writes {balancer: {"one" or "two": {"trained": variables, "state": variables, "logs": of the last epoch}}}.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from components.trainer.balancing import BALANCING
from components.trainer.balancing.epoch_end import EpochEnd
from components.trainer.gradient_cosine import GradientCosine
from components.trainer.model import build_model
from schema.task import TaskSpec

EPOCHS = 3


def train(task, num_ids, counts, rows, strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = build_model(task, num_ids, counts)
        # On one device op by op: to trace the step would take longer than to do it so few times.
        is_eager = strategy.num_replicas_in_sync == 1
        model.compile(keras.optimizers.SGD(0.1), jit_compile=False, run_eagerly=is_eager)
        model.optimizer.build(model.trainable_variables)  # Else the step would be traced twice.
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(task.training.batch_size)
    callbacks = [EpochEnd(), GradientCosine(batches)]
    # One iterator over the epochs, as in fit.py, and rows to judge on once: iterators of two replicas are dear.
    steps = int(batches.cardinality())
    epochs = {"epochs": EPOCHS, "steps_per_epoch": steps, "validation_freq": EPOCHS}
    logs = model.fit(batches.repeat(), validation_data=batches, callbacks=callbacks, verbose=0, **epochs).history
    return {
        "trained": [variable.numpy().tolist() for variable in model.trainable_variables],
        "state": [np.array(variable).tolist() for variable in model.balancer.variables()],
        "logs": {name: values[-1] for name, values in logs.items()},
    }


def main():
    given = json.load(sys.stdin)
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategies = {"one": tf.distribute.get_strategy(), "two": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])}
    counts = {head: np.array(values) for head, values in given["counts"].items()}
    columns = [{name: np.array(values) for name, values in part.items()} for part in given["rows"]]
    floats = [
        {name: values.astype("float32" if values.dtype.kind == "f" else "int64") for name, values in part.items()}
        for part in columns
    ]
    results = {}
    for kind in BALANCING:
        task = json.loads(given["task"])
        task["training"]["balancing"] = {"type": kind}
        spec = TaskSpec.from_json(json.dumps(task))
        results[kind] = {
            name: train(spec, given["num_ids"], counts, tuple(floats), strategy)
            for name, strategy in strategies.items()
        }
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
