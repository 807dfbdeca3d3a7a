import json
import zlib

import numpy as np
import pytest
from scipy.stats.contingency import association, crosstab
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.association import Variables, cramers_v
from components.evaluator.joint import JointMetrics

HEADS = {
    "zebra": {"thresholds": [1 / 2] * 2, "multilabel": False},
    "apple": {"thresholds": [1 / 3] * 3, "multilabel": False},
}
P = {"zebra": np.array([0.2, 0.8]), "apple": np.array([0.1, 0.2, 0.7])}  # Decides 1 and 2.


def row(zebra, apple, predictions=P):
    """Returns a row as TFMA hands it on; None is a missing label."""
    given = {"zebra": zebra, "apple": apple}
    return {
        "labels": {head: np.array([label or 0]) for head, label in given.items()},
        "predictions": predictions,
        "example_weights": {head: np.array([float(label is not None)]) for head, label in given.items()},
    }


def joint(rows, models=None, heads=HEADS, names=("exact_match", "hamming_loss")):
    """Combines rows over two accumulators; returns the named values by model and name."""
    found = {}
    for computation in JointMetrics(heads).computations(model_names=models, example_weighted=True):
        combiner, accumulators = computation.combiner, []
        for part in (rows[:1], rows[1:]):
            sums = combiner.create_accumulator()
            for element in part:
                sums = combiner.add_input(sums, metric_types.StandardMetricInputs(element))
            accumulators.append(combiner.compact(sums) if len(accumulators) else sums)
        values = combiner.extract_output(combiner.merge_accumulators(accumulators))
        found |= {(key.model_name, key.name): value for key, value in values.items() if key.name in names}
    return found


@pytest.mark.parametrize(
    ("rows", "exact_match", "hamming_loss"),
    [
        ([row(1, 2)], 1, 0),
        ([row(1, 0)], 0, 1 / 2),
        ([row(0, 0)], 0, 1),
        ([row(1, 2), row(0, 2), row(0, 1)], 1 / 3, 3 / 6),
        # A missing label is not compared, right or wrong.
        ([row(1, None)], 1, 0),
        ([row(0, None), row(None, 2)], 1 / 2, 1 / 2),
        # Rows without any label do not count.
        ([row(1, 2), row(None, None), row(0, 2)], 1 / 2, 1 / 4),
    ],
)
def test_joint_metrics_compare_labels_that_are_there(rows, exact_match, hamming_loss):
    expected = {("", "exact_match"): exact_match, ("", "hamming_loss"): hamming_loss}
    assert expected == pytest.approx(joint(rows))


def test_without_a_label_anywhere_they_are_undefined():
    assert np.isnan(list(joint([row(None, None)]).values())).all()
    assert np.isnan(list(joint([]).values())).all()


def test_each_model_is_judged_by_its_own_predictions():
    other = {head: p[::-1] for head, p in P.items()}
    rows = [
        {
            part: {"candidate": value, "baseline": other if part == "predictions" else value}
            for part, value in row(*labels).items()
        }
        for labels in [(1, 2), (1, 0)]
    ]
    expected = {
        ("candidate", "exact_match"): 1 / 2,
        ("candidate", "hamming_loss"): 1 / 4,
        ("baseline", "exact_match"): 0,
        ("baseline", "hamming_loss"): 3 / 4,
    }
    assert expected == pytest.approx(joint(rows, ["candidate", "baseline"]))


@pytest.mark.parametrize(
    ("zebra", "thresholds", "wrong"),
    [(1, [0.5, 0.5], 0), (0, [0.5, 0.5], 1), (0, [0.1, 0.9], 0), (1, [0.1, 0.9], 1)],
)
def test_decisions_are_by_the_thresholds_of_the_model(zebra, thresholds, wrong):
    found = joint([row(zebra, None)], heads=HEADS | {"zebra": {"thresholds": thresholds, "multilabel": False}})
    assert found == {("", "exact_match"): 1 - wrong, ("", "hamming_loss"): wrong}


TAGGED = HEADS | {"tags": {"thresholds": [0.5, 0.5, 0.9], "multilabel": True}}


def tagged(apple, tags, mask=1.0):
    """Returns a row with tags of which the second alone is decided."""
    given = row(None, apple)
    given["labels"]["tags"] = np.array(tags)
    given["predictions"] = P | {"tags": np.array([0.1, 0.5, 0.8])}
    given["example_weights"]["tags"] = np.array([mask])
    return given


@pytest.mark.parametrize(
    ("rows", "exact_match", "hamming_loss"),
    [
        ([tagged(2, [0, 1, 0])], 1, 0),
        # A head of tags is right when all of them are; each is a label.
        ([tagged(2, [0, 1, 1])], 0, 1 / 4),
        ([tagged(0, [1, 0, 1])], 0, 1),
        ([tagged(None, [0, 1, 1]), tagged(2, [0, 1, 0])], 1 / 2, 1 / 7),
        ([tagged(2, [0, 0, 0], mask=0.0)], 1, 0),
    ],
)
def test_a_multilabel_head_is_right_when_all_its_tags_are(rows, exact_match, hamming_loss):
    expected = {("", "exact_match"): exact_match, ("", "hamming_loss"): hamming_loss}
    assert expected == pytest.approx(joint(rows, heads=TAGGED))


def test_other_outputs_of_the_model_do_not_count():
    more = P | {"zebra/uncalibrated": np.array([0.9, 0.1]), "apple/uncalibrated": np.array([0.9, 0.1, 0.0])}
    assert joint([row(1, 2, more)]) == joint([row(1, 2)])


@pytest.mark.parametrize("buffered", [2, 3, 1000])
def test_it_makes_no_difference_when_rows_are_counted(monkeypatch, buffered):
    rows = [row(*labels) for labels in [(1, 2), (0, 2), (0, 1), (None, None), (1, None), (None, 2)]]
    expected = {("", "exact_match"): 3 / 5, ("", "hamming_loss"): 3 / 8}
    monkeypatch.setattr("components.evaluator.buffered.BUFFERED_ROWS", buffered)
    assert expected == pytest.approx(joint(rows))


def test_a_score_that_is_no_number_leaves_nothing_but_the_count(monkeypatch):
    names = ("labelled", "exact_match", "hamming_loss", "label_consistency")
    broken = row(1, 2, P | {"zebra": np.array([np.nan, np.nan])})
    for buffered in (1, 100):
        monkeypatch.setattr("components.evaluator.buffered.BUFFERED_ROWS", buffered)
        found = joint([row(1, 2), broken, row(0, 1)], names=names)
        assert found.pop(("", "labelled")) == 3
        assert np.isnan(list(found.values())).all()
    # Of a head that the row has no label of, nobody looks at the score.
    without = row(None, 2, P | {"zebra": np.array([np.nan, np.nan])})
    assert joint([without]) == {("", "exact_match"): 1, ("", "hamming_loss"): 0}


class TestLabelConsistency:
    HEADS = {
        "a": {"thresholds": [0.5, 0.5], "multilabel": False},
        "b": {"thresholds": [1 / 3] * 3, "multilabel": False},
    }
    HEADS |= {"tags": {"thresholds": [0.5, 0.5], "multilabel": True}}

    @staticmethod
    def element(true, decided):
        """Returns a row with true and decided answers of every head; None is a missing label."""
        scores = {"a": np.eye(2)[decided[0]], "b": np.eye(3)[decided[1]], "tags": np.array(decided[2], float)}
        a, b, tags = true
        labels = {"a": np.array([a or 0]), "b": np.array([b or 0]), "tags": np.array(tags or [0, 0])}
        masks = {head: np.array([float(t is not None)]) for head, t in zip(scores, true, strict=True)}
        return {"labels": labels, "predictions": scores, "example_weights": masks}

    def found(self, rows):
        names = ("label_consistency", "association")
        values = joint([self.element(*r) for r in rows], heads=self.HEADS, names=names)
        pairs = json.loads(zlib.decompress(values["", "association"]))
        return values["", "label_consistency"], {tuple(pair["heads"]): pair for pair in pairs}

    def test_it_is_the_largest_difference_over_pairs_of_heads(self):
        rng = np.random.default_rng(3)
        rows = []
        for _ in range(400):
            a, b, tags = int(rng.integers(2)), int(rng.integers(3)), rng.integers(0, 2, 2).tolist()
            b = a if rng.random() < 0.7 else b
            tags[1] = a if rng.random() < 0.5 else tags[1]
            mixed = (a if rng.random() < 0.8 else 1 - a, int(rng.integers(3)), [tags[0], int(rng.integers(2))])
            missing = rng.random(3) < 0.2
            rows.append(([None if m else v for v, m in zip((a, b, tags), missing, strict=True)], mixed))
        value, pairs = self.found(rows)

        def variable(answers, pair, which):
            """Returns the answer of one of the pair's two variables; None without a label."""
            of_head = answers[["a", "b", "tags"].index(pair["heads"][which])]
            return of_head[pair["variables"][which]] if isinstance(of_head, list) else of_head

        for pair in pairs.values():
            both = [answers for answers in rows if None not in [variable(answers[0], pair, which) for which in (0, 1)]]
            assert pair["labelled"] == len(both) < 400
            for key, side in (("true", 0), ("predicted", 1)):
                columns = [[variable(answers[side], pair, which) for answers in both] for which in (0, 1)]
                expected = association(crosstab(*columns).count, method="cramer")
                assert pair[key] == pytest.approx(expected, rel=1e-9)
        assert len(pairs) == 3
        assert value == pytest.approx(max(abs(p["predicted"] - p["true"]) for p in pairs.values()))
        # What is the right answer for every head by itself need not hang together, and here does not.
        assert value > 0.3

    def test_right_answers_hang_together_as_they_should(self):
        rows = [((a, b, [a, 1]), (a, b, [a, 1])) for a, b in [(0, 0), (1, 1), (0, 2), (1, 1)]]
        assert self.found(rows)[0] == 0

    def test_without_a_row_that_has_both_labels_it_is_undefined(self):
        value, pairs = self.found([((0, None, None), (0, 0, [0, 0])), ((None, 1, None), (0, 0, [0, 0]))])
        assert np.isnan(value)
        assert pairs == {}
        value, pairs = self.found([((0, 1, None), (0, 0, [0, 0]))])
        assert (value, set(pairs)) == (0, {("a", "b")})

    def test_of_one_head_it_is_undefined_even_if_it_has_several_tags(self):
        heads = {"tags": self.HEADS["tags"]}
        rows = [self.element((0, 0, tags), (0, 0, [0, 1])) for tags in ([0, 1], [1, 0], [1, 1])]
        assert np.isnan(joint(rows, heads=heads, names=("label_consistency",))["", "label_consistency"])

    def test_tags_of_one_head_are_not_compared_with_each_other(self):
        # Tags that exclude each other, decided as if they did not; the other heads know nothing of them.
        rows = [((0, 0, [0, 1]), (0, 0, [0, 0])), ((0, 0, [1, 0]), (0, 0, [1, 1]))] * 5
        assert self.found(rows)[0] == 0


def test_a_constant_tells_nothing_and_classes_that_do_not_occur_count():
    variables = Variables.of(TestLabelConsistency.HEADS)
    values = np.array([[0, 0, 1, 0], [1, 1, 1, 1]] * 3)
    v, rows = cramers_v(variables.together(values, np.ones_like(values, bool)), variables)
    assert rows.tolist() == [[6] * 4] * 4
    # Variables: a, b (of three classes, one of which does not occur) and two tags, the first of which always applies.
    assert v[0].tolist() == pytest.approx([1, 1, 0, 1])
    three = Variables.of({head: {"thresholds": [1 / 3] * 3, "multilabel": False} for head in "xy"})
    v, _ = cramers_v(three.together(values[:, :2], np.ones((6, 2), bool)), three)
    assert v[0, 1] == pytest.approx(np.sqrt(1 / 2))
