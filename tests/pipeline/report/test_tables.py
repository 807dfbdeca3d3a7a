"""The report on the terminal."""

import html
import io

import pytest
from rich.console import Console

from pipeline.report import gates, tables


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


def below_the_gates(report):
    """Returns the lines between the table of gates and the next one."""
    return (
        text(tables.render(report)).partition("Gates")[2].partition("┘\n")[2].partition("Worst slices")[0].splitlines()
    )


def test_spans_are_named_on_the_terminal_and_on_the_page(report):
    from pipeline.report import background

    report["span"] = "2013-01-05"
    report["window"] = {"first": "2013-01-02", "last": "2013-01-05", "spans": 2, "missing": ["2013-01-03"], "empty": []}
    expected = "span 2013-01-05, window of 2 spans from 2013-01-02, not there: 2013-01-03"
    assert expected in text(tables.render(report)).splitlines()
    assert background.of_run(report).facts["data"] == expected
    report["window"].update(spans=1, missing=[], empty=["2013-01-04"])
    assert "span 2013-01-05, without rows: 2013-01-04" in text(tables.render(report)).splitlines()


def _began(**given):
    return {"from": "/serving/3", "why_none": None, "taken": [], "fresh": []} | given


@pytest.mark.parametrize(
    ("began", "expected"),
    [
        (
            _began(taken=[{"layer": "trunk_0", "weights": 30, "how": "whole", "rows": None, "of": None}]),
            "warm start: 1 of 1 layers began from /serving/3",
        ),
        (
            _began(
                taken=[
                    {"layer": "trunk_0", "weights": 30, "how": "whole", "rows": None, "of": None},
                    {"layer": "colour_embedding", "weights": 36, "how": "rows", "rows": 9, "of": 11},
                ],
                fresh=[{"layer": "size", "why": "no layer of this name there"}],
            ),
            "warm start: 2 of 3 layers began from /serving/3, of which by rows: colour_embedding (9 of 11 rows); "
            "began anew: size (no layer of this name there)",
        ),
        (
            _began(**{"from": None}, why_none="there is no baseline to begin from"),
            "warm start: all layers began anew, for there is no baseline to begin from",
        ),
    ],
    ids=["whole", "rows", "cold"],
)
def test_what_a_training_began_from_is_said_on_the_terminal_and_on_the_page(report, began, expected):
    from pipeline.report import background, page

    assert "warm start" not in text(tables.render(report))
    report["training"] = {"curves": {}, "warm_start": began}
    assert expected in text(tables.render(report), width=300).splitlines()
    assert background.of_run(report).facts["training"] == expected
    assert html.escape(expected) in page.render(report)


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

    def test_refusals(self, report):
        assert gates.refusals(report) == ["kind: accuracy is too low"]
        report["refusals"] = ["canary: no answer"]
        report["joint_gates"] = [{**report["heads"]["kind"]["gates"][1], "reason": "exact_match is too low"}]
        expected = ["canary: no answer", "kind: accuracy is too low", "all heads: exact_match is too low"]
        assert gates.refusals(report) == expected
        assert text(tables.render(report)).splitlines()[1] == "canary: no answer"

    def test_how_the_baseline_was_used(self, report):
        report["comparison"] = "compared with /serving/3; heads no longer there: hue"
        assert (
            text(tables.render(report)).splitlines()[1].endswith("compared with /serving/3; heads no longer there: hue")
        )


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
            ["kind", "", "", "", ""],
            ["auc", "min 0.7", "0.8765", "0.8800", "ok"],
            ["", "max_drop 0.01", "", "", ""],
            ["accuracy on colour=red", "min 0.85", "0.8000", "-", "refuses"],
            ["size", "", "", "", "none"],
        ]

    def test_why_a_gate_refuses_stands_below_the_table(self, report):
        report["heads"]["kind"]["gates"][1]["reason"] = "accuracy on colour=red is 0.8000, below min 0.85"
        assert below_the_gates(report) == ["kind: accuracy on colour=red is 0.8000, below min 0.85"]

    def test_a_gate_on_an_undefined_metric(self, report):
        gate = {**report["heads"]["kind"]["gates"][1], "value": None, "reason": "accuracy is undefined"}
        report["heads"]["kind"]["gates"] = [gate]
        assert rows(report, "Gates")[1][2:] == ["-", "-", "refuses"]
        assert below_the_gates(report) == ["kind: accuracy is undefined"]

    def test_what_was_not_applied_is_said_once_and_last(self, report):
        for gate in report["heads"]["kind"]["gates"]:
            gate["note"] = "max_drop not applied: no baseline"
        assert rows(report, "Gates")[1][-1] == "ok"
        expected = ["kind: accuracy is too low", "kind: max_drop not applied: no baseline"]
        assert below_the_gates(report) == expected

    def test_gates_over_all_heads(self, report):
        joint = {**report["heads"]["kind"]["gates"][1], "metric": "exact_match", "slice": {}, "reason": "too low"}
        report["joint_gates"] = [joint]
        assert rows(report, "Gates")[-2:] == [
            ["all heads", "", "", "", ""],
            ["exact_match", "min 0.85", "0.8000", "-", "refuses"],
        ]
        assert below_the_gates(report)[-1] == "all heads: too low"

    def test_at_80_columns_no_word_of_a_gate_is_broken(self, report):
        wide = {
            "metric": "balanced_accuracy",
            "slice": {"origin": "JFK", "carrier": "AA"},
            "max_drop": 0.02,
            "reason": "balanced_accuracy on origin=JFK, carrier=AA is 0.5000, below min 0.85; "
            "balanced_accuracy on origin=JFK, carrier=AA is 0.5000, worse than the baseline's 0.6000 by more than 0.02",
        }
        values = {f"c{i}": 0.05 * i for i in range(400)}
        report["heads"]["kind"]["gates"][1] |= wide
        report["heads"]["size"]["gates"] = self.every(values, min=0.5)
        report["joint_gates"] = [{**gate, "metric": "label_consistency"} for gate in self.every(values, max=0.5)]
        shown = text(tables.render(report), width=80).partition("Gates")[2].partition("Worst slices")[0]
        assert max(map(len, shown.splitlines())) <= 80
        words = {"balanced_accuracy", "origin=JFK,", "carrier=AA", "max_drop", "390", "label_consistency", "colour=c0"}
        assert words <= set(shown.split())
        assert f"kind: {wide['reason']}" in " ".join(shown.split())

    @staticmethod
    def every(values, metric="auc", **bounds):
        """Returns outcomes of a gate on every colour, by value; those below .5, or above for a loss, do not hold."""
        lower = metric == "ece"
        return [
            {
                **{"metric": metric, "slice": {"colour": colour}, "every": ["colour"], "min_labelled": 100},
                **{bound: bounds.get(bound) for bound in ("min", "max", "max_drop")},
                **{"value": value, "baseline": None, "labelled": 100, "note": None},
                "ok": value >= 0.5 if not lower else value <= 0.5,
                "reason": f"{colour} is bad",
            }
            for colour, value in values.items()
        ]

    def test_a_gate_on_every_value_that_holds_is_one_row(self, report):
        values = {"red": 0.9, "blue": 0.6, "green": 0.7}
        report["heads"]["kind"]["gates"] = self.every(values, min=0.5)
        assert rows(report, "Gates")[1:-1] == [
            ["auc on every colour, worst colour=blue", "min 0.5", "0.6000", "-", "3 of 3 hold"],
        ]
        assert below_the_gates(report) == []

    def test_of_a_gate_on_every_value_the_worst_that_fail_are_shown(self, report):
        values = {f"c{i}": 0.05 * i for i in range(20)}
        report["heads"]["kind"]["gates"] = [*self.every(values, min=0.5), *self.every(values, "ece", max=0.5)]
        found = rows(report, "Gates")[1:-1]
        assert found[0] == ["auc on every colour", "min 0.5", "0.0000", "-", "10 of 20 hold"]
        assert [row[0] for row in found[1:6]] == [f"colour=c{i}" for i in range(5)]
        assert [row[-1] for row in found[1:6]] == ["refuses"] * 5
        assert found[6] == ["and 5 more that do not hold", "", "", "", ""]
        # Of a loss the highest is worst; a gate of its own is a row of its own.
        assert found[7] == ["ece on every colour", "max 0.5", "0.9500", "-", "11 of 20 hold"]
        assert [row[0] for row in found[8:13]] == [f"colour=c{i}" for i in (19, 18, 17, 16, 15)]
        assert below_the_gates(report) == [
            *(f"kind: c{i} is bad" for i in range(5)),
            "kind: auc on every colour does not hold on 5 more",
            *(f"kind: c{i} is bad" for i in (19, 18, 17, 16, 15)),
            "kind: ece on every colour does not hold on 4 more",
        ]
        assert len(gates.refusals(report)) == 19

    def test_a_gate_on_every_value_that_no_value_decides(self, report):
        [outcome] = self.every({"*": 0.1}, min=0.5)
        report["heads"]["kind"]["gates"] = [{**outcome, "value": None, "reason": "no value has 100 labelled rows"}]
        assert rows(report, "Gates")[1:-1] == [["auc on every colour", "min 0.5", "-", "-", "refuses"]]
        assert below_the_gates(report) == ["kind: no value has 100 labelled rows"]

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
