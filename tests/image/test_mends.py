"""Each thing that the entry point mends is needed: turned off, a run fails."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.runners.step.command import COMMAND

SPOIL = Path(__file__).parent / "spoil"
EXAMPLES = {"artifactType": {"instanceSchema": "title: tfx.Examples\ntype: object\n"}}


def component(executor, inputs, outputs):
    """Returns component and container, as the compiler writes them."""
    arguments = ["--executor_class_path", executor, "--json_serialized_invocation_args", "{{$}}"]
    arguments += ["--json_serialized_inputs_spec_args", json.dumps(inputs)]
    arguments += ["--json_serialized_outputs_spec_args", json.dumps(outputs)]
    name = executor.rpartition(".")[2]
    return (
        {"executorLabel": name, "inputDefinitions": inputs, "outputDefinitions": outputs},
        {"container": {"command": list(COMMAND), "args": arguments}},
    )


@pytest.fixture(scope="session")
def probe(tmp_path_factory, image):
    """A compiled pipeline of two steps that use all that is mended."""
    made = {"artifacts": {"made": EXAMPLES}}
    parts = {
        "Make": component("probe.Make", {"parameters": {"rows": {"parameterType": "NUMBER_INTEGER"}}}, made),
        "Read": component("probe.Read", made, {}),
    }
    executors = {name: {"container": {**run["container"], "image": image}} for name, (_, run) in parts.items()}
    produced = {"taskOutputArtifact": {"producerTask": "Make", "outputArtifactKey": "made"}}
    inputs = {
        "Make": {"parameters": {"rows": {"runtimeValue": {"constant": 3.0}}}},
        "Read": {"artifacts": {"made": produced}},
    }
    tasks = {
        name: {
            "taskInfo": {"name": name},
            "componentRef": {"name": name},
            "inputs": inputs[name],
            "dependentTasks": ["Make"] if name == "Read" else [],
        }
        for name in parts
    }
    spec = {
        "pipelineInfo": {"name": "probe"},
        "schemaVersion": "2.1.0",
        "root": {"dag": {"tasks": tasks}},
        "components": {name: part for name, (part, _) in parts.items()},
        "deploymentSpec": {"executors": executors},
    }
    file = tmp_path_factory.mktemp("probe") / "probe.yaml"
    file.write_text(yaml.safe_dump(spec))
    return file


@pytest.fixture(scope="session")
def run_spoilt(cluster):
    """Runs a pipeline, or steps of it, with one mend turned off."""

    def run(file, switch, **options):
        env = {"PYTHONPATH": "/spoil", "SPOIL": switch}
        return cluster.run(file, f"without {switch}", volumes=[f"{SPOIL}:/spoil:ro"], env=env, **options)

    return run


@pytest.fixture(scope="session")
def good_probe(run_spoilt, probe):
    return run_spoilt(probe, "nothing")


def why(run):
    """What the failed step said, and what the launcher said of it."""
    return "".join(step.log + step.error for step in run.steps.values() if step.state == "failed")


def test_the_probe_runs_when_all_is_mended(good_probe):
    assert good_probe.state("done") == {"Make", "Read"}, why(good_probe)


@pytest.mark.parametrize(
    ("switch", "complaint"),
    [
        ("output folders", "No such file or directory"),
        ("plain properties", "bool_value"),
        ("whole numbers", "can't multiply sequence by non-int of type 'float'"),
        ("URIs for paths", "nothing is there any more"),
        ("remembered folders", "['rows.txt']"),
    ],
)
def test_without_it_the_probe_fails(run_spoilt, probe, switch, complaint):
    run = run_spoilt(probe, switch)
    assert not run.succeeded
    assert complaint in why(run)


@pytest.mark.parametrize(
    ("switch", "complaint"),
    [
        ("types", "AttributeError"),
        ("metadata", "{'list': ['train', 'eval']}"),
        ("restored folders", "['rows.txt']"),
    ],
)
def test_without_it_the_reading_step_fails(run_spoilt, probe, good_probe, switch, complaint):
    run = run_spoilt(probe, switch, tasks={"Read"}, after=good_probe)
    assert not run.succeeded
    assert complaint in why(run)


@pytest.mark.parametrize(
    ("switch", "step", "complaint"),
    [
        ("undeclared outputs", "ImportSchemaGen", "system.Artifact"),
        ("paths", "ImportSchemaGen", "minio"),
        ("types", "Baseline", "AttributeError"),
    ],
)
def test_without_it_flights_fails(run_spoilt, flights, first, switch, step, complaint):
    run = run_spoilt(flights, switch, tasks={step}, after=first)
    assert not run.succeeded
    assert complaint in why(run)
