"""Which model a new one is compared with, and what is said if there is none."""

import shutil

import pytest

from components.pusher.serving import push
from pipeline.baseline import begun_from, find_baseline
from pipeline.config import RunConfig
from schema.errors import DataError


@pytest.fixture
def run(tmp_path):
    return lambda **given: RunConfig(data=tmp_path, output=tmp_path / "run", run_id="1", **given)


@pytest.fixture
def pushed(tmp_path, run):
    """Pushes a model of a training; returns its version's folder."""

    def push_model(training, baseline=None, **given):
        model = tmp_path / f"model {training}"
        model.mkdir(exist_ok=True)
        for file in ("saved_model.pb", "fingerprint.pb"):
            (model / file).write_text(training)
        return push(model, run().serving.resolve(), training, training, baseline, **given)

    return push_model


def test_at_a_cold_start_there_is_none(run):
    found = find_baseline(run(), "new")
    assert (found.version, found.folder, found.identity()) == (None, "", "")
    assert found.why_none == "no baseline: no model was blessed before, so `max_drop` was not applied"


def test_it_is_the_last_blessed_model_and_known_by_its_contents(run, pushed):
    pushed("first")
    found = find_baseline(run(), "new")
    assert (found.folder, found.why_none) == (str(run().serving.resolve() / "1"), "")
    pushed("second")
    second = find_baseline(run(), "new")
    assert second.folder == str(run().serving.resolve() / "2")
    assert second.identity() != found.identity()


def test_the_same_training_is_compared_with_what_it_was_compared_with(run, pushed):
    first = pushed("first")
    second = pushed("second", str(first))
    assert find_baseline(run(), "second").version == first
    assert find_baseline(run(fresh=True), "second").version == second
    shutil.rmtree(first)
    gone = find_baseline(run(), "second")
    assert gone.version is None
    assert f"is of this very training and was compared with {first}, which is gone" in gone.why_none


def test_the_same_training_that_was_judged_without_one_is_again(run, pushed):
    pushed("first")
    found = find_baseline(run(), "first")
    assert found.version is None
    assert "version 1, is of this very training and was judged without a baseline" in found.why_none


def test_a_warm_training_is_the_same_if_it_begins_from_what_it_began_from(run, pushed):
    def find(training, **given):
        found = find_baseline(run(**given), training, warm_start=True)
        return found.version, begun_from(training, found)

    nothing, of_first = find("january")
    assert nothing is None
    first = pushed(of_first)
    assert find("january") == (None, of_first)
    version, of_second = find("february")
    assert version == first
    second = pushed(of_second, str(first))
    assert find("february") == (first, of_second)
    # From another model, the same rows are another training; so they are if it is to be made anew.
    assert find("january")[0] == find("february", fresh=True)[0] == second
    assert len({of_first, of_second, find("january")[1], find("february", fresh=True)[1]}) == 4
    assert find("february", no_baseline="because")[0] is None


def test_a_warm_training_whose_beginning_is_gone_begins_from_the_last_blessed_model(run, pushed):
    first = pushed("first")
    second = pushed(begun_from("new", find_baseline(run(), "new", warm_start=True)), str(first))
    assert find_baseline(run(), "new", warm_start=True).version == first
    shutil.rmtree(first)
    assert find_baseline(run(), "new", warm_start=True).version == second


@pytest.mark.parametrize("damage", [None, "pointer", "version", "model"])
def test_without_a_baseline_nothing_that_is_there_can_be_in_the_way(run, pushed, damage):
    version = pushed("first")
    if damage == "pointer":
        (version.parent / "blessed.json").write_text("{")
    elif damage == "version":
        shutil.rmtree(version)
    elif damage == "model":
        (version / "fingerprint.pb").unlink()
    found = find_baseline(run(no_baseline="labels were corrected"), "new")
    assert (found.version, found.identity()) == (None, "")
    assert found.why_none == "without a baseline and `max_drop`, as the run asked for: labels were corrected"
    if damage:
        with pytest.raises(DataError, match="--no-baseline"):
            find_baseline(run(), "new").identity()
        assert pushed("new", replace_pointer=True) == version.parent / "2"
        assert find_baseline(run(), "newer").folder == str(version.parent / "2")
