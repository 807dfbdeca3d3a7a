"""Planted drift is found and named, and nothing else is."""

import json

import numpy as np
import pyarrow as pa
import pytest

from components.data_gate.drift import compare as module
from components.data_gate.drift.compare import SpanCounts, compare
from components.data_gate.drift.counts import count
from schema.drift import PREVIOUS, WINDOW, Watched

KINDS = {"colour": "category", "amount": "number", "text": "length", "kind": "category"}
ROWS = 1000


def watched(**stated):
    return [Watched(name, kind, name == "kind", stated.get(name, {})) for name, kind in KINDS.items()]


def draw(seed, rows=ROWS, amount=0.0, red=0.5, dog=0.3, missing=0.02, length=20):
    """Rows of one day, drawn from the same distribution as those of any other unless something is planted."""
    random = np.random.default_rng(seed)
    texts = [b"x" * n for n in random.poisson(length, rows)]
    colours = random.choice([b"red", b"green", b"blue"], rows, p=[red, 0.7 * (1 - red), 0.3 * (1 - red)])
    kinds = random.choice([b"dog", b"cat"], rows, p=[dog, 1 - dog])
    amounts = random.normal(amount, size=rows)
    is_missing = random.random(rows) < missing
    return {
        "colour": [[c] for c in colours.tolist()],
        "amount": [None if gone else [a] for gone, a in zip(is_missing, amounts.tolist(), strict=True)],
        "text": [[t] for t in texts],
        "kind": [[k] for k in kinds.tolist()],
    }


def span(label, columns):
    arrays = {
        name: pa.array(values, pa.list_(pa.float64() if name == "amount" else pa.binary()))
        for name, values in columns.items()
    }
    rows = len(columns["kind"])
    return SpanCounts(label, rows, {name: count(array, rows, KINDS[name]) for name, array in arrays.items()})


def days(number, first_seed=0, **planted):
    """Days of one distribution, the newest of them with something planted."""
    older = [span(f"day {i}", draw(first_seed + i)) for i in range(1, number)]
    return [*older, span(f"day {number}", draw(first_seed + number, **planted))]


def entry(found, name, against):
    [part] = [part for part in found["compared"] if part["with"] == against]
    [column] = [column for column in [*part["features"], *part["labels"]] if column["name"] == name]
    return column


def moved(found):
    """Returns what moved, by column, and with what compared."""
    columns = {
        (part["with"], column["name"])
        for part in found["compared"]
        for column in [*part["features"], *part["labels"]]
        if column["moved"]
    }
    return columns | {(part["with"], "rows") for part in found["compared"] if part["rows"]["moved"]}


@pytest.mark.parametrize("seed", range(0, 2000, 100))
@pytest.mark.parametrize("number", [2, 8])
def test_days_of_one_distribution_do_not_drift(seed, number):
    found = compare(days(number, seed), 1, watched(), "warn")
    assert found["findings"] == []
    assert len(found["compared"]) == 2
    assert moved(found) == set()


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("rows", [1, 5, 40, 150])
def test_nor_does_a_small_day(seed, rows):
    few = compare(days(4, 50 * seed, rows=rows), 1, watched(), "warn")
    assert {name for _, name in moved(few)} <= {"rows"}


@pytest.mark.parametrize(
    ("planted", "column", "words"),
    [
        (
            {"red": 0.95},
            "colour",
            ["column 'colour'", "'red' from 5", "to 9", "largest difference of a share", "at most 0.1"],
        ),
        ({"amount": 2.0}, "amount", ["column 'amount'", "median", "Jensen-Shannon divergence", "at most 0.1"]),
        ({"length": 40}, "text", ["column 'text'", "median length in bytes 20 in", "40 in"]),
        ({"dog": 0.7}, "kind", ["head 'kind'", "'dog' from 3"]),
        ({"missing": 0.5}, "amount", ["column 'amount'", "2.", "of the rows of", "have no value", "difference 4"]),
        ({"rows": 10 * ROWS}, "rows", ["rows: 1,000", "10,000 in day 8", "10 times as many, at most 3 times"]),
        ({"rows": ROWS // 10}, "rows", ["rows: 1,000", "100 in day 8", "10 times as few, at most 3 times"]),
    ],
    ids=["category", "number", "length", "label", "missing", "more rows", "fewer rows"],
)
def test_what_is_planted_is_found_in_both_comparisons_and_nothing_else(planted, column, words):
    found = compare(days(8, **planted), 1, watched(), "stop")
    assert moved(found) == {(WINDOW, column), (PREVIOUS, column)}
    assert len(found["findings"]) == 2
    for sentence, where in zip(found["findings"], ["day 1 to day 7", "day 7"], strict=True):
        assert where in sentence
        assert "day 8" in sentence
        assert [word for word in words if word not in sentence] == []


def test_a_sentence_says_where_its_threshold_stands():
    by_default = compare(days(3, amount=2.0), 1, watched(), "warn")["findings"]
    assert "the default where skew_comparator of 'amount' in schema.pbtxt states none" in by_default[0]
    assert "the default where drift_comparator of 'amount' in schema.pbtxt states none" in by_default[1]
    stated = compare(days(3, amount=2.0), 1, watched(amount={WINDOW: 0.2}), "warn")["findings"]
    assert "at most 0.2 (skew_comparator of 'amount' in schema.pbtxt)" in stated[0]


def test_both_histograms_are_there():
    found = json.loads(json.dumps(compare(days(3, red=0.9), 1, watched(), "warn"), allow_nan=False))
    colour, amount = entry(found, "colour", WINDOW), entry(found, "amount", WINDOW)
    assert colour["newest"]["values"] == colour["reference"]["values"]
    assert sum(colour["newest"]["counts"]) == ROWS
    assert sum(colour["reference"]["counts"]) == 2 * ROWS
    assert amount["newest"]["edges"] == amount["reference"]["edges"]
    assert sum(amount["reference"]["counts"]) == pytest.approx(2 * ROWS * 0.98, rel=0.02)


def test_a_new_category_is_named_even_if_it_is_rare_and_only_where_no_day_had_it():
    rows = draw(9)
    rows["colour"][:30] = [[b"pink"]] * 30
    newest = span("day 9", rows)
    found = compare([*days(8), newest], 1, watched(), "warn")
    [sentence] = found["findings"]
    assert sentence == (
        "column 'colour': 3.0% of the values of day 9 are new since day 1 to day 8: 'pink'; "
        "at most 1.0% (as every column may, up to 1%)"
    )
    assert entry(found, "colour", WINDOW)["new"]["values"] == ["pink"]
    assert entry(found, "colour", PREVIOUS)["new"] is None
    assert compare([*days(8), newest, span("day 10", draw(10))], 1, watched(), "warn")["findings"] == []


def test_one_row_of_a_new_category_is_no_drift():
    rows = draw(9)
    rows["colour"][0] = [b"pink"]
    found = compare([*days(8), span("day 9", rows)], 1, watched(), "warn")
    assert found["findings"] == []
    assert entry(found, "colour", WINDOW)["new"]["values"] == ["pink"]


def test_what_is_new_every_day_is_no_drift():
    """A column such as the day itself."""

    def day(i):
        return span(f"day {i}", draw(i) | {"colour": [[f"day {i}".encode()]] * ROWS})

    found = compare([day(i) for i in range(1, 6)], 1, watched(), "warn")
    assert found["findings"] == []
    colour = entry(found, "colour", WINDOW)
    assert colour["distance"] > 0.9
    assert colour["note"] == "over the threshold, but spans before it differ as much"
    stated = compare([day(i) for i in range(1, 6)], 1, watched(colour={WINDOW: 0.5}), "warn")
    assert (WINDOW, "colour") in moved(stated)


def test_a_threshold_of_the_schema_counts_as_it_stands():
    slightly = days(8, amount=0.5)
    assert moved(compare(slightly, 1, watched(), "warn")) == set()
    strict = compare(slightly, 1, watched(amount={WINDOW: 0.02}), "warn")
    assert moved(strict) == {(WINDOW, "amount")}
    assert entry(strict, "amount", WINDOW)["threshold"] == 0.02
    far = days(8, amount=3.0)
    assert moved(compare(far, 1, watched(amount={WINDOW: 1.0, PREVIOUS: 1.0}), "warn")) == set()


def test_a_day_that_judges_is_no_part_of_what_is_learnt_from():
    odd = [span(f"day {i}", draw(i, amount=3.0 if i == 4 else 0.0)) for i in range(1, 6)]
    learnt = compare(odd, 2, watched(), "warn")
    [window] = [part for part in learnt["compared"] if part["with"] == WINDOW]
    assert window["span"] == "day 1 to day 3"
    assert moved(learnt) == {(PREVIOUS, "amount")}


def test_days_without_rows_do_not_count():
    nothing = span("day 2", {name: [] for name in KINDS})
    found = compare([span("day 1", draw(1)), nothing, span("day 3", draw(3))], 1, watched(), "warn")
    assert [part["span"] for part in found["compared"]] == ["day 1", "day 1"]
    assert found["findings"] == []


def test_one_day_has_nothing_to_compare_with():
    assert compare(days(1), 1, watched(), "warn") == {"mode": "warn", "compared": [], "findings": []}


def test_a_column_without_a_value_on_either_side_has_no_distance():
    gone = span("day 3", draw(3) | {"amount": [None] * ROWS})
    found = compare([span("day 1", draw(1)), span("day 2", draw(2)), gone], 1, watched(), "warn")
    amount = entry(found, "amount", WINDOW)
    assert (amount["distance"], amount["note"]) == (None, "no value in day 3")
    assert moved(found) == {(WINDOW, "amount"), (PREVIOUS, "amount")}
    came = compare([gone, span("day 4", draw(4))], 1, watched(), "warn")
    assert entry(came, "amount", WINDOW)["note"] == "no value in day 3"
    both = compare([gone, gone], 1, watched(), "warn")
    assert both["findings"] == []


def test_named_new_categories_are_capped(monkeypatch):
    monkeypatch.setattr(module, "_MAX_NAMED", 3)
    rows = draw(9)
    rows["colour"][:300] = [[f"new {i % 20:02}".encode()] for i in range(300)]
    found = compare([*days(8), span("day 9", rows)], 1, watched(), "warn")
    assert len(entry(found, "colour", WINDOW)["new"]["values"]) == 3
    assert "'new 04' and 15 more" in " ".join(found["findings"])
