"""`multihead rollback`, and what it does to the next run."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.pusher import serving
from components.pusher.folder import versions
from components.pusher.history import read_history
from components.pusher.rollback import roll_back
from pipeline import session
from pipeline.config import RunConfig


@pytest.fixture
def rollback(main, write_task):
    """Runs the command on the toy task in an empty folder: returns exit code, standard output and error."""
    folder = write_task()
    return lambda *arguments: main("rollback", folder, *arguments)


@pytest.fixture
def push(tmp_path):
    """Pushes models of one letter."""

    def run(*names, output="runs/toy"):
        for name in names:
            model = tmp_path / f"model {name}"
            model.mkdir(exist_ok=True)
            (model / "saved_model.pb").write_text(name)
            serving.push(model, tmp_path / output / "serving", source=name, training=name.upper(), baseline=None)
        return tmp_path / output / "serving"

    return run


def test_it_says_from_which_to_which_and_goes_further_back(rollback, push):
    folder = push(*"abc")
    assert rollback("--reason", "half of Tuesday") == (
        0,
        "rolled back from version 3 to version 2\nserved now: runs/toy/serving/4\n",
        "",
    )
    assert read_history(folder).records[-1].reason == "half of Tuesday"
    _, out, _ = rollback()
    assert out.startswith("rolled back from version 4 (the model of version 2) to version 1\n")
    code, out, err = rollback()
    assert (code, out) == (2, "")
    assert err.startswith("runs/toy/serving: no model was served before version 5 (the model of version 1); there are:")
    assert "Traceback" not in err


def test_to_a_version_of_another_folder(rollback, push, tmp_path):
    folder = push(*"abc", output="elsewhere")
    assert rollback("--output", tmp_path / "elsewhere", "--to", 1)[0] == 0
    assert (folder / "4" / "saved_model.pb").read_text() == "a"
    code, _, err = rollback("--output", tmp_path / "elsewhere", "--to", 7)
    assert (code, err.partition(";")[0]) == (2, f"{folder}: no version 7")


def test_the_folder_is_named_as_predict_and_serve_name_it_too(rollback, push, tmp_path):
    folder = push(*"ab", output="elsewhere")
    assert rollback("--run", tmp_path / "elsewhere")[0] == 0
    assert (folder / "3" / "saved_model.pb").read_text() == "a"
    code, out, _ = rollback("--help")
    assert code == 0
    assert "--run" in out
    assert "--output" in out


def test_nothing_pushed_makes_no_folder(rollback, tmp_path):
    code, out, err = rollback()
    assert (code, out) == (2, "")
    assert err.startswith("runs/toy/serving: no model was pushed; ")
    assert not (tmp_path / "runs").exists()


def test_a_run_that_holds_the_folder_is_not_disturbed(rollback, push, tmp_path):
    folder = push("a", "b")
    with session.hold(RunConfig(data=tmp_path, output=tmp_path / "runs" / "toy", run_id="first")):
        code, _, err = rollback()
    assert code == 5
    assert "held by run first" in err
    assert versions(folder) == [1, 2]
    assert rollback()[0] == 0


def test_a_wrong_task_is_an_error(rollback, push, tmp_path):
    push("a", "b")
    (tmp_path / "toy" / "task.yaml").write_text("task: toy\n")
    assert rollback()[0] == 2


class TestNextRun:
    """What the graph hands on; the verdict's own tests show what Report does with it."""

    @pytest.fixture
    def build(self, tmp_path, write_task):
        from pipeline.graph import build_pipeline
        from pipeline.identity import data_fingerprint, training_digest
        from schema.contract import load_contract

        pq.write_table(pa.table({"amount": [1.5]}), tmp_path / "rows.parquet")
        folder = write_task()

        def run(*overrides, **given):
            contract = load_contract(folder, overrides)
            config = RunConfig(tmp_path / "rows.parquet", tmp_path / "runs" / "toy", "r9", **given)
            pipeline = build_pipeline(contract, config)
            training = training_digest(contract, data_fingerprint(contract, config.data))
            return {node.id: node for node in pipeline.components}, training

        return run

    @pytest.fixture
    def taken_back(self, build, push, tmp_path):
        """A model of the toy task, pushed and rolled back; a model of another was there before."""
        _, training = build()
        folder = push("a", "b")
        (tmp_path / "model b" / "fingerprint.pb").touch()
        (tmp_path / "model c").mkdir()
        for file in ("saved_model.pb", "fingerprint.pb"):
            (tmp_path / "model c" / file).touch()
        serving.push(tmp_path / "model c", folder, source="c", training=training, baseline=None)
        roll_back(folder, to=1, reason="wrong labels")
        (folder / "4" / "fingerprint.pb").touch()

    @pytest.mark.usefixtures("taken_back")
    def test_the_same_training_is_refused(self, build):
        stages, _ = build()
        revoked = stages["Report"].exec_properties["revoked"]
        assert revoked.startswith("the same training was pushed as version 3 and rolled back on ")
        assert revoked.endswith("to version 1 (wrong labels); change the task or the data, or push it again by --fresh")
        assert stages["Pusher"].exec_properties["baseline"].endswith("/serving/4")

    @pytest.mark.usefixtures("taken_back")
    def test_another_training_or_a_fresh_one_is_not(self, build):
        for stages, _ in (build("training.epochs=3"), build(fresh=True)):
            assert stages["Report"].exec_properties["revoked"] == ""

    def test_what_the_pusher_is_given(self, build, tmp_path):
        stages, training = build("push.keep=2")
        pusher = stages["Pusher"]
        wired = {key: channel.producer_component_id for key, channel in pusher.inputs.items()}
        assert wired == {
            "model": "Trainer",
            "blessing": "Report",
            "report": "Report",
            "canary": "Canary",
            "statistics": "StatisticsGen",
            "baseline_model": "Baseline",
        }
        assert pusher.exec_properties["keep"] == 2
        assert pusher.exec_properties["training"] == training
        assert pusher.exec_properties["replace_pointer"] == 0
        assert build(no_baseline="labels were corrected")[0]["Pusher"].exec_properties["replace_pointer"] == 1
