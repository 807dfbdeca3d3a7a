"""What KFP refuses is found: each mistake made in a right specification, one at a time."""

import copy
import re

import pytest

from pipeline.runners.kubeflow.check import check

PLATFORM = {
    "platforms": {"kubernetes": {"deploymentSpec": {"executors": {"Trainer_executor": {"imagePullPolicy": "Always"}}}}}
}


@pytest.fixture
def wrong(spec):
    """Checks the specification after a change."""

    def problems(change, platform=None):
        changed, second = copy.deepcopy(spec), copy.deepcopy(platform)
        change(changed if platform is None else second)
        return check(changed, second)

    return problems


def test_a_right_one(spec):
    assert check(spec) == check(spec, PLATFORM) == []


def trainer(spec):
    return spec["root"]["dag"]["tasks"]["Trainer"]


def rename(spec, old, new):
    spec["root"]["dag"]["tasks"][new] = spec["root"]["dag"]["tasks"].pop(old)


def container(spec, **values):
    spec["deploymentSpec"]["executors"]["Trainer_executor"]["container"].update(values)


def constant(spec, value):
    trainer(spec)["inputs"]["parameters"]["run_fn"] = {"runtimeValue": {"constant": value}}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        # Numbers in brackets are those of Kubeflow's own rules that stock TFX breaks.
        (lambda s: s.update(schemaVersion="2.0.0"), "schemaVersion: 2.0.0, and KFP only takes 2.1.0"),
        (lambda s: s.update(runtimeConfig={}), "pipelineSpec: not what KFP reads: .*runtimeConfig"),
        (lambda s: s["deploymentSpec"].update(executor={}), "deploymentSpec: not what KFP reads"),
        (lambda s: s["pipelineInfo"].update(name="a_b"), "pipelineInfo.name: 'a_b' must match"),
        (lambda s: s["root"].pop("dag"), "root: has no task"),
        (
            lambda s: s["deploymentSpec"]["executors"].update(Trainer_executor={"resolver": {}}),
            "task Trainer: KFP runs containers and importers, and this is resolver",
        ),
        (lambda s: s["deploymentSpec"]["executors"].pop("Trainer_executor"), "there is no executor 'Trainer_executor'"),
        (lambda s: s["components"].pop("DataGate"), "task DataGate: there is no component 'DataGate'"),
        (lambda s: trainer(s).update(componentRef={"name": "root"}), "task Trainer: there is no component 'root'"),
        (lambda s: rename(s, "Pusher", "My_Pusher"), r"task My_Pusher: Argo takes names that match"),
        (lambda s: rename(s, "Pusher", "Pusher.1"), r"task Pusher\.1: Argo takes names that match"),
        (lambda s: trainer(s)["dependentTasks"].append("Nobody"), "waits for 'Nobody', which is no task"),
        (lambda s: trainer(s)["dependentTasks"].remove("Transform"), "Transform, for which the task does not wait"),
        (lambda s: trainer(s)["dependentTasks"].append("Pusher"), "tasks wait for each other: Canary, .*Trainer"),
        (
            lambda s: trainer(s)["inputs"]["artifacts"]["examples"]["taskOutputArtifact"].update(
                producerTask="Transform_task"
            ),
            "input examples: comes from 'Transform_task', which is no task",
        ),
        (
            lambda s: trainer(s)["inputs"]["parameters"].update(
                run_fn={"taskOutputParameter": {"producerTask": "Transform", "outputParameterKey": "best"}}
            ),
            "parameter run_fn: Transform has no output 'best'",
        ),
        (
            lambda s: trainer(s)["inputs"]["artifacts"]["examples"]["taskOutputArtifact"].update(
                outputArtifactKey="rows"
            ),
            "Transform has no output 'rows'",
        ),
        (lambda s: trainer(s)["inputs"]["artifacts"].pop("examples"), "input examples is declared or given, and not"),
        (lambda s: trainer(s)["inputs"]["parameters"].pop("run_fn"), "parameter run_fn is given no value"),
        (lambda s: s["root"]["inputDefinitions"]["parameters"].pop("code"), "the run has no parameter code"),
        (
            lambda s: s["components"]["Trainer"]["inputDefinitions"]["parameters"].pop("run_fn"),
            "task Trainer: its component has no parameter run_fn",
        ),
        (
            lambda s: s["root"]["inputDefinitions"]["parameters"]["code"].pop("parameterType"),
            "parameter code: type None is none of STRING",
        ),
        (
            lambda s: s["root"]["inputDefinitions"]["parameters"]["code"].update(defaultValue=3),
            "parameter code: default 3 is not of type STRING",
        ),
        (
            lambda s: s["root"]["inputDefinitions"]["parameters"].update(
                n={"parameterType": "NUMBER_INTEGER", "defaultValue": True}
            ),
            "parameter n: default True is not of type NUMBER_INTEGER",
        ),
        (lambda s: container(s, lifecycle={"preCacheCheck": {}}), "KFP never runs what stands under lifecycle"),
        (lambda s: container(s, image=""), "task Trainer: no image"),
        (lambda s: container(s, args=["x" * 2**18]), "an argument is longer than 128 KiB"),
        (lambda s: container(s, args=["ä" * 2**16]), "an argument is longer than 128 KiB"),
        (lambda s: constant(s, "x" * 2**18), "larger than an argument of a process, 128 KiB; .* run_fn, of 256 KiB"),
        # With what a run adds for inputs and outputs.
        (lambda s: constant(s, "x" * 120 * 2**10), "Trainer: component, parameters and 4 artifacts are larger than"),
        (
            lambda s: (
                trainer(s)["inputs"].pop("parameters"),
                s["components"]["Trainer"].update(inputDefinitions={"parameters": {"x" * 2**18: {"isOptional": True}}}),
            ),
            "the longest parameter is none, of 0 KiB",
        ),
        (lambda s: constant(s, "{{workflow.name}}"), "Argo would read what stands after {{"),
        (lambda s: s["root"]["dag"]["tasks"]["Trainer"].update(componentRef={"name": ""}), "no component ''"),
    ],
)
def test_a_mistake(wrong, change, problem):
    found = wrong(change)
    assert any(re.search(problem, sentence) for sentence in found), found


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda e: e.update(Nobody_executor={}), "Nobody_executor: there is no such executor"),
        (lambda e: e["Trainer_executor"].update(imagePullPolicy="Sometimes"), "imagePullPolicy Sometimes is none of"),
        (
            lambda e: e["Trainer_executor"].update(pvcMount=[{"constant": "a", "mountPath": p} for p in ("/a", "/b")]),
            "claim a is mounted twice",
        ),
    ],
)
def test_a_mistake_in_the_second_document(wrong, change, problem):
    found = wrong(lambda p: change(p["platforms"]["kubernetes"]["deploymentSpec"]["executors"]), PLATFORM)
    assert len(found) == 1
    assert problem in found[0]


def test_another_platform(wrong):
    [problem] = wrong(lambda p: p["platforms"].update(cloud=p["platforms"].pop("kubernetes")), PLATFORM)
    assert "only for platform kubernetes" in problem


def test_a_known_placeholder_is_the_drivers(wrong):
    assert wrong(lambda s: constant(s, "{{$.pipeline_job_uuid}}")) == []
