"""A report as a run writes it, small enough to check by eye, and the command, run in this process."""

import functools
import shutil
import sys

import pytest

from pipeline import cli

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_CHARTS = ("curves", "histogram", "over_time", "reliability", "shift")


@pytest.fixture(scope="session")
def remembered_charts():
    """The functions that draw charts, by name, each of which draws equal charts once."""
    from pipeline.report import charts

    def remembering(draw):
        drawn = {}

        @functools.wraps(draw)
        def find(*data, **named):
            key = repr((data, named))
            if key not in drawn:
                drawn[key] = draw(*data, **named)
            return drawn[key]

        return find

    return {name: remembering(getattr(charts, name)) for name in _CHARTS}


@pytest.fixture
def draw_once(remembered_charts, monkeypatch):
    """Draws equal charts once for all tests: a page takes seconds else, nearly all of them for its charts."""
    for name, find in remembered_charts.items():
        monkeypatch.setattr(f"pipeline.report.charts.{name}", find)


@pytest.fixture(scope="module")
def browser():
    """Chromium; of a module, as an event loop runs for as long as it is open."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("no Chromium to look at the page with: `apt-get install chromium` brings one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def main(monkeypatch, capfd, tmp_path):
    """Runs `multihead` in this process, in an empty folder: returns exit code, standard output and error."""

    def run(*arguments):
        capfd.readouterr()
        # What pytest puts in place of sys.stdout does not write to file descriptor 1, which a run redirects.
        with open(1, "w", closefd=False) as out, open(2, "w", closefd=False) as err, monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["multihead", *map(str, arguments)])
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as finished:
                cli.main()
        return finished.value.code, *capfd.readouterr()

    # With TensorFlow loaded, as by other tests here, `main` leaves by os._exit.
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.chdir(tmp_path)
    return run


def _gate(metric, value, ok=True, reason="", **given):
    bounds = {bound: given.get(bound) for bound in ("min", "max", "max_drop")}
    rest = {"slice": given.get("slice", {}), "baseline": given.get("baseline"), "ok": ok, "reason": reason}
    return {"metric": metric, "value": value, **bounds, **rest}


@pytest.fixture
def report():
    """report.json, format 1, of a run that one gate refused."""
    return {
        "format": 1,
        "task": "toy",
        "run_id": "20260101-000000",
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:01:00+00:00",
        "versions": {},
        "blessed": False,
        "pushed": None,
        "baseline": "/runs/toy/serving/3",
        "stages": [{"id": "ExampleGen", "seconds": 1.5, "cached": False, "rows": 1000}],
        "heads": {
            "kind": {
                "classes": ["cat", "dog"],
                "labelled": {"train": 8000, "eval": 1001, "test": 999},
                "overall": {"accuracy": 0.91, "auc": 0.87654, "log_loss": 0.25},
                "slices": [
                    {"slice": {"colour": "red"}, "labelled": 400, "metrics": {"auc": 0.9, "accuracy": 0.8}},
                    {"slice": {"colour": "blue"}, "labelled": 300, "metrics": {"auc": 0.6, "accuracy": 0.7}},
                    {"slice": {"colour": "red", "year": 2013}, "labelled": 100, "metrics": {"auc": 0.7}},
                    {"slice": {"colour": "green"}, "labelled": 150, "metrics": {"auc": 0.8}},
                    {"slice": {"colour": "tiny"}, "labelled": 99, "metrics": {"auc": 0.1}},
                    {"slice": {"colour": "one class"}, "labelled": 500, "metrics": {"accuracy": 1.0}},
                ],
                "gates": [
                    _gate("auc", 0.87654, min=0.7, max_drop=0.01, baseline=0.88),
                    _gate("accuracy", 0.8, False, "accuracy is too low", min=0.85, slice={"colour": "red"}),
                ],
            },
            "size": {
                "classes": ["small", "large"],
                "labelled": {"train": 10, "eval": 2, "test": 0},
                "overall": {},
                "slices": [],
                "gates": [],
            },
        },
        "joint": {"exact_match": 0.5, "hamming_loss": 0.25},
    }
