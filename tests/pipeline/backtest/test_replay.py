"""A replay: in order, resumable, and honest about what came of every run. The pipeline itself is a stand-in."""

import dataclasses
import json
import multiprocessing
import sys
import types

import pytest

import pipeline.backtest
from pipeline import status
from pipeline.backtest import document, process, replay, worker
from pipeline.progress import Progress
from schema.errors import AnomaliesFound, DriftFound, LeakFound, UserError


class Terminal:
    """Collects lines."""

    def __init__(self):
        self.lines = []

    def print(self, text, **_):
        self.lines.append(str(text))

    def status(self, _):
        return types.SimpleNamespace(start=lambda: None, stop=lambda: None, update=lambda _: None)


@pytest.fixture
def pipelines(monkeypatch, judged, make):
    """Stands in for runs, and for what is measured after them: `outcome` by label is False, True or an exception."""
    found = types.SimpleNamespace(ran=[], measured=[], outcome={}, leak=None)
    steps = {step.label: step for step in make(every="1").steps}

    def run_task(contract, run, on_start, on_finish):
        label = run.spans[-1].label
        found.ran.append(label)
        outcome = found.outcome.get(label, True)
        if isinstance(outcome, BaseException):
            raise outcome
        report = judged(steps[label], run.run_id, outcome)
        run.reports.mkdir(parents=True)
        (run.reports / "report.json").write_text(json.dumps(report))
        return report

    def measure(contract, spans, models):
        found.measured.append((len(spans), list(models)))
        return 40, {name: {"kind": {"auc": 0.7, "labelled": 40}} for name in models}

    def check(step, folder, split):
        assert folder == "/examples"
        if step.label == found.leak:
            raise LeakFound(f"the run of {step.label} has read the future")

    for name, stand_in in {
        "pipeline.run": types.SimpleNamespace(run_task=run_task),
        "pipeline.backtest.forward": types.SimpleNamespace(measure=measure),
        "pipeline.backtest.written": types.SimpleNamespace(check=check),
        "components.servable": types.SimpleNamespace(Servable=types.SimpleNamespace(load=lambda folder: folder)),
    }.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setattr(pipeline.backtest, "written", sys.modules["pipeline.backtest.written"], raising=False)
    return found


@pytest.fixture
def go(contract, config, pipelines):
    """Replays a plan: returns whether no run failed, backtest.json, and what the terminal showed."""

    def go(plan):
        terminal = Terminal()
        pipelines.ran.clear()
        pipelines.measured.clear()
        whole = replay.replay(contract, plan, config, Progress(terminal), worker.do)
        assert (config.output / document.PAGE_FILE).is_file()
        return whole, document.read(config.output), terminal.lines

    return go


def states(made):
    return [entry["state"] for entry in made["steps"]]


def test_from_the_first_step_to_the_last(go, make, pipelines, config):
    pipelines.outcome["2013-01-12"] = False
    whole, made, lines = go(make())
    assert whole
    assert (made["state"], states(made)) == ("finished", ["blessed", "refused", "blessed"])
    assert pipelines.ran == ["2013-01-05", "2013-01-12", "2013-01-19"]
    # A refused model is not served: the first one is asked, alone, and the third beside it.
    assert pipelines.measured == [(6, ["2013-01-05"]), (7, ["2013-01-05"]), (1, ["2013-01-19", "2013-01-05"])]
    assert made["steps"][1]["reasons"] == ["kind: accuracy is too low"]
    assert (config.output / made["steps"][1]["report"]).parent.is_dir()
    progress = [line for line in lines if " of 3  2013-" in line]
    assert progress[0].startswith(
        "done   1 of 3  2013-01-05          blessed; kind auc 0.8765 then 0.7000, size auc -; 60 s"
    )
    assert "3 of 3 steps done: 2 blessed, 1 refused" in lines


def test_the_same_command_again_does_nothing(go, make, pipelines):
    _, before, _ = go(make())
    whole, made, lines = go(make())
    assert (whole, pipelines.ran, pipelines.measured) == (True, [], [])
    assert made["steps"] == before["steps"]
    assert sum(line.startswith("cached") for line in lines) == 3


def test_an_interrupted_replay_goes_on(go, make, pipelines, config):
    pipelines.outcome["2013-01-12"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        go(make())
    assert states(document.read(config.output)) == ["blessed"]
    assert document.read(config.output)["state"] == "running"
    assert status.read(config.output)["state"] == "stopped"
    pipelines.outcome.clear()
    _, made, _ = go(make())
    assert pipelines.ran == ["2013-01-12", "2013-01-19"]
    assert states(made) == ["blessed"] * 3


def test_killed_between_a_verdict_and_its_entry(go, make, pipelines, config):
    _, before, _ = go(make())
    document.write(config.output, before | {"steps": before["steps"][:1]})
    _, made, _ = go(make())
    assert pipelines.ran == []
    assert [spans for spans, _ in pipelines.measured] == [7, 1]
    assert states(made) == states(before)
    (config.output / document.FILE).unlink()
    assert states(go(make())[1]) == states(before)


@pytest.mark.parametrize(
    ("error", "state", "drift"),
    [
        (AnomaliesFound("column 'x' is gone"), "stopped", []),
        (DriftFound("span is unlike:\n  x moved"), "stopped", ["x moved"]),
        (RuntimeError("no luck"), "failed", []),
    ],
)
def test_a_run_without_a_verdict_is_an_outcome(go, make, pipelines, error, state, drift):
    pipelines.outcome["2013-01-12"] = error
    whole, made, _ = go(make())
    assert states(made) == ["blessed", state, "blessed"]
    assert whole == (state == "stopped")
    entry = made["steps"][1]
    assert (entry["drift"], entry["forward"]["served"]["span"]) == (drift, "2013-01-05")
    # Later runs were judged without it: it is history.
    pipelines.outcome.clear()
    assert states(go(make())[1]) == states(made)
    assert pipelines.ran == []


def test_a_last_run_that_failed_is_made_again(go, make, pipelines):
    pipelines.outcome["2013-01-19"] = RuntimeError("no luck")
    assert not go(make())[0]
    pipelines.outcome.clear()
    whole, made, _ = go(make())
    assert (whole, pipelines.ran) == (True, ["2013-01-19"])
    assert states(made) == ["blessed"] * 3


def test_nothing_is_served_before_a_model_is_blessed(go, make, pipelines):
    pipelines.outcome |= {"2013-01-05": False, "2013-01-12": False}
    _, made, _ = go(make())
    assert [(entry["forward"] or {})["problem"] for entry in made["steps"]] == ["no model was served yet"] * 2 + [None]
    assert pipelines.measured == [(1, ["2013-01-19"])]


def test_a_leak_ends_the_replay(go, make, pipelines, config):
    pipelines.leak = "2013-01-12"
    with pytest.raises(LeakFound):
        go(make())
    assert states(document.read(config.output)) == ["blessed"]
    with pytest.raises(LeakFound):  # Its report is there, and that makes it no better.
        go(make())


def test_a_replay_can_be_longer_but_not_another(go, make, pipelines, contract, config, write_task):
    go(make(last="2013-01-12"))
    _, made, _ = go(make())
    assert (pipelines.ran, states(made)) == (["2013-01-19"], ["blessed"] * 3)
    for other, sentence in (
        ({"every": "1d"}, "holds a backtest with every 7, not 1"),
        ({"first": "2013-01-06"}, "holds a backtest with from 2013-01-05"),
        ({"window": "3"}, "holds a backtest with window 4"),
        ({"last": "2013-01-12"}, "give --to 2013-01-19 or later"),
    ):
        with pytest.raises(UserError, match=sentence):
            go(make(**other))


def test_changed_data_is_another_replay(go, make, write_day, config):
    go(make())
    write_day(3, rows=9)
    with pytest.raises(UserError, match="task, code or data of 2013-01-05 are not what they were"):
        go(make())
    (config.output / document.FILE).unlink()
    with pytest.raises(UserError, match="holds runs of another task, of other options, code or data"):
        go(make())


def test_a_step_before_a_verdict_is_not_made_up_for(go, make, contract, config, pipelines):
    _, made, _ = go(make())
    (config.output / "reports" / made["steps"][0]["run_id"] / "report.json").unlink()
    (config.output / document.FILE).unlink()
    with pytest.raises(UserError, match="has a run of 2013-01-19 and none of 2013-01-05, which is earlier"):
        go(make())


def test_days_that_came_since_are_measured(go, make, pipelines, write_day, contract, config):
    go(make())
    write_day(21, date="2013-01-21")
    go(make())
    assert (pipelines.ran, pipelines.measured) == ([], [(2, ["2013-01-19", "2013-01-05"])])


def test_steps_with_nothing_to_run(go, make, write_day, pipelines):
    write_day(12, rows=0)
    whole, made, _ = go(make("2013-01-10", "2013-01-13", "1", "3"))
    assert (whole, states(made)) == (True, ["blessed", "skipped", "stopped", "blessed"])
    assert pipelines.ran == ["2013-01-10", "2013-01-13"]


class TestProcess:
    """A step in a process of its own; here one that has nothing to run."""

    @pytest.fixture
    def job(self, contract, config, make, write_day):
        write_day(12, rows=0)
        return worker.Job(contract, config.output, make().steps[1], None, ())

    def test_it_says_what_became_of_the_step(self, job):
        entry = process.do(job, lambda _: None, lambda _: None)
        assert entry == worker.do(job, lambda _: None, lambda _: None)
        assert (entry["state"], entry["forward"]["problem"]) == ("stopped", "no model was served yet")

    def test_what_ends_it_is_an_outcome(self, job, make):
        def kill(_):
            [child] = multiprocessing.active_children()
            child.kill()
            child.join()

        entry = process.do(dataclasses.replace(job, step=make().steps[0]), kill, kill)
        assert (entry["state"], entry["reasons"]) == (
            "failed",
            ["RuntimeError: its process ended by SIGKILL; the log says what it was doing"],
        )

    def test_an_interruption_ends_it_as_well(self, job):
        def interrupt(_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            process.do(job, interrupt, interrupt)
        assert multiprocessing.active_children() == []
