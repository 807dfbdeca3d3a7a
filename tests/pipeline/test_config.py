"""Where things of a run are, as users and other tools know them."""

from pathlib import Path

from pipeline.config import RunConfig


def test_layout_of_a_run_folder():
    run = RunConfig(data=Path("data/toy"), output=Path("runs/toy"), run_id="r1")
    paths = (run.metadata, run.artifacts, run.serving, run.reports, run.log)
    assert list(map(str, paths)) == [
        "runs/toy/metadata.db",
        "runs/toy/artifacts",
        "runs/toy/serving",
        "runs/toy/reports/r1",
        "runs/toy/logs/r1.log",
    ]
