"""The fresh process: loads an exported model as a server would, asks it, and says what it answered.

`python -m components.canary.probe MODEL EXAMPLES WARMUP` prints one JSON object per line, as soon as it is known: a
model may end the process at any request.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components import raw_examples
from components.canary import checks, warmup
from components.canary.requests import Request, Row, examples, given_columns, read_rows, requests
from components.servable import Servable
from schema import names
from schema.errors import DataError

# One-row requests for the latencies, or as many as fit into the time.
LATENCY_REQUESTS = 200
LATENCY_SECONDS = 2.0

LOADING = "loading"


def main(model: str, folder: str, warmup_file: str) -> None:
    """Prints what there is to say.

    Args:
        model: SavedModel folder.
        folder: Of raw examples, gzip TFRecords.
        warmup_file: To write, for TensorFlow Serving.
    """
    for line in probe(Path(model), folder, Path(warmup_file)):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def probe(model: Path, folder: str, warmup_file: Path) -> Iterator[dict[str, Any]]:
    """Yields `{"asking": [signature, request]}` before and `{"check": ...}` after each request; latencies at the end.

    Args:
        model: SavedModel folder.
        folder: Of raw examples.
        warmup_file: To write.
    """
    yield {"asking": [LOADING, str(model)]}
    try:
        servable = Servable.load(model)
    except DataError as error:
        yield _check(LOADING, str(model), str(error))
        return
    rows = read_rows(raw_examples.first(folder), servable.exported.features)
    if not rows:
        yield _check(LOADING, folder, "there are no rows to ask about")
        return
    warmup.write(warmup_file, rows, servable.exported)
    sound = set(checks.SIGNATURES)
    for request in requests(rows, servable.exported.features):
        answers: dict[str, checks.Answer] = {}
        for signature in checks.SIGNATURES:
            yield {"asking": [signature, request.name]}
            problem = _problem(servable, signature, request, answers)
            if problem:
                sound.discard(signature)
            yield _check(signature, request.name, problem)
        if names.SERVING_TF_EXAMPLE in answers:
            difference = checks.disagreement(answers, servable.exported)
            yield _check("signatures compared", request.name, difference)
    yield {"latency": {signature: _latency(servable, signature, rows) for signature in sorted(sound)}}


def _check(signature: str, request: str, problem: str | None) -> dict[str, Any]:
    check = {"signature": signature, "request": request, "ok": problem is None, "message": problem or ""}
    return {"check": check}


def _problem(servable: Servable, signature: str, request: Request, answers: dict[str, checks.Answer]) -> str | None:
    """Returns what is wrong with the answer to a request, and puts a right one among the answers."""
    must_refuse = request.is_broken and signature != names.TRANSFORM_FEATURES  # Which leaves images as they are.
    try:
        answer = _ask(servable, signature, request.rows)
    except DataError as error:
        return None if must_refuse else f"it refused: {error}"
    except tf.errors.OpError as error:
        return f"it failed: {error.message}"
    if must_refuse:
        return "it answered, expected it to refuse the image"
    found = checks.problem(signature, answer, servable.exported, len(request.rows))
    if found is None:
        answers[signature] = answer
    return found


def _ask(servable: Servable, signature: str, rows: Sequence[Row]) -> checks.Answer:
    features = servable.exported.features
    if signature == names.SERVING_DEFAULT:
        return servable.predict(given_columns(rows, features))
    return servable.predict_examples(examples(rows, features), signature)


def _latency(servable: Servable, signature: str, rows: Sequence[Row]) -> dict[str, float]:
    """Returns percentiles of the time that one row takes, in milliseconds; its way into tensors is part of it."""
    seconds: list[float] = []
    for row in itertools.islice(itertools.cycle(rows), LATENCY_REQUESTS):
        started = time.perf_counter()
        _ask(servable, signature, [row])
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > LATENCY_SECONDS:
            break
    p50, p99 = np.percentile(seconds, (50, 99)) * 1000
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


if __name__ == "__main__":
    main(*sys.argv[1:])
    # All is said: what TensorFlow's threads do while Python shuts down is nothing to hold against the model.
    os._exit(0)
