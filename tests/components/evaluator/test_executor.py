"""The Evaluator's executor on models of a few lines: both kinds of heads, two models that decide differently."""

import dataclasses
import json

import numpy as np
import pytest

from components.evaluator import config, results
from components.evaluator.counts import decide
from components.evaluator.exported import read_heads
from components.evaluator.metrics import head_metrics
from components.evaluator.results import OVERALL
from components.exported import HEADS_FILE, ExportedHead, to_data

ROWS = 300
RNG = np.random.default_rng(0)
SCORES = {"kind": RNG.dirichlet([1, 1, 1], ROWS).astype(np.float32), "tags": RNG.random((ROWS, 4), np.float32)}
LABELS = {"kind": RNG.integers(0, 3, ROWS), "tags": RNG.integers(0, 2, (ROWS, 4))}
MASKS = {head: (RNG.random(ROWS) < 0.7).astype(np.float32) for head in SCORES}
COLOURS = np.where(np.arange(ROWS) % 3 == 0, "red", "blue")

CANDIDATE = {
    "kind": ExportedHead("multiclass", ("a", "b", "c"), (0.2, 0.3, 0.5)),
    "tags": ExportedHead("multilabel", ("w", "x", "y", "z"), (0.3, 0.5, 0.5, 0.8)),
}
BASELINE = {head: dataclasses.replace(old, thresholds=old.thresholds[::-1]) for head, old in CANDIDATE.items()}


@pytest.fixture(scope="module")
def make_model(tmp_path_factory):
    """Writes a model that looks its answers up; `trained` says whether it also tells those before calibration."""
    import tensorflow as tf

    class Lookup(tf.Module):
        def __init__(self, trained):
            super().__init__()
            self._trained = trained

        @staticmethod
        def _row(examples):
            return tf.io.parse_example(examples, {"row": tf.io.FixedLenFeature([], tf.int64)})["row"]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def evaluation(self, examples):
            outputs = {head: tf.gather(tf.constant(values), self._row(examples)) for head, values in SCORES.items()}
            return outputs | {f"{head}/uncalibrated": p**2 for head, p in outputs.items() if self._trained}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def transform_features(self, examples):
            columns = {f"{head}_label": values for head, values in LABELS.items()}
            columns |= {f"{head}_labelled": values for head, values in MASKS.items()}
            return {name: tf.gather(tf.constant(values), self._row(examples)) for name, values in columns.items()}

    def make(heads, trained=True):
        folder = tmp_path_factory.mktemp("model")
        module = Lookup(trained)
        signatures = {"evaluation": module.evaluation, "transform_features": module.transform_features}
        tf.saved_model.save(module, str(folder / "Format-Serving"), signatures=signatures)
        extra = folder / "Format-Serving" / "assets.extra"
        extra.mkdir()
        (extra / HEADS_FILE).write_text(json.dumps({"heads": heads}))
        return folder

    return make


@pytest.fixture(scope="module")
def evaluate_models(tmp_path_factory, run_evaluator):
    """Runs the executor over the rows; returns the evaluation."""
    import tensorflow as tf

    def serialized(i):
        example = tf.train.Example()
        example.features.feature["row"].int64_list.value.append(i)
        example.features.feature["colour"].bytes_list.value.append(COLOURS[i].encode())
        return example.SerializeToString()

    spec = {"row": tf.io.FixedLenFeature([], tf.int64), "colour": tf.io.FixedLenFeature([], tf.string)}
    return lambda model, baseline, slices=(("colour",),): run_evaluator(
        [serialized(i) for i in range(ROWS)], spec, list(slices), model, baseline
    )


@pytest.fixture(scope="module")
def candidate(make_model):
    return make_model(to_data(CANDIDATE))


@pytest.fixture(scope="module")
def compared(candidate, make_model, evaluate_models):
    return evaluate_models(candidate, make_model(to_data(BASELINE)))


@pytest.fixture(scope="module")
def beside_an_old_one(candidate, make_model, evaluate_models):
    """A baseline of version 0.1, which has neither tags nor thresholds, and only says what it answers."""
    baseline = make_model({"kind": list(CANDIDATE["kind"].classes)}, trained=False)
    return evaluate_models(candidate, baseline)


def expected(heads, head, rows=slice(None), trained=True):
    of_head, p = heads[head], SCORES[head][rows]
    found = head_metrics(
        LABELS[head][rows], p, MASKS[head][rows], of_head.thresholds, of_head.is_multilabel, p**2 if trained else None
    )
    return pytest.approx({name: value for name, value in found.items() if not np.isnan(value)}, rel=1e-6)


@pytest.mark.parametrize(("name", "heads"), [(config.CANDIDATE, CANDIDATE), (config.BASELINE, BASELINE)])
def test_every_model_is_judged_by_its_own_thresholds(compared, name, heads):
    found = results.load(compared.uri, tuple(heads), name)
    for head in heads:
        assert expected(heads, head) == found.heads[head][OVERALL]
        assert expected(heads, head, COLOURS == "red") == found.heads[head][("colour", "red"),]
    other = BASELINE if heads is CANDIDATE else CANDIDATE
    assert expected(other, "tags") != found.heads["tags"][OVERALL]


def test_the_evaluation_knows_the_heads_of_both_models(compared):
    assert read_heads(compared.uri) == (CANDIDATE, BASELINE)


def test_class_names_are_no_metadata_which_kubeflow_puts_on_a_command_line(compared):
    assert compared.mlmd_artifact.custom_properties.keys() == set()


def test_joint_metrics_are_of_decisions(compared):
    right = []
    for head, of_head in CANDIDATE.items():
        is_right = decide(SCORES[head], of_head.thresholds, of_head.is_multilabel) == LABELS[head]
        right.append(np.where(MASKS[head][:, np.newaxis] > 0, is_right.reshape(ROWS, -1), np.nan))
    labels = np.concatenate(right, axis=1)
    labels = labels[~np.isnan(labels).all(axis=1)]
    joint = dict(results.load(compared.uri, tuple(CANDIDATE), config.CANDIDATE).joint[OVERALL])
    assert joint.pop("labelled") == len(labels)
    assert 0 <= joint.pop("label_consistency") <= 1
    assert joint == pytest.approx(
        {"exact_match": (np.nanmin(labels, axis=1) == 1).mean(), "hamming_loss": 1 - np.nanmean(labels)}
    )


def test_without_slices_there_is_the_whole(candidate, evaluate_models):
    found = results.load(evaluate_models(candidate, None, ()).uri, tuple(CANDIDATE))
    for head in CANDIDATE:
        assert list(found.heads[head]) == [OVERALL]
        assert expected(CANDIDATE, head) == found.heads[head][OVERALL]


def test_a_baseline_of_version_0_1_is_compared_on_what_it_has(beside_an_old_one):
    candidate = results.load(beside_an_old_one.uri, tuple(CANDIDATE), config.CANDIDATE)
    baseline = results.load(beside_an_old_one.uri, ("kind",), config.BASELINE)
    for head in CANDIDATE:
        assert expected(CANDIDATE, head) == candidate.heads[head][OVERALL]
    old = {"kind": dataclasses.replace(CANDIDATE["kind"], thresholds=(1 / 3,) * 3)}
    assert expected(old, "kind", trained=False) == baseline.heads["kind"][OVERALL]
    assert "ece_uncalibrated" not in baseline.heads["kind"][OVERALL]
