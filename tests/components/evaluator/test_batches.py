"""Counting whole batches: the same numbers as from the rows of each slice, whatever the batches were."""

import numpy as np
import pytest
from apache_beam.coders import PickleCoder
from tensorflow_model_analysis import constants

from components.evaluator import batches
from components.evaluator.batches import Counter
from components.evaluator.metrics import head_metrics
from components.evaluator.tally import Tally
from components.exported import ExportedHead

ROWS = 1200
RNG = np.random.default_rng(0)
HEADS = {
    "kind": ExportedHead("multiclass", ("a", "b", "c"), (0.2, 0.4, 0.4)),
    "late": ExportedHead("multiclass", ("no", "yes"), (0.7, 0.3)),
    "tags": ExportedHead("multilabel", ("w", "x", "y", "z"), (0.3, 0.5, 0.5, 0.8)),
}
SCORES = {name: RNG.dirichlet([1] * len(head.classes), ROWS).astype(np.float32) for name, head in HEADS.items()}
LABELS = {"kind": RNG.integers(0, 3, ROWS), "late": RNG.integers(0, 2, ROWS), "tags": RNG.integers(0, 2, (ROWS, 4))}
MASKS = {name: (RNG.random(ROWS) < 0.6).astype(np.float32) for name in HEADS}
COLOURS = RNG.choice([b"red", b"blue", b"grey"], ROWS).astype(object)
# Nobody has labelled anything grey.
MASKS["late"][COLOURS == b"grey"] = 0
SLICINGS = [(), ("colour",)]


def extracts(rows, scores=SCORES, trained=True):
    """Returns rows as TFMA's extractors hand on a batch of them, of one model."""
    p = {name: of_head[rows] for name, of_head in scores.items()}
    return {
        constants.INPUT_KEY: np.zeros(len(rows)),
        constants.FEATURES_KEY: {"colour": COLOURS[rows]},
        constants.LABELS_KEY: {name: _column(of_head[rows]) for name, of_head in LABELS.items()},
        constants.EXAMPLE_WEIGHTS_KEY: {name: _column(of_head[rows]) for name, of_head in MASKS.items()},
        constants.PREDICTIONS_KEY: p | ({f"{name}/uncalibrated": v**2 for name, v in p.items()} if trained else {}),
    }


def _column(values):
    return values if values.ndim == 2 else values[:, np.newaxis]


def of_two_models(candidate, baseline):
    own = (constants.LABELS_KEY, constants.EXAMPLE_WEIGHTS_KEY, constants.PREDICTIONS_KEY)
    return {
        part: {"candidate": value, "baseline": baseline[part]} if part in own else value
        for part, value in candidate.items()
    }


def _packed(value):
    return PickleCoder().encode(value)


def evaluate(given, models, candidate="", baseline=""):
    """Counts batches over several accumulators; returns the metrics by slice and (model, head, name)."""
    combiner, sums = batches._Sum(), {}
    for batch in given:
        for index, tally in Counter(models, SLICINGS).count(batch):
            accumulators = sums.setdefault(index, [combiner.create_accumulator(), combiner.create_accumulator()])
            accumulators[0] = combiner.add_input(accumulators[0], tally)
            accumulators.reverse()
    found = {}
    for accumulators in sums.values():
        travelled = [PickleCoder().decode(_packed(combiner.compact(part))) for part in accumulators]
        tally = combiner.extract_output(combiner.merge_accumulators(travelled))
        for key, metrics in tally.metrics(candidate, baseline):
            assert key not in found
            found[key] = metrics
    return found


def named(metrics, model, head):
    """Returns numbers by name, of a head."""
    return {
        key.name: value
        for key, value in metrics.items()
        if (key.model_name, key.output_name, key.is_diff) == (model, head, False) and not isinstance(value, bytes)
    }


def in_parts(size, **kwargs):
    return [extracts(np.arange(ROWS)[start : start + size], **kwargs) for start in range(0, ROWS, size)]


@pytest.mark.parametrize("size", [ROWS, 500, 7])
@pytest.mark.parametrize("min_size", [1, 1 << 20])
def test_every_head_of_every_slice_has_the_metrics_of_its_labelled_rows(monkeypatch, size, min_size):
    monkeypatch.setattr(batches, "_MIN_SIZE", min_size)
    found = evaluate(in_parts(size), {"": HEADS})
    assert set(found) == {(), (("colour", "red"),), (("colour", "blue"),), (("colour", "grey"),)}
    for key, metrics in found.items():
        rows = dict(key)["colour"].encode() == COLOURS if key else np.ones(ROWS, bool)
        for name, head in HEADS.items():
            p = SCORES[name][rows]
            expected = head_metrics(LABELS[name][rows], p, MASKS[name][rows], head.thresholds, head.is_multilabel, p**2)
            assert expected == pytest.approx(named(metrics, "", name), rel=1e-9, nan_ok=True)
    nothing = named(found[("colour", "grey"),], "", "late")
    assert nothing.pop("labelled") == 0
    assert np.isnan(list(nothing.values())).all()


def test_what_is_drawn_comes_with_the_whole_alone():
    found = evaluate(in_parts(ROWS), {"": HEADS})
    drawn = {
        key: {k.name for k, value in metrics.items() if isinstance(value, bytes)} for key, metrics in found.items()
    }
    assert drawn.pop(()) == {"distributions", "association"}
    assert set(map(len, drawn.values())) == {0}


def test_a_model_that_does_not_tell_what_it_was_trained_to_give_lacks_that_metric_alone():
    found = named(evaluate(in_parts(500, trained=False), {"": HEADS})[()], "", "kind")
    assert [name for name, value in found.items() if np.isnan(value)] == ["ece_uncalibrated"]


class TestTwoModels:
    HALF = {name: p * 0 + 0.5 for name, p in SCORES.items()}

    def found(self, heads_of_baseline):
        both = [of_two_models(a, b) for a, b in zip(in_parts(500), in_parts(500, scores=self.HALF), strict=True)]
        return evaluate(both, {"candidate": HEADS, "baseline": heads_of_baseline}, "candidate", "baseline")

    def test_each_has_its_own_metrics(self):
        found = self.found(HEADS)
        alone = [evaluate(in_parts(500, scores=scores), {"": HEADS}) for scores in (SCORES, self.HALF)]
        for key, metrics in found.items():
            for model, expected in zip(("candidate", "baseline"), alone, strict=True):
                for head in (*HEADS, ""):
                    assert named(expected[key], "", head) == pytest.approx(named(metrics, model, head), nan_ok=True)

    def test_every_number_of_both_is_compared(self):
        for metrics in self.found(HEADS).values():
            by_key = {(key.model_name, key.output_name, key.name, key.is_diff): v for key, v in metrics.items()}
            numbers = [key for key, value in by_key.items() if key[0] == "candidate" and not isinstance(value, bytes)]
            differences = {key[1:3]: by_key[key] for key in numbers if key[3]}
            expected = {key[1:3]: by_key[key] - by_key[("baseline", *key[1:])] for key in numbers if not key[3]}
            assert expected == pytest.approx(differences, nan_ok=True)

    def test_a_baseline_without_a_head_has_nothing_of_it_and_nothing_joint(self):
        metrics = self.found({"kind": HEADS["kind"]})[()]
        heads = {key.output_name for key in metrics if key.model_name == "baseline"}
        assert heads == {"kind"}
        assert {key.output_name for key in metrics if key.is_diff} == {"kind"}


def test_hundreds_of_slices_stay_small():
    batch = extracts(np.arange(ROWS))
    batch[constants.FEATURES_KEY] = {"colour": RNG.permutation(np.arange(ROWS)) // 3}
    (_, tally), *_ = list(Counter({"": HEADS}, [("colour",)]).count(batch))
    assert len(tally.keys) == ROWS // 3
    # Of a few rows each: a histogram of all bins would have 160,000 bytes for every class and slice.
    for given in (tally, Tally.merged([tally, tally])):
        assert len(_packed(given)) / len(tally.keys) < 5000
