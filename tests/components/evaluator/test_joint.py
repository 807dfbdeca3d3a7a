import numpy as np
import pytest
from scipy.stats.contingency import association, crosstab

from components.evaluator.association import Variables, cramers_v
from components.evaluator.joint import JointCounts, JointRows, association_of, joint_metrics_by_group
from components.exported import ExportedHead


def head(*thresholds, multilabel=False):
    """Returns a head whose classes have these thresholds."""
    classes = tuple(map(str, range(len(thresholds))))
    return ExportedHead("multilabel" if multilabel else "multiclass", classes, thresholds)


HEADS = {"zebra": head(1 / 2, 1 / 2), "apple": head(1 / 3, 1 / 3, 1 / 3)}
P = {"zebra": [0.2, 0.8], "apple": [0.1, 0.2, 0.7]}  # Decides 1 and 2.


def row(zebra, apple, predictions=P):
    """Returns labels, masks and probabilities of a row by head; None is a missing label."""
    given = {"zebra": zebra, "apple": apple}
    return {
        "labels": {name: label or 0 for name, label in given.items()},
        "masks": {name: label is not None for name, label in given.items()},
        "predictions": predictions,
    }


def count(rows, heads):
    """Counts rows, of which there may be none, in one group."""
    shapes = {name: (-1, len(of.classes)) if of.is_multilabel else (-1,) for name, of in heads.items()}
    found = JointRows.of(
        heads,
        {name: np.array([r["labels"][name] for r in rows], int).reshape(shapes[name]) for name in heads},
        {
            name: np.array([r["predictions"][name] for r in rows]).reshape(-1, len(heads[name].classes))
            for name in heads
        },
        {name: np.array([r["masks"][name] for r in rows], bool) for name in heads},
    )
    everything = np.arange(len(rows))
    return found.counted(everything, np.zeros_like(everything), 1)


def joint(rows, heads=HEADS, names=("exact_match", "hamming_loss")):
    """Counts rows in two parts; returns the named metrics, and the association if it is among the names."""
    one = np.zeros(1, int)
    counts = JointCounts.merged([count(rows[:1], heads), count(rows[1:], heads)], [one, one], 1)
    found = {name: values.item() for name, values in joint_metrics_by_group(counts).items()}
    return {name: found[name] if name in found else association_of(counts) for name in names}


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
    expected = {"exact_match": exact_match, "hamming_loss": hamming_loss}
    assert expected == pytest.approx(joint(rows))


def test_without_a_label_anywhere_they_are_undefined():
    assert np.isnan(list(joint([row(None, None)]).values())).all()
    assert np.isnan(list(joint([]).values())).all()


@pytest.mark.parametrize(
    ("zebra", "thresholds", "wrong"),
    [(1, [0.5, 0.5], 0), (0, [0.5, 0.5], 1), (0, [0.1, 0.9], 0), (1, [0.1, 0.9], 1)],
)
def test_decisions_are_by_the_thresholds_of_the_model(zebra, thresholds, wrong):
    found = joint([row(zebra, None)], heads=HEADS | {"zebra": head(*thresholds)})
    assert found == {"exact_match": 1 - wrong, "hamming_loss": wrong}


TAGGED = HEADS | {"tags": head(0.5, 0.5, 0.9, multilabel=True)}


def tagged(apple, tags, mask=True):
    """Returns a row with tags of which the second alone is decided."""
    given = row(None, apple)
    given["labels"]["tags"] = tags
    given["predictions"] = P | {"tags": [0.1, 0.5, 0.8]}
    given["masks"]["tags"] = mask
    return given


@pytest.mark.parametrize(
    ("rows", "exact_match", "hamming_loss"),
    [
        ([tagged(2, [0, 1, 0])], 1, 0),
        # A head of tags is right when all of them are; each is a label.
        ([tagged(2, [0, 1, 1])], 0, 1 / 4),
        ([tagged(0, [1, 0, 1])], 0, 1),
        ([tagged(None, [0, 1, 1]), tagged(2, [0, 1, 0])], 1 / 2, 1 / 7),
        ([tagged(2, [0, 0, 0], mask=False)], 1, 0),
    ],
)
def test_a_multilabel_head_is_right_when_all_its_tags_are(rows, exact_match, hamming_loss):
    expected = {"exact_match": exact_match, "hamming_loss": hamming_loss}
    assert expected == pytest.approx(joint(rows, heads=TAGGED))


def test_other_outputs_of_the_model_do_not_count():
    more = P | {"zebra/uncalibrated": [0.9, 0.1], "apple/uncalibrated": [0.9, 0.1, 0.0]}
    assert joint([row(1, 2, more)]) == joint([row(1, 2)])


def test_a_score_that_is_no_number_leaves_nothing_but_the_count():
    names = ("labelled", "exact_match", "hamming_loss", "label_consistency", "association")
    broken = row(1, 2, P | {"zebra": [np.nan, np.nan]})
    found = joint([row(1, 2), broken, row(0, 1)], names=names)
    assert (found.pop("labelled"), found.pop("association")) == (3, [])
    assert np.isnan(list(found.values())).all()
    # Of a head that the row has no label of, nobody looks at the score.
    without = row(None, 2, P | {"zebra": [np.nan, np.nan]})
    assert joint([without]) == {"exact_match": 1, "hamming_loss": 0}


class TestLabelConsistency:
    HEADS = {"a": head(0.5, 0.5), "b": head(1 / 3, 1 / 3, 1 / 3), "tags": head(0.5, 0.5, multilabel=True)}

    @staticmethod
    def element(true, decided):
        """Returns a row with true and decided answers of every head; None is a missing label."""
        scores = {"a": np.eye(2)[decided[0]], "b": np.eye(3)[decided[1]], "tags": np.array(decided[2], float)}
        a, b, tags = true
        masks = {name: t is not None for name, t in zip(scores, true, strict=True)}
        return {"labels": {"a": a or 0, "b": b or 0, "tags": tags or [0, 0]}, "predictions": scores, "masks": masks}

    def found(self, rows):
        names = ("label_consistency", "association")
        values = joint([self.element(*r) for r in rows], heads=self.HEADS, names=names)
        return values["label_consistency"], {tuple(pair["heads"]): pair for pair in values["association"]}

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
        assert np.isnan(joint(rows, heads=heads, names=("label_consistency",))["label_consistency"])

    def test_tags_of_one_head_are_not_compared_with_each_other(self):
        # Tags that exclude each other, decided as if they did not; the other heads know nothing of them.
        rows = [((0, 0, [0, 1]), (0, 0, [0, 0])), ((0, 0, [1, 0]), (0, 0, [1, 1]))] * 5
        assert self.found(rows)[0] == 0


def test_a_constant_tells_nothing_and_classes_that_do_not_occur_count():
    variables = Variables.of(TestLabelConsistency.HEADS)
    values = np.array([[0, 0, 1, 0], [1, 1, 1, 1]] * 3)
    of_all = np.zeros(6, int)
    together = variables.together(values, np.ones_like(values, bool), of_all).dense(0).reshape(9, 9)
    v, rows = cramers_v(together.astype(float), variables)
    assert rows.tolist() == [[6] * 4] * 4
    # Variables: a, b (of three classes, one of which does not occur) and two tags, the first of which always applies.
    assert v[0].tolist() == pytest.approx([1, 1, 0, 1])
    three = Variables.of({name: head(1 / 3, 1 / 3, 1 / 3) for name in "xy"})
    together = three.together(values[:, :2], np.ones((6, 2), bool), of_all).dense(0).reshape(6, 6)
    v, _ = cramers_v(together.astype(float), three)
    assert v[0, 1] == pytest.approx(np.sqrt(1 / 2))
