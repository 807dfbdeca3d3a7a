"""Our files of results beside those of TFMA's own writers."""

from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api.model_eval_lib import default_writers

from components.evaluator import config, written
from components.evaluator.counts import HeadRows
from components.evaluator.tally import Tally
from components.exported import ExportedHead

ROWS = 60
HEADS = {"late": ExportedHead("multiclass", ("no", "yes"), (0.6, 0.4))}
RNG = np.random.default_rng(0)


def tally(keys):
    """Returns counts of random rows, each of which is in one of the slices."""
    p = RNG.dirichlet([1, 1], ROWS)
    rows = HeadRows.of(RNG.integers(0, 2, ROWS), p, (0.6, 0.4), False, p**2)
    groups = np.arange(ROWS) % len(keys)
    return Tally(tuple(keys), {("", "late"): rows.counted(np.arange(ROWS), groups, len(keys))})


TALLIES = [tally([()]), tally([(("colour", "red"),), (("colour", "blue"),), (("colour", 7),)])]


def write(folder):
    for of_slicing in enumerate(TALLIES):
        written.write_metrics(of_slicing, str(folder), len(TALLIES), "", "")


def found(folder):
    """Returns what TFMA loads: its metrics by slice, as text."""
    result = tfma.load_eval_result(str(folder))
    return result, {str(key): str(metrics) for key, metrics in result.slicing_metrics}


def test_tfma_reads_what_its_own_writers_would_have_left(beam_arguments, tmp_path):
    given = config.eval_config(config.slicing_config([("colour",)]), config.models_of(HEADS, {}))
    ours, own = tmp_path / "ours", tmp_path / "own"
    ours.mkdir()
    write(ours)
    written.write_config(str(ours), given, {"": Path("/model")})
    model = tfma.EvalSharedModel(model_path="/model")
    with beam.Pipeline(argv=beam_arguments) as pipeline:
        metrics = pipeline | beam.Create([item for part in TALLIES for item in part.metrics("", "")]).with_output_types(
            Any
        )
        writers = default_writers(str(own), eval_shared_model=model, eval_config=given)
        _ = {"metrics": metrics} | tfma.WriteResults(writers)
    (result, by_slice), (expected, expected_by_slice) = found(ours), found(own)
    assert len(by_slice) == 4
    assert by_slice == expected_by_slice
    assert (result.config, result.model_location) == (expected.config, expected.model_location) == (given, "/model")
    assert {file.name for file in ours.iterdir()} == {
        "eval_config.json",
        "metrics-00000-of-00002.tfrecord",
        "metrics-00001-of-00002.tfrecord",
    }


def test_a_second_try_leaves_nothing_twice(tmp_path):
    write(tmp_path)
    _, once = found(tmp_path)
    write(tmp_path)
    result, twice = found(tmp_path)
    assert len(result.slicing_metrics) == 4
    assert once == twice


def test_a_writer_that_is_killed_leaves_nothing_that_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(written.fileio, "rename", lambda *_, **__: None)
    write(tmp_path)
    assert len(list(tmp_path.iterdir())) == len(TALLIES)
    assert not found(tmp_path)[1]
