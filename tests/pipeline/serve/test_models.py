"""Which version is served while versions come, go, and are broken."""

import logging
import shutil

import pytest

from pipeline.serve import models as serve_models
from pipeline.serve.errors import RequestError
from pipeline.serve.models import Models, Watcher


@pytest.fixture(scope="module")
def models(write_model, tmp_path_factory):
    """Versions 1 to 3 that look at no photo: they are loaded in a fraction of the time, and that is done often here."""
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / str(version), version, looks=False) for version in range(1, 4)]


@pytest.fixture
def served(folder):
    return Models("toy", folder)


def states(served):
    return {int(s["version"]): s["state"] for s in served.status("toy")}


def current(served):
    with served.use("toy") as loaded:
        return loaded.version


def test_nothing_is_loaded_at_first(served):
    with pytest.raises(RequestError, match=r"no version of 'toy' is loaded yet; ask again") as error:
        current(served)
    assert error.value.status == 503
    assert served.status("toy") == []


def test_the_newest_version_is_loaded(served, push):
    push(1, 2)
    served.poll()
    assert current(served) == 2
    assert served.status("toy") == [
        {"version": "2", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]


def test_a_newer_one_takes_over(served, push):
    push(1)
    served.poll()
    push(2)
    served.poll()
    assert states(served) == {2: "AVAILABLE", 1: "UNLOADING"}
    served.poll()
    assert states(served) == {2: "AVAILABLE", 1: "END"}
    assert current(served) == 2


def test_the_old_one_stays_while_it_is_in_use(served, push):
    push(1)
    served.poll()
    with served.use("toy") as loaded:
        push(2)
        served.poll()
        served.poll()
        assert states(served) == {2: "AVAILABLE", 1: "UNLOADING"}
        assert loaded.servable.predict({"amount": [1.0]})["kind/label"] == [b"dog"]
    served.poll()
    assert states(served)[1] == "END"


def test_another_version_is_not_served(served, push):
    push(1, 2)
    served.poll()
    with (
        pytest.raises(RequestError, match="version 1 of 'toy' is not served; version 2 is") as error,
        served.use("toy", 1),
    ):
        pass
    assert error.value.status == 404


def test_another_model_is_not_there(served):
    for ask in (served.status, lambda name: served.use(name).__enter__()):
        with pytest.raises(RequestError, match="there is no model \"toys\" here; there is 'toy'") as error:
            ask("toys")
        assert error.value.status == 404


def test_the_states_name_the_versions_there_are(served, push):
    push(1)
    served.poll()
    assert [state["version"] for state in served.status("toy", 1)] == ["1"]
    with pytest.raises(RequestError, match="version 7 of 'toy' is unknown; there are: 1"):
        served.status("toy", 7)


def test_a_version_that_cannot_be_loaded_is_told_and_the_old_one_stays(served, push, folder, caplog):
    push(1)
    served.poll()
    push(2)
    (folder / "2" / "saved_model.pb").write_bytes(b"no model")
    served.poll()
    assert current(served) == 1
    told = served.status("toy", 2)[0]
    assert (told["state"], told["status"]["error_code"]) == ("END", "FAILED_PRECONDITION")
    assert "cannot be loaded as a SavedModel" in told["status"]["error_message"]
    assert "version 2 cannot be served: " in caplog.text
    assert "Traceback" not in caplog.text


def test_it_is_tried_again_only_when_it_has_changed(served, push, folder, models, monkeypatch):
    push(1)
    (folder / "1" / "saved_model.pb").write_bytes(b"no model")
    served.poll()
    with pytest.raises(RequestError, match=r"version 1: .* cannot be loaded"):
        current(served)
    with monkeypatch.context() as patch:
        patch.setattr(serve_models.Loaded, "load", None)  # Calling it would fail otherwise.
        served.poll()
        assert "cannot be loaded" in served.status("toy", 1)[0]["status"]["error_message"]
    shutil.copy(models[0] / "saved_model.pb", folder / "1")
    served.poll()
    assert current(served) == 1


def test_behind_a_broken_version_the_next_newest_is_served(served, push, folder):
    push(1, 2)
    (folder / "2" / "assets.extra" / "multihead.json").write_text("{")
    served.poll()
    assert current(served) == 1
    push(3)
    served.poll()
    assert current(served) == 3


def test_a_surprise_is_told_too(served, push, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("surprise")

    push(1)
    monkeypatch.setattr(serve_models.Loaded, "load", fail)
    served.poll()
    assert served.status("toy", 1)[0]["status"]["error_message"] == "ZeroDivisionError: surprise"
    assert "Traceback" in caplog.text


def test_a_model_of_another_task_is_not_served(push, folder):
    push(1)
    served = Models("other", folder)
    served.poll()
    assert "is a model of the task 'toy', not of 'other'; give another --run" in str(served.status("other"))


def test_a_removed_version_stays_loaded(served, push, folder):
    push(1, 2)
    served.poll()
    shutil.rmtree(folder / "2")
    served.poll()
    assert (current(served), states(served)) == (2, {2: "AVAILABLE"})


def test_versions_that_are_over_and_gone_are_not_told(served, push, folder):
    for version in (1, 2):
        push(version)
        served.poll()
    shutil.rmtree(folder / "1")
    served.poll()
    served.poll()
    assert states(served) == {2: "AVAILABLE"}


def test_the_watcher_survives_a_folder_that_cannot_be_read(wait_until, caplog, push, folder):
    class Once(Models):
        polls = 0

        def poll(self):
            self.polls += 1
            if self.polls == 1:
                raise OSError("no such device")
            super().poll()

    push(1)
    served = Once("toy", folder)
    watcher = Watcher(served, 0.01)
    with caplog.at_level(logging.ERROR):
        watcher.start()
        wait_until(lambda: states(served) == {1: "AVAILABLE"})
        watcher.stop()
        watcher.join()
    assert "the serving folder cannot be read: no such device" in caplog.text
