"""What is trained, what is reused and what is written, with stand-ins for stages and trainings."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.compare.grid import read_grid
from pipeline.config import RunConfig
from schema.errors import AnomaliesFound, TrainingDiverged


class _Progress:
    """Remembers what the terminal would show."""

    def __init__(self):
        self.lines, self.running, self.shown = [], None, ()

    def start(self, what):
        self.running = what

    def done(self, what, rest, is_cached=False):
        self.lines.append(("cached" if is_cached else "done", what, " ".join(rest.split())))

    def show(self, *parts):
        self.shown = parts


@pytest.fixture
def config(tmp_path):
    pq.write_table(pa.table({"amount": [1.5]}), tmp_path / "rows.parquet")
    return RunConfig(data=tmp_path / "rows.parquet", output=tmp_path / "run", run_id="r1")


@pytest.fixture
def compare(monkeypatch, config, result):
    """Compares cells; `trained` and `prepared` are the tasks for which something ran, `fail` an error to raise."""
    from pipeline.compare import run

    def prepare(contract, config, number, progress):
        doing.prepared.append((number, contract.task))
        return f"examples {number}"

    def train(contract, examples, folder):
        assert folder.parent == config.output / "compare" / "trainings"
        if doing.fail is not None and len(doing.trained) == doing.fail_after:
            raise doing.fail
        doing.trained.append((contract.task, examples, folder))
        return {key: value for key, value in result().items() if key != "format"}

    def doing(cells, seeds=2, run_id="r1"):
        doing.trained.clear()
        doing.prepared.clear()
        doing.progress = _Progress()
        return run.compare(cells, seeds, RunConfig(config.data, config.output, run_id), doing.progress)

    doing.trained, doing.prepared, doing.fail, doing.fail_after = [], [], None, 0
    monkeypatch.setattr(run, "_prepare", prepare)
    monkeypatch.setattr(run, "train_and_judge", train)
    return doing


def seeds_and_trunks(trained):
    return [(task.trunk.type, task.training.seed) for task, *_ in trained]


def test_every_cell_is_trained_with_every_seed_on_the_same_examples(compare, cells):
    compare(cells)
    assert seeds_and_trunks(compare.trained) == [
        (trunk, seed) for trunk in ("shared", "independent", "ple") for seed in (0, 1)
    ]
    assert len(compare.prepared) == 1
    assert {examples for _, examples, _ in compare.trained} == {"examples 0"}
    assert len({folder for *_, folder in compare.trained}) == 6


def test_the_terminal_shows_a_line_per_training_the_table_and_the_file(compare, cells, config):
    compare(cells)
    assert len(compare.progress.lines) == 6
    assert compare.progress.lines[3] == (
        "done",
        "trunk.type=independent, seed 1",
        "2.0 s 3 epochs kind auc 0.8000, size auc 0.6000",
    )
    assert compare.progress.shown[-1] == f"comparison: {config.output}/compare/r1.json"


def test_the_comparison_is_written(compare, cells, config):
    comparison = compare(cells)
    assert json.loads((config.output / "compare" / "r1.json").read_text()) == comparison
    assert (comparison["format"], comparison["task"]) == (1, "toy")
    assert {"started", "finished", "versions"} < comparison.keys()
    assert [cell["set"]["trunk.type"] for cell in comparison["cells"]] == ["shared", "independent", "ple"]
    assert comparison["cells"][0]["heads"]["kind"]["auc"] == {"mean": 0.8, "std": 0.0, "values": [0.8, 0.8]}


def test_the_same_command_again_trains_nothing(compare, cells, config):
    first = compare(cells)
    again = compare(cells, run_id="r2")
    assert (compare.trained, compare.prepared) == ([], [])
    assert {state for state, *_ in compare.progress.lines} == {"cached"}
    assert again["cells"] == first["cells"]


def test_more_values_or_seeds_train_only_what_is_new(compare, cells, write_task):
    compare(cells)
    compare(cells, seeds=3)
    assert seeds_and_trunks(compare.trained) == [("shared", 2), ("independent", 2), ("ple", 2)]
    compare(read_grid(write_task(), ["trunk.type=mmoe,ple", "training.epochs=3"], 1), seeds=1)
    assert seeds_and_trunks(compare.trained) == [("mmoe", 0)]


def test_after_an_interruption_it_goes_on_with_the_rest(compare, cells):
    compare.fail, compare.fail_after = KeyboardInterrupt(), 3
    with pytest.raises(KeyboardInterrupt):
        compare(cells)
    compare.fail = None
    compare(cells)
    assert seeds_and_trunks(compare.trained) == [("independent", 1), ("ple", 0), ("ple", 1)]


def test_other_data_are_trained_on_anew(compare, cells, config):
    compare(cells)
    pq.write_table(pa.table({"amount": [1.5, 2.5]}), config.data)
    compare(cells)
    assert len(compare.trained) == 6


def test_cells_that_transform_differently_get_examples_of_their_own(compare, write_task):
    options = ["heads.kind.loss.class_weights=none,balanced", "training.learning_rate=1e-3,1e-2"]
    compare(read_grid(write_task(), options, 1), seeds=1)
    assert [task.heads["kind"].loss.class_weights for _, task in compare.prepared] == ["none", "balanced"]
    assert [examples for _, examples, _ in compare.trained] == ["examples 0"] * 2 + ["examples 1"] * 2


def test_a_training_that_fails_is_named(compare, cells):
    compare.fail, compare.fail_after = TrainingDiverged("the loss became nan in epoch 1"), 2
    with pytest.raises(TrainingDiverged, match=r"^trunk\.type=independent, seed 0: the loss became nan in epoch 1$"):
        compare(cells)
    assert compare.progress.running == "trunk.type=independent, seed 0"


def test_what_stops_a_stage_stops_the_comparison(compare, cells, monkeypatch):
    from pipeline.compare import run

    def stop(*_):
        raise AnomaliesFound("the data contradicts schema.pbtxt")

    monkeypatch.setattr(run, "_prepare", stop)
    with pytest.raises(AnomaliesFound):
        compare(cells)
    assert compare.trained == []
