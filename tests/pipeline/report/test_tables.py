"""The report on the terminal."""

import io

import pytest
from rich.console import Console

from pipeline.report import tables


def text(renderable, width=150):
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    console.print(renderable)
    return console.file.getvalue()


def rows(report, title):
    """Returns the cells of the table under a title, line by line."""
    lines = text(tables.render(report)).partition(title)[2].splitlines()[1:]
    body = lines[next(i for i, line in enumerate(lines) if line.startswith("┡")) + 1 :]
    end = next(i for i, line in enumerate(body) if line.startswith("└"))
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in body[:end]]


class TestVerdict:
    @pytest.mark.parametrize(
        ("blessed", "pushed", "expected"),
        [
            (True, "/serving/4", "BLESSED, pushed to /serving/4"),
            (True, None, "BLESSED, not pushed"),
            (False, None, "NOT BLESSED, nothing pushed"),
        ],
    )
    def test_line(self, report, blessed, pushed, expected):
        report.update(blessed=blessed, pushed=pushed)
        assert tables.verdict_line(report).plain == expected
        assert text(tables.render(report)).splitlines()[0] == expected

    @pytest.mark.parametrize(
        ("baseline", "expected"),
        [("/serving/3", "compared with /serving/3"), (None, "no baseline yet: value gates only")],
    )
    def test_baseline(self, report, baseline, expected):
        report["baseline"] = baseline
        assert text(tables.render(report)).splitlines()[1] == f"toy, run 20260101-000000, {expected}"

    def test_failed_gates(self, report):
        assert tables.failed_gates(report) == ["kind: accuracy is too low"]


class TestTables:
    def test_labelled_rows(self, report):
        assert rows(report, "Labelled rows") == [
            ["kind", "cat, dog", "-", "8,000", "1,001", "999"],
            ["size", "small, large", "-", "10", "2", "0"],
        ]

    @pytest.mark.parametrize(
        ("type_", "thresholds", "shown"),
        [
            ("multiclass", {"cat": 0.5, "dog": 0.5}, "likeliest"),
            ("multiclass", {"cat": 0.8125, "dog": 0.1875}, "dog 0.188"),
            ("multiclass", {"a": 0.7, "b": 0.2, "c": 0.1}, "a 0.7, b 0.2, c 0.1"),
            ("multilabel", {"cat": 0.5, "dog": 0.5}, "0.5"),
            ("multilabel", {"cat": 0.5, "dog": 0.25}, "cat 0.5, dog 0.25"),
        ],
    )
    def test_thresholds_where_the_report_has_them(self, report, type_, thresholds, shown):
        report["heads"]["kind"].update(type=type_, thresholds=thresholds)
        assert [row[2] for row in rows(report, "Labelled rows")] == [shown, "-"]

    @pytest.mark.parametrize("width", [60, 80, 150])
    def test_many_tags_are_not_all_named(self, report, width):
        tags = [f"tag{i}" for i in range(30)]
        thresholds = {tag: 0.01 * i for i, tag in enumerate(tags)}
        report["heads"]["kind"].update(type="multilabel", classes=tags, thresholds=thresholds)
        shown = text(tables.render(report), width=width)
        assert "and 22" in " ".join(shown.split())
        assert "tag29" not in shown
        assert max(map(len, shown.splitlines())) <= width

    def test_metrics_of_every_kind(self, report):
        assert rows(report, "Metrics on test") == [
            ["kind", "0.9100", "-", "0.8765", "-", "0.2500", "-", "-"],
            ["size", "-", "-", "-", "-", "-", "-", "-"],
        ]
        report["heads"]["size"]["overall"] = {"ece": 0.01, "ece_uncalibrated": 0.0234}
        assert rows(report, "Metrics on test")[1][-2:] == ["0.0100", "0.0234"]
        assert tables.METRICS == ("accuracy", "balanced_accuracy", "auc", "macro_f1", "log_loss", "ece")

    def test_gates(self, report):
        assert rows(report, "Gates") == [
            ["kind", "auc", "all rows", "min 0.7", "0.8765", "0.8800", "ok"],
            ["", "", "", "max_drop 0.01", "", "", ""],
            ["kind", "accuracy", "colour=red", "min 0.85", "0.8000", "-", "accuracy is too low"],
            ["size", "", "", "none", "", "", "goes without"],
        ]

    def test_a_gate_on_an_undefined_metric(self, report):
        gate = {**report["heads"]["kind"]["gates"][1], "value": None, "reason": "accuracy is undefined"}
        report["heads"]["kind"]["gates"] = [gate]
        assert rows(report, "Gates")[0][-3:] == ["-", "-", "accuracy is undefined"]

    def test_worst_slices_that_are_large_enough_and_defined(self, report):
        assert rows(report, "Worst slices") == [
            ["kind", "colour=blue", "300", "0.6000", "0.7000", "-"],
            ["kind", "colour=red, year=2013", "100", "0.7000", "-", "-"],
            ["kind", "colour=green", "150", "0.8000", "-", "-"],
        ]

    def test_all_heads_together(self, report):
        last = text(tables.render(report)).splitlines()[-1]
        assert last == "all heads together: exact_match 0.5000, hamming_loss 0.2500"

    def test_nothing_is_cut_off_where_there_is_little_room(self, report):
        report["heads"]["a_head_with_a_long_name"] = report["heads"].pop("kind")
        assert "…" not in text(tables.render(report), width=60)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [("", ""), ("abc", "a, b, c"), ("a" * 9, ", ".join("a" * 9)), ("a" * 10, f"{', '.join('a' * 8)} and 2 more")],
)
def test_named(parts, expected):
    assert tables.named(list(parts)) == expected


@pytest.mark.parametrize(("value", "expected"), [(None, "-"), (0.0, "0.0000"), (1, "1.0000"), (0.123456, "0.1235")])
def test_number(value, expected):
    assert tables.number(value) == expected
