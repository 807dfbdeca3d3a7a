"""Days of rows, the steps of a replay over them, and what became of those."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.backtest import document, entries
from pipeline.backtest.plan import make_plan
from pipeline.config import RunConfig
from pipeline.windows import load_by_span

DAYS = "data.spans=date={YYYY}-{MM}-{DD}"


@pytest.fixture(autouse=True)
def _draw_once(draw_once):
    """Every test here."""


@pytest.fixture
def write_day(tmp_path):
    """Writes a day of January 2013; `date` says which day its rows are of, if they are to say so."""

    def write(day, rows=4, **columns):
        folder = tmp_path / "days" / f"date=2013-01-{day:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        table = {"amount": [float(day)] * rows, **{name: [value] * rows for name, value in columns.items()}}
        pq.write_table(pa.table(table), folder / "rows.parquet")

    return write


@pytest.fixture
def data(write_day, tmp_path):
    """Days 1 to 20 without the eleventh."""
    for day in range(1, 21):
        if day != 11:
            write_day(day, date=f"2013-01-{day:02d}")
    return tmp_path / "days"


@pytest.fixture
def contract(write_task):
    return load_by_span(write_task(), [DAYS])


@pytest.fixture
def config(data, tmp_path):
    return RunConfig(data, tmp_path / "run", "r1")


@pytest.fixture
def make(contract, config):
    """Makes a plan."""
    return lambda first="2013-01-05", last="2013-01-19", every="7d", window="4d": make_plan(
        contract, config, first, last, every, window
    )


@pytest.fixture
def judged(report):
    """Makes the report of a step's run, as far as a replay reads it."""

    def make(step, run_id, blessed=True, drift=()):
        return report | {
            "key": step.key,
            "run_id": run_id,
            "blessed": blessed,
            "window": step.run.window,
            "data": {"splits": {"train": 12, "eval": 2, "test": 2}, "drift": {"findings": list(drift)}},
            "lineage": {"artifacts": {"Trainer.model": f"/artifacts/{run_id}", "ExampleGen.examples": "/examples"}},
            "heads": {
                head: values | {"baseline": None, "gates": [] if blessed else values["gates"]}
                for head, values in report["heads"].items()
            },
        }

    return make


def forward(span, once, served_auc, once_auc):
    """What was measured on the days after a step; None where nothing was defined."""

    def measured(of, auc):
        heads = {"kind": {"labelled": 40, "auc": auc, "log_loss": 0.5, "ece": 0.1}, "size": {"labelled": 0}}
        return {"span": of, "heads": heads}

    return {
        "from": "2013-01-06",
        "to": "2013-01-12",
        "spans": 6,
        "rows": 44,
        "seconds": 2.5,
        "problem": None,
        "served": measured(span, served_auc),
        "train_once": measured(once, once_auc),
    }


@pytest.fixture
def made(contract, make, judged, tmp_path):
    """backtest.json of three steps: the second refused, the third with drift."""
    plan = make()
    found = []
    for i, step in enumerate(plan.steps):
        whole = judged(step, f"r{i}", blessed=i != 1, drift=["column 'amount' moved <far>"] if i == 2 else [])
        found.append(entries.of_report(step, whole, tmp_path / "reports" / f"r{i}", tmp_path))
    found[0]["forward"] = forward("2013-01-05", "2013-01-05", 0.7, 0.7)
    found[1]["forward"] = forward("2013-01-05", "2013-01-05", 0.66, 0.66)
    found[2]["forward"] = forward("2013-01-19", "2013-01-05", 0.72, 0.64)
    return document.make(contract, plan, found, ["date"], "2026-01-01T00:00:00+00:00")
