"""What moved, on the terminal and on the page."""

import io
import re

import pytest
from rich.console import Console

from pipeline.report import drift, page, tables


def column(name, moved, kind="category"):
    histogram = {
        "category": (
            {"values": ["a", "<b>"], "counts": [3, 1], "others": 0},
            {"values": ["a", "<b>"], "counts": [1, 3], "others": 4},
        ),
        "number": ({"edges": [0.0, 0.0, 5.0], "counts": [1, 9]}, {"edges": [0.0, 0.0, 5.0], "counts": [5, 5]}),
    }[kind]
    return {
        "name": name,
        "kind": kind,
        "measure": "infinity_norm" if kind == "category" else "jensen_shannon_divergence",
        "distance": 0.4 if moved else 0.01,
        "threshold": 0.1,
        "limit": 0.1,
        "noise": 0.05,
        "usual": 0.02,
        "moved": moved,
        "newest": histogram[0],
        "reference": histogram[1],
        "note": None,
        "missing": {"newest": 0.2, "reference": 0.1, "limit": 0.1, "usual": 0.0, "noise": 0.0, "moved": False},
        "new": None,
    }


@pytest.fixture
def drifted(whole_report):
    """A report whose newest day differs."""
    rows = {"newest": 900, "reference": 850, "ratio": 1.06, "limit": 3.0, "usual": 1.2, "noise": 1.1, "moved": False}
    window = {
        "with": "window",
        "span": "2013-01-01 to 2013-01-30",
        "features": [column("steady", False), column("distance", True, "number")],
        "labels": [column("delay", True)],
        "rows": rows,
    }
    found = {"mode": "warn", "compared": [window], "findings": [f"finding {i}" for i in range(1, 12)]}
    whole_report["span"] = "2013-01-31"
    whole_report["window"] = {"first": "2013-01-01", "last": "2013-01-31", "spans": 31, "missing": [], "empty": []}
    whole_report["data"]["drift"] = found
    return whole_report


def printed(report):
    console = Console(file=io.StringIO(), width=200)
    console.print(tables.render(report))
    return console.file.getvalue()


def test_the_terminal_says_what_moved_and_how_much_more_there_is(drifted):
    assert list(drift.lines(drifted)) == [
        "drift: span 2013-01-31 is unlike the spans before it",
        *(f"  finding {i}" for i in range(1, 9)),
        "  and 3 more, in the report",
    ]
    assert "finding 8" in printed(drifted)


@pytest.mark.parametrize("found", [None, {"mode": "warn", "compared": [], "findings": []}])
def test_nothing_that_moved_needs_no_line(drifted, found):
    drifted["data"]["drift"] = found
    assert list(drift.lines(drifted)) == []


def test_an_old_report_has_none(report):
    assert list(drift.lines(report)) == []


def test_the_page_shows_findings_distances_and_both_histograms(drifted):
    text = page.render(drifted)
    assert all(f"<li>finding {i}</li>" in text for i in range(1, 12))
    assert "Against the training window, 2013-01-01 to 2013-01-30" in text
    assert "900 rows now, 850 before per span" in text
    assert len(re.findall(r'aria-label="[^"]*: histograms of', text)) == 2
    assert "histograms of steady" not in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert re.search(r"75\.0%</td><td>12\.5%", re.sub(r"\s*\n\s*", "", text))


def test_the_page_says_that_nothing_was_measured_or_nothing_moved(drifted):
    drifted["data"]["drift"]["findings"] = []
    assert "Nothing moved further than it may." in page.render(drifted)
    drifted["data"]["drift"]["compared"] = []
    assert "There was no span before this one to compare with." in page.render(drifted)
    drifted["data"]["drift"] = None
    assert "Not measured in this run." in page.render(drifted)
