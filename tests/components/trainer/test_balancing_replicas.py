"""Two replicas do what one device does, whichever of them the labelled rows are on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.trainer.balancing import BALANCING

BATCH = 40


@pytest.fixture(scope="module")
def results(toy):
    # One head with a layer of its own is enough of them: two replicas trace every operation twice.
    task = toy.task(training__batch_size=BATCH, heads__zebra__units=[], heads__apple__units=[])
    rows = toy.rows(5 * BATCH)
    # Replicas take halves of a batch: the first has no label of mango, and few of apple.
    second_half = np.arange(len(rows)) % BATCH >= BATCH // 2
    fifth = np.arange(len(rows)) % 5 == 0
    # The last batch has no label of zebra at all.
    weights = {"mango": second_half, "apple": second_half | fifth, "zebra": np.arange(len(rows)) < 4 * BATCH}
    rows = rows.change(weights={head: mask.astype(np.float32) for head, mask in weights.items()})
    given = {
        "task": task.to_json(),
        "num_ids": toy.num_ids,
        "counts": {head: values.tolist() for head, values in rows.counts(toy.num_classes).items()},
        "rows": [
            {name: np.asarray(values).tolist() for name, values in part.items()}
            for part in (rows.features, rows.labels, rows.weights)
        ],
    }
    program = Path(__file__).with_name("mirrored.py")
    done = subprocess.run(
        [sys.executable, str(program)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "TF_CPP_MIN_LOG_LEVEL": "2"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", BALANCING)
def test_replicas_train_the_same_model(results, kind):
    one, two = results[kind]["one"], results[kind]["two"]
    for alone, mirrored in zip(one["trained"], two["trained"], strict=True):
        np.testing.assert_allclose(alone, mirrored, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("kind", BALANCING)
def test_replicas_keep_the_same_state(results, kind):
    one, two = results[kind]["one"], results[kind]["two"]
    for alone, mirrored in zip(one["state"], two["state"], strict=True):
        np.testing.assert_allclose(alone, mirrored, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", BALANCING)
def test_replicas_log_the_same(results, kind):
    one, two = results[kind]["one"]["logs"], results[kind]["two"]["logs"]
    assert one == pytest.approx(two, rel=1e-3, abs=1e-4)
    assert "cosine/zebra/mango" in one
