"""The grid: how --set is read, what its cells are, and which mistakes are named."""

import pytest

from pipeline.compare.grid import read_grid, split_values
from schema.errors import UserError
from schema.problems import TaskError


@pytest.fixture
def grid(write_task):
    folder = write_task()
    return lambda *options, seeds=1: read_grid(folder, options, seeds)


def problems(grid, *options):
    with pytest.raises(TaskError) as error:
        grid(*options)
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("shared", ["shared"]),
        ("shared, ple", ["shared", "ple"]),
        ("[64, 32],[128]", ["[64, 32]", "[128]"]),
        ("{type: focal, gamma: 1},{type: cross_entropy}", ["{type: focal, gamma: 1}", "{type: cross_entropy}"]),
        ("[{a: [1,2]},3],4", ["[{a: [1,2]},3]", "4"]),
        ("'a,b',\"c,d\"", ["'a,b'", '"c,d"']),
        (r'"a\",b",c', [r'"a\",b"', "c"]),
        ("don't,won't", ["don't", "won't"]),
        ("a],b", ["a]", "b"]),
        ("a,", ["a", ""]),
        ("", [""]),
    ],
)
def test_values_are_split_at_commas_outside_brackets_and_quotes(text, values):
    assert split_values(text) == values


def test_cells_are_the_product_of_the_values(grid):
    cells = grid("trunk.type=shared,ple", "trunk.units=[64, 32],[128]", "training.epochs=3")
    assert [cell.label for cell in cells] == [
        "trunk.type=shared, trunk.units=[64, 32]",
        "trunk.type=shared, trunk.units=[128]",
        "trunk.type=ple, trunk.units=[64, 32]",
        "trunk.type=ple, trunk.units=[128]",
    ]
    tasks = [cell.contract.task for cell in cells]
    assert [(task.trunk.type, task.trunk.units) for task in tasks] == [
        ("shared", (64, 32)),
        ("shared", (128,)),
        ("ple", (64, 32)),
        ("ple", (128,)),
    ]
    assert {task.training.epochs for task in tasks} == {3}
    assert cells[3].overrides == {"trunk.type": "ple", "trunk.units": "[128]", "training.epochs": "3"}


def test_a_single_cell_is_called_by_all_its_values(grid):
    assert [cell.label for cell in grid("trunk.type=ple", "training.epochs=3")] == ["trunk.type=ple, training.epochs=3"]


def test_seeds_count_from_the_seed_of_the_task(grid):
    (cell,) = grid("training.seed=7", seeds=3)
    assert [cell.with_seed(number).task.training.seed for number in range(3)] == [7, 8, 9]
    assert cell.with_seed(2).classes == cell.contract.classes


def test_no_set(grid):
    with pytest.raises(UserError, match=r"nothing to compare: .* such as --set trunk\.type=shared,independent"):
        grid()


@pytest.mark.parametrize("seeds", [0, -1])
def test_no_seeds(grid, seeds):
    with pytest.raises(UserError, match=f"^--seeds {seeds}: every cell is trained once or more"):
        grid("trunk.type=shared", seeds=seeds)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["trunk.type"], "--set trunk.type: must read key=value,value, such as trunk.type=shared,independent"),
        (["trunk.type="], "--set trunk.type=: trunk.type: a value is empty; write null where no value is meant"),
        (["trunk.type=ple,,"], "--set trunk.type=ple,,: trunk.type: a value is empty; write null"),
        (["trunk.type=ple,ple"], "--set trunk.type=ple,ple: trunk.type: 'ple' stands twice"),
        (
            ["trunk.type=ple", "trunk.type=mmoe"],
            "--set trunk.type=mmoe: trunk.type: stands twice: give all values of a key in one --set",
        ),
        (["training.seed=1,2"], "--set training.seed=1,2: training.seed: takes one value, the first seed: --seeds"),
        (["trunk.typ=ple,mmoe"], "--set trunk.typ: trunk.typ: unknown key; allowed: "),
        (["slices=[],[[colour]]"], "cell slices=[[colour]]: trains the same model as cell slices=[]: "),
        (["task=a,b"], "cell task=b: task: must be the same in all cells"),
        (["data.format=csv,parquet"], "cell data.format=parquet: data: must be the same in all cells"),
    ],
)
def test_one_mistake_is_one_sentence(grid, options, expected):
    found = problems(grid, *options)
    assert found[0].startswith(expected)
    assert len(found) == (1 if not options[0].startswith("data") else 2)  # The format does not make the model either.


def test_every_cell_is_checked_and_named(grid):
    found = problems(grid, "trunk.type=shared,mmoe,ple", "trunk.experts=4,0", "training.epochs=0")
    assert found == [
        "cell trunk.type=shared, trunk.experts=4 and 1 more: --set trunk.experts: trunk.experts: unknown key;"
        " allowed: dropout, feature_dropout, members, type, units",
        "--set training.epochs: training.epochs: input should be greater than 0, got 0",
        "cell trunk.type=mmoe, trunk.experts=0: --set trunk.experts: trunk.experts: input should be greater than 0,"
        " got 0",
        "cell trunk.type=ple, trunk.experts=4 and 1 more: --set trunk.experts: trunk.experts: unknown key;"
        " allowed: dropout, feature_dropout, members, own_experts, shared_experts, type, units;"
        " did you mean 'own_experts'?",
    ]
