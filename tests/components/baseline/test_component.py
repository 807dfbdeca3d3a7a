"""Baseline: a version that is named is handed on; and chosen at run time, what the pointer says."""

import pathlib
import shutil

import fsspec
import pytest
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.utils import path_utils

from components.baseline.component import Baseline, Executor
from components.baseline.decision import VERSION_PROPERTY, decided
from components.example_gen.state import DATA_PROPERTY
from components.pusher import stores
from components.pusher.rollback import roll_back
from components.pusher.serving import push
from schema.errors import DataError


@pytest.fixture
def provide(tmp_path):
    """Runs the executor; returns the model artifact's folder."""

    def run(version):
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "artifact")
        Executor().Do({}, {"model": [model]}, {"version": version, "recipe": ""})
        return tmp_path / "artifact"

    return run


def test_the_served_version_is_handed_on_where_the_evaluator_looks(provide, tmp_path):
    version = tmp_path / "serving" / "3"
    (version / "variables").mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"graph")
    (version / "variables" / "variables.index").write_bytes(b"weights")
    folder = provide(str(version))
    serving = folder / "Format-Serving"
    assert str(serving) == path_utils.serving_model_path(str(folder))
    copied = {str(file.relative_to(serving)): file.read_bytes() for file in serving.rglob("*") if file.is_file()}
    assert copied == {"saved_model.pb": b"graph", "variables/variables.index": b"weights"}
    assert (version / "saved_model.pb").exists()


def test_a_cold_start_hands_on_an_empty_folder(provide):
    folder = provide("")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_a_version_that_is_gone_is_an_error(provide, tmp_path):
    with pytest.raises(FileNotFoundError):
        provide(str(tmp_path / "gone"))


def test_the_version_is_part_of_what_the_cache_compares():
    examples = Channel(type=standard_artifacts.Examples)
    assert Baseline(examples, version="a", identity="1").exec_properties["version"] == "a"


class TestChosenAtRunTime:
    """As in a container, which alone sees its serving folder."""

    @pytest.fixture(params=["disk", "store"])
    def serving(self, request, tmp_path):
        return str(tmp_path / "serving") if request.param == "disk" else f"memory://bucket{tmp_path}"

    @pytest.fixture
    def pushed(self, tmp_path, serving):
        """Pushes models that differ in their training."""

        def push_models(*trainings, baseline=None):
            for training in trainings:
                model = tmp_path / f"model {training}"
                model.mkdir(exist_ok=True)
                for file in ("saved_model.pb", "fingerprint.pb"):
                    (model / file).write_text(training)
                with stores.opened(serving) as store:
                    push(model, store.folder, training, training, baseline)
                    store.commit()

        return push_models

    @pytest.fixture
    def choose(self, tmp_path, serving):
        """Runs the executor; returns what Report and Pusher are told, and the model's text, None if there is none."""

        def run(data="data", **given):
            model, examples = standard_artifacts.Model(), standard_artifacts.Examples()
            model.uri = str(tmp_path / "artifact")
            shutil.rmtree(model.uri, ignore_errors=True)
            examples.set_string_custom_property(DATA_PROPERTY, data)
            parameters = {"version": "", "identity": "", "recipe": "recipe", "serving": serving}
            parameters |= {"no_baseline": "", "warm_start": 0, **given}
            Executor().Do({"examples": [examples]}, {"model": [model]}, parameters)
            told = decided([model], {"baseline": "of the graph", "keep": 5})
            assert told["baseline"] == model.get_string_custom_property(VERSION_PROPERTY)
            file = tmp_path / "artifact" / "Format-Serving" / "saved_model.pb"
            return told, file.read_text() if file.exists() else None

        return run

    def test_a_cold_start(self, choose):
        told, model = choose()
        assert model is None
        assert told == {
            "baseline": "",
            "no_baseline": "no baseline: no model was blessed before, so `max_drop` was not applied",
            "revoked": "",
            "training": "recipe-data",
            "data_fingerprint": "data",
            "replace_pointer": 0,
            "keep": 5,
        }

    def test_without_a_serving_folder(self, choose, pushed):
        pushed("first")
        told, model = choose(serving="")
        assert (told["baseline"], model) == ("", None)
        assert told["no_baseline"] == "no baseline: the run has no serving folder, so `max_drop` was not applied"

    def test_a_serving_folder_that_is_relative(self, choose):
        with pytest.raises(DataError, match="'models' is neither an absolute path nor a URI"):
            choose(serving="models")

    def test_a_serving_folder_that_cannot_be_written_is_known_before_training(self, choose, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(
            DataError, match=rf"/file/a: nothing could be pushed there, .* cannot write {tmp_path}/file;"
        ):
            choose(serving=f"{tmp_path}/file/a")

    def test_the_last_blessed_model(self, choose, pushed, serving):
        pushed("first", "second")
        told, model = choose()
        assert (told["baseline"], told["no_baseline"], model) == (f"{serving}/2", "", "second")

    def test_the_same_training_again_is_compared_with_it_too(self, choose, pushed):
        pushed("recipe-data")
        assert choose()[1] == choose(data="other")[1] == "recipe-data"

    def test_a_warm_training_is_another_one_from_another_model(self, choose, pushed):
        trainings = [choose(warm_start=1)[0]["training"]]
        for name in ("first", "second"):
            pushed(name)
            trainings += [choose(warm_start=1)[0]["training"] for _ in range(2)]
        assert trainings[0] == "recipe-data-"
        assert len(set(trainings)) == 3

    def test_a_lost_pointer_is_made_up_for_by_the_last_push(self, choose, pushed, serving):
        pushed("first", "second")
        _lose(serving, "blessed.json")
        assert choose()[1] == "second"
        _lose(serving, "history.json")
        assert choose()[1] == "second"

    @pytest.mark.parametrize("contents", ["", "{", '{"version": 1}'])
    def test_a_half_written_pointer_stops_the_run_unless_it_asks_for_none(self, choose, pushed, serving, contents):
        pushed("first")
        with stores.opened(serving) as store:
            (store.folder / "blessed.json").write_text(contents)
            store.commit()
        with pytest.raises(DataError, match=r"blessed\.json: is not what a push writes; .*--no-baseline"):
            choose()
        told, model = choose(no_baseline="the pointer broke")
        assert (told["baseline"], model, told["replace_pointer"]) == ("", None, 1)
        assert told["no_baseline"].endswith("as the run asked for: the pointer broke")

    def test_a_training_that_was_rolled_back(self, choose, pushed, serving):
        pushed("first", "recipe-data")
        with stores.opened(serving) as store:
            if "://" in serving:
                for version in (1, 2):  # A roll-back copies a whole version.
                    shutil.rmtree(store.folder / str(version))
                    store.fetch(version, store.folder / str(version))
            roll_back(store.folder, reason="wrong labels")
            store.commit()
        told, model = choose()
        assert model == "first"
        assert told["revoked"].startswith("the same training was pushed as version 2 and rolled back")


def _lose(serving, name):
    if "://" in serving:
        filesystem, root = fsspec.core.url_to_fs(serving)
        filesystem.rm_file(f"{root}/{name}")
    else:
        pathlib.Path(serving, name).unlink()


def test_a_graph_that_knows_its_baseline_is_not_overruled():
    model = standard_artifacts.Model()
    assert decided([model], {"baseline": "a"}) == {"baseline": "a"}
