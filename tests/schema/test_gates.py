"""What a gate says, and what it says where task.yaml is silent."""

import pytest

from schema.contract import load_contract
from schema.gates import Gate
from schema.problems import TaskError
from schema.task import TaskSpec


@pytest.mark.parametrize(
    ("given", "columns", "is_on_every_value", "labelled_needed"),
    [
        ({}, (), False, 1),
        ({"slice": {"origin": "JFK"}}, ("origin",), False, 1),
        ({"slice": "origin"}, ("origin",), True, 100),
        ({"slice": ("origin", "carrier")}, ("origin", "carrier"), True, 100),
        ({"min_labelled": 7}, (), False, 7),
        ({"slice": "origin", "min_labelled": 7}, ("origin",), True, 7),
        ({"slice": {"origin": "JFK", "hour": 7}, "min_labelled": 7}, ("origin", "hour"), False, 7),
    ],
)
def test_the_rows_that_a_gate_looks_at(given, columns, is_on_every_value, labelled_needed):
    gate = Gate(metric="auc", min=0.5, **given)
    found = (gate.columns, gate.is_on_every_value, gate.labelled_needed)
    assert found == (columns, is_on_every_value, labelled_needed)


def test_gates_are_written_and_read_again(toy_task):
    toy_task["gates"]["kind"] = [
        {"metric": "auc", "min": 0.6, "slice": "colour", "min_labelled": 5},
        {"metric": "auc", "min": 0.6, "slice": ["colour"]},
    ]
    toy_task["gates"]["joint"] = [{"metric": "exact_match", "min": 0.5, "slice": {"colour": "red"}}]
    task = TaskSpec.model_validate(toy_task, strict=False)
    assert TaskSpec.from_json(task.to_json()) == task
    assert task.gates["joint"] == (Gate(metric="exact_match", min=0.5, slice={"colour": "red"}),)


def test_a_head_called_joint_has_nowhere_to_put_its_gates(write_task, toy_task, toy_schema):

    toy_task["heads"]["joint"] = {"type": "multiclass"}
    toy_task["gates"]["joint"] = "none"
    pbtxt = toy_schema + 'feature { name: "joint" type: BYTES domain: "sizes" not_in_environment: "SERVING" }\n'
    with pytest.raises(TaskError) as error:
        load_contract(write_task(pbtxt=pbtxt))
    [problem] = error.value.problems
    assert problem.key == "heads.joint"
    assert problem.message == "`gates.joint` holds the gates over all heads together: call the head otherwise"


def test_label_consistency_needs_two_heads(write_task, toy_task):

    del toy_task["heads"]["size"], toy_task["gates"]["size"]
    toy_task["gates"]["joint"] = [{"metric": "exact_match", "min": 0}, {"metric": "label_consistency", "max": 0.1}]
    with pytest.raises(TaskError, match=r"gates\.joint\.1\.metric: label_consistency compares pairs of heads"):
        load_contract(write_task())
