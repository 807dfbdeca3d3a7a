import copy

import pytest

from pipeline.runners.step import mend as mending
from pipeline.runners.step.mend import Declared, mend
from schema.errors import StepError


@pytest.fixture
def declared(inputs_spec):
    return Declared.of(inputs_spec, None)


def only(call, side, key):
    [artifact] = call[side]["artifacts"][key]["artifacts"]
    return artifact


def test_nothing_that_was_handed_over_is_changed_in_place(call, declared):
    before = copy.deepcopy(call)
    mend(call, declared)
    assert call == before


def test_executor_logs_are_dropped(call, declared):
    assert list(mending.drop_undeclared(call, declared)["outputs"]["artifacts"]) == ["statistics"]


def test_declared_outputs_decide_if_they_are_passed_on(call, inputs_spec):
    call["outputs"]["artifacts"]["more"] = call["outputs"]["artifacts"]["statistics"]
    declared = Declared.of(inputs_spec, {"artifacts": {"statistics": {}}})
    assert list(mending.drop_undeclared(call, declared)["outputs"]["artifacts"]) == ["statistics"]


@pytest.mark.parametrize("handed", [{"instanceSchema": ""}, {"schemaTitle": "system.Artifact"}, {}])
def test_an_input_gets_its_declared_type(call, declared, inputs_spec, handed):
    only(call, "inputs", "examples")["type"] = handed
    mended = mending.give_types(call, declared)
    assert only(mended, "inputs", "examples")["type"] == inputs_spec["artifacts"]["examples"]["artifactType"]


def test_an_input_without_any_type_is_an_error_with_key_and_uri(call):
    with pytest.raises(StepError, match=r"input examples: minio://mlpipeline/\S+/examples: KFP tells no type"):
        mending.give_types(call, Declared.of({}, None))


def test_an_input_that_has_a_type_keeps_it(call):
    only(call, "inputs", "examples")["type"] = {"instanceSchema": "title: tfx.Model\n"}
    mended = mending.give_types(call, Declared.of({}, None))
    assert only(mended, "inputs", "examples")["type"] == {"instanceSchema": "title: tfx.Model\n"}


def test_uris_become_the_paths_that_the_launcher_uses(call, declared):
    mended = mending.give_paths(call, declared)
    root = "/minio/mlpipeline/v2/artifacts/flights/RUN"
    assert only(mended, "inputs", "examples")["uri"] == f"{root}/ExampleGen/UUID/examples"
    assert only(mended, "outputs", "statistics")["uri"] == f"{root}/StatisticsGen/UUID/statistics"


def test_lists_and_dicts_are_unwrapped_and_all_else_is_kept(call, declared):
    metadata = only(mending.unwrap_metadata(call, declared), "inputs", "examples")["metadata"]
    assert metadata["empty_folders"] == ["Split-eval"]
    assert metadata["extra"] == {"rows": 7}
    assert metadata["span"] == 5
    assert metadata["split_names"] == '["train", "eval"]'


@pytest.mark.parametrize("value", [{"list": "a"}, {"struct": [1]}, {"list": [1], "more": 2}, {"other": [1]}])
def test_what_only_looks_wrapped_is_kept(call, declared, value):
    only(call, "inputs", "examples")["metadata"] = {"value": value}
    assert only(mending.unwrap_metadata(call, declared), "inputs", "examples")["metadata"] == {"value": value}


def test_a_step_without_inputs_is_mended_too(call, declared):
    call["inputs"] = {"parameterValues": {"data": "/data"}}
    mended = mend(call, declared)
    assert mended["inputs"]["parameterValues"] == {"data": "/data"}
    assert list(mended["outputs"]["artifacts"]) == ["statistics"]
    assert mended["outputs"]["outputFile"] == call["outputs"]["outputFile"]
