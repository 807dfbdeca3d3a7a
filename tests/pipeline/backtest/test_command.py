"""`multihead backtest`: its options, exit codes and where it writes."""

import pytest

from pipeline.backtest import replay as replays
from schema.errors import LeakFound


@pytest.fixture
def multihead(main, write_task, data):
    """Runs the command on the toy task in this process: returns exit code and what was said."""
    folder = write_task()

    def run(*options, first="2013-01-05", last="2013-01-19", spans="data.spans=date={YYYY}-{MM}-{DD}"):
        given = ["--from", first, "--to", last, "--every", "7d", "--window", "4d", "--data", data, *options]
        code, *said = main("backtest", folder, "--set", spans, *given)
        return code, "".join(said)

    return run


@pytest.fixture
def outcome(monkeypatch):
    """What the stand-in of a replay returns or raises, and the calls it got."""
    result, calls = [True], []

    def replay(contract, plan, config, progress):
        calls.append((contract, plan, config))
        if isinstance(result[0], BaseException):
            raise result[0]
        return result[0]

    monkeypatch.setattr(replays, "replay", replay)
    return result, calls


def test_it_has_a_folder_of_its_own_and_splits_by_span(multihead, outcome, tmp_path):
    assert multihead()[0] == 0
    [(contract, plan, config)] = outcome[1]
    assert config.output.resolve() == tmp_path / "runs" / "toy-backtest"
    assert (contract.task.data.split.by, len(plan.steps), plan.every, plan.window) == ("span", 3, 7, 4)
    multihead("--split-by", "task", "--output", "there")
    contract, _, config = outcome[1][1]
    assert (contract.task.data.split.by, config.output.name) == ("hash", "there")


@pytest.mark.parametrize(
    ("result", "code"), [(True, 0), (False, 1), (LeakFound("rows of tomorrow"), 3), (KeyboardInterrupt(), 1)], ids=repr
)
def test_exit_codes(multihead, outcome, result, code):
    outcome[0][0] = result
    found, said = multihead()
    assert found == code
    if code == 3:
        assert "rows of tomorrow" in said
    if isinstance(result, KeyboardInterrupt):
        assert "the same command goes on from the finished stages and runs" in said


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"first": "2013-1-5"}, "'2013-1-5' is no span of date={YYYY}-{MM}-{DD}"),
        ({"first": "2013-01-19", "last": "2013-01-05"}, "--from 2013-01-19 is after --to 2013-01-05"),
        ({"last": "2014-01-01"}, "--to 2014-01-01: no such span"),
        ({"spans": "data.spans=null"}, "data.split"),
    ],
    ids=str,
)
def test_mistakes_leave_nothing_behind(multihead, outcome, given, sentence, tmp_path):
    code, said = multihead(**given)
    assert (code, sentence in said) == (2, True), said
    assert not (tmp_path / "runs").exists()


def test_a_short_first_window_is_said(multihead, outcome):
    code, said = multihead("--window", "30")
    assert code == 0
    assert "the data begins with 2013-01-01: the first 3 windows hold less, the first 5 of 30 spans\n" in said
