import pytest

from schema.contract import load_contract
from schema.problems import TaskError


def test_five_versions_are_kept_unless_the_task_says_otherwise(write_task, toy_task):
    assert load_contract(write_task()).task.push.keep == 5
    toy_task["push"] = {"keep": 2}
    assert load_contract(write_task(toy_task)).task.push.keep == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("push.keep=1", "push.keep: input should be greater than or equal to 2, got 1"),
        ("push.keep=many", "push.keep: "),
        ("push.kept=3", "did you mean 'keep'?"),
    ],
)
def test_mistakes(write_task, override, message):
    with pytest.raises(TaskError) as error:
        load_contract(write_task(), [override])
    assert message in str(error.value)
