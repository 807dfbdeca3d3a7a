"""What may go, over random histories of a small pipeline with a cache."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.retention.plan import Execution, Facts, Run, make_plan

# Stage, those whose outputs it reads, what it makes. As in the graph of a task, in short.
STAGES = {
    "ExampleGen": ((), ("examples",)),
    "Transform": (("ExampleGen",), ("graph", "rows")),
    "Trainer": (("Transform",), ("model", "model_run")),
    "Baseline": ((), ("model",)),
    "Evaluator": (("ExampleGen", "Trainer", "Baseline"), ("evaluation",)),
    "Report": (("Evaluator",), ("report",)),
    "Pusher": (("Trainer", "Report"), ("pushed",)),
}
NEVER_CACHED = "Pusher"


class Folder:
    """A run's folder as runs leave it: simulated, so that who used what is known without asking the plan."""

    def __init__(self):
        self.runs, self.executions, self.places = [], {}, {}
        self.cache, self.used_by, self.model_of = {}, {}, {}
        self.half_made, self.pushes = {}, []

    def run(self, settings, stages):
        """Runs some stages, the first of which is 1; each is cached if its settings and inputs are not new."""
        name, made, numbers = f"r{len(self.runs):02}", {}, []
        for stage, (reads, outputs) in list(STAGES.items())[:stages]:
            inputs = frozenset(artifact for read in reads for artifact in made[read])
            key = stage, settings[stage], inputs
            number = len(self.executions) + 1
            if stage == NEVER_CACHED or key not in self.cache:
                first = len(self.places) + 1
                self.cache[key] = frozenset(range(first, first + len(outputs)))
                self.places |= {first + i: f"{stage}/{output}/{number}" for i, output in enumerate(outputs)}
                if stage == "Trainer":
                    self.model_of |= dict.fromkeys(self.cache[key], first)
                else:
                    models = {self.model_of[artifact] for artifact in inputs if artifact in self.model_of}
                    self.model_of |= {artifact: model for artifact in self.cache[key] for model in models}
            made[stage] = self.cache[key]
            spans = frozenset({f"span{settings[stage]}"} if stage == "ExampleGen" else ())
            self.executions[number] = Execution(inputs, made[stage], spans)
            numbers.append(number)
            for artifact in inputs | made[stage]:
                self.used_by.setdefault(artifact, set()).add(name)
        is_whole = stages == len(STAGES)
        if not is_whole:  # Killed in the next stage, of which ML Metadata knows the execution and not the outputs.
            number = len(self.executions) + 1
            stage = list(STAGES)[stages]
            self.executions[number] = Execution(frozenset(), frozenset())
            self.half_made[f"{stage}/{STAGES[stage][1][0]}/{number}"] = name
            numbers.append(number)
        self.runs.append(Run(name, frozenset(numbers), is_whole))
        if is_whole and settings["blessed"]:
            self.pushes.append((name, min(made["Trainer"])))

    def facts(self, others=()):
        served = self.pushes[-2:]
        return Facts(
            runs=tuple(self.runs),
            executions=self.executions,
            artifacts=self.places,
            served=frozenset(self.places[model] for _, model in served),
            baseline_run=served[-1][0] if served else None,
            places=(*self.places.values(), *self.half_made, *others),
        )

    def kept(self, keep):
        """The runs that are to be kept, by the words of the documentation."""
        judged = [run.id for run in self.runs if run.has_verdict]
        return {*judged[-keep:], self.runs[-1].id, *[name for name, _ in self.pushes[-1:]]}


SETTINGS = st.fixed_dictionaries({**dict.fromkeys(STAGES, st.integers(0, 2)), "blessed": st.booleans()})
FOLDERS = st.lists(st.tuples(SETTINGS, st.integers(1, len(STAGES))), min_size=1, max_size=8)


def build(history):
    folder = Folder()
    for settings_, stages in history:
        folder.run(settings_, stages)
    return folder


@given(FOLDERS, st.integers(1, 4))
def test_what_a_kept_run_or_served_model_needs_stays_and_all_else_goes(history, keep):
    folder = build(history)
    kept, served = folder.kept(keep), {model for _, model in folder.pushes[-2:]}
    plan = make_plan(folder.facts(), keep)
    assert set(plan.kept) == kept
    needed = {
        place
        for artifact, place in folder.places.items()
        if folder.used_by[artifact] & kept or folder.model_of.get(artifact) in served
    } | {place for place, name in folder.half_made.items() if name in kept}
    assert {removal.place for removal in plan.removals} == set(folder.facts().places) - needed
    marked = {artifact for removal in plan.removals for artifact in removal.artifacts}
    assert marked == {artifact for artifact, place in folder.places.items() if place not in needed}


@given(FOLDERS, st.integers(1, 4))
def test_a_kept_run_done_again_finds_everything_in_the_cache(history, keep):
    folder = build(history)
    gone = {artifact for removal in make_plan(folder.facts(), keep).removals for artifact in removal.artifacts}
    folder.cache = {key: outputs for key, outputs in folder.cache.items() if not outputs & gone}
    known = len(folder.places)
    for (settings_, stages), run in zip(history, tuple(folder.runs), strict=True):
        if run.id in folder.kept(keep):
            folder.run(settings_, min(stages, len(STAGES) - 1))
    assert len(folder.places) == known


@given(FOLDERS, st.integers(1, 4))
def test_a_second_look_finds_nothing(history, keep):
    facts = build(history).facts()
    gone = {removal.place for removal in make_plan(facts, keep).removals}
    rest = dataclasses.replace(facts, places=tuple(place for place in facts.places if place not in gone))
    assert make_plan(rest, keep).removals == ()


def settings(**given):
    return {**dict.fromkeys(STAGES, 0), "blessed": True, **given}


@pytest.fixture
def folder():
    """Three runs: the first two pushed a model of two spans, the last was killed in the Trainer of a third."""
    return build(
        [
            (settings(ExampleGen=1), len(STAGES)),
            (settings(ExampleGen=2), len(STAGES)),
            (settings(ExampleGen=3), 2),
        ]
    )


def removed(folder, keep, *others):
    return {removal.place: removal.why for removal in make_plan(folder.facts(others), keep).removals}


def test_every_run_that_is_kept_says_why(folder):
    assert make_plan(folder.facts(), 1).kept == {"r01": "the newest with a verdict", "r02": "the newest of all"}
    folder.run(settings(ExampleGen=2, Report=1, blessed=False), len(STAGES))
    folder.run(settings(ExampleGen=2, Report=2, blessed=False), len(STAGES))
    assert make_plan(folder.facts(), 2).kept == {
        "r01": "made the last blessed model",
        "r03": "of the 2 newest with a verdict",
        "r04": "of the 2 newest with a verdict",
    }


def test_of_an_older_served_model_it_and_its_verdict_stay(folder):
    assert removed(folder, 1) == dict.fromkeys(
        ["ExampleGen/examples/1", "Transform/graph/2", "Transform/rows/2"], "of run r00"
    )


def test_what_is_kept_of_spans_goes_with_the_last_window_that_reads_them(folder):
    rows, counts = [f"spans/span{n}" for n in (1, 2, 3)], [f"counts/span{n}-drift.a.kept" for n in (1, 2, 3)]
    learnt = [f"counts/span{n}-analysis.train.a.kept" for n in (1, 2, 3)]
    drafts = ["spans/.span2-draft", "counts/.span2-drift.a.kept-draft"]
    found = removed(folder, 1, *rows, *counts, *learnt, *drafts)
    of_spans = {place: why for place, why in found.items() if place.startswith(("spans", "counts"))}
    assert of_spans == dict.fromkeys([rows[0], counts[0], learnt[0], *drafts], "of spans that no kept run reads")


def test_a_training_that_was_ended_can_go_on_until_a_run_comes_to_a_verdict(folder):
    assert "Trainer/checkpoints/abc" not in removed(folder, 1, "Trainer/checkpoints/abc")
    folder.run(settings(), len(STAGES))
    assert removed(folder, 1, "Trainer/checkpoints/abc")["Trainer/checkpoints/abc"] == (
        "of trainings that no kept run goes on with"
    )


def test_left_overs(folder):
    half_made = next(iter(folder.half_made))
    assert half_made not in removed(folder, 1)
    folder.run(settings(), len(STAGES))
    found = removed(folder, 1, "Trainer/model/999", "Trainer/model/.removed-0", "Trainer/.system/executor_execution/1")
    assert found[half_made] == "of run r02, which came to no verdict"
    assert found["Trainer/.system/executor_execution/1"] == "of run r00"
    nobody = "left over by something that was ended, and not in ML Metadata"
    assert found["Trainer/model/999"] == found["Trainer/model/.removed-0"] == nobody


def test_a_served_model_stays_even_if_ml_metadata_does_not_know_it(folder):
    facts = folder.facts(["Trainer/model/77"])
    facts = dataclasses.replace(facts, served=frozenset({"Trainer/model/77"}))
    assert "Trainer/model/77" not in {removal.place for removal in make_plan(facts, 1).removals}


def test_older_runs_come_first_and_stages_in_their_order(folder):
    folder.run(settings(), len(STAGES))
    places = [removal.place for removal in make_plan(folder.facts(["spans/x", "Trainer/model/999"]), 1).removals]
    assert places == [
        "ExampleGen/examples/1",
        "Transform/graph/2",
        "Transform/rows/2",
        *("Trainer/model/3", "Trainer/model_run/3", "Evaluator/evaluation/5", "Report/report/6", "Pusher/pushed/7"),
        *("ExampleGen/examples/8", "Transform/graph/9", "Transform/rows/9"),
        *("ExampleGen/examples/15", "Transform/graph/16", "Transform/rows/16"),
        "Trainer/model/17",
        "Trainer/model/999",
        "spans/x",
    ]


def test_a_folder_that_was_moved_is_told_until_it_has_a_verdict_of_its_own():
    facts = Facts(
        runs=(Run("r0", frozenset({1}), True), Run("r1", frozenset(), False)),
        executions={
            1: Execution(frozenset(), frozenset({1})),
            2: Execution(frozenset(), frozenset({2})),
        },
        artifacts={1: "/old/artifacts/ExampleGen/examples/1", 2: "ExampleGen/examples/2"},
        served=frozenset(),
        baseline_run=None,
        places=("ExampleGen/examples/1", "ExampleGen/examples/2"),
    )
    assert make_plan(facts, 1).outside == ("/old/artifacts/ExampleGen/examples/1",)
    again = dataclasses.replace(facts, runs=(*facts.runs, Run("r2", frozenset({2}), True)))
    assert make_plan(again, 2).outside == ()


def test_what_a_kept_run_read_of_another_run_stays():
    facts = Facts(
        runs=(Run("r0", frozenset({1}), True), Run("r1", frozenset({2}), True)),
        executions={1: Execution(frozenset(), frozenset({1})), 2: Execution(frozenset({1}), frozenset({2}))},
        artifacts={1: "Trainer/model/1", 2: "Trainer/model/2"},
        served=frozenset(),
        baseline_run=None,
        places=("Trainer/model/1", "Trainer/model/2"),
    )
    assert make_plan(facts, 1).removals == ()
