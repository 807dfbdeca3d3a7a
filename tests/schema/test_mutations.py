"""Whatever is written into task.yaml: it is a task, or its mistakes are listed; nothing else comes out."""

import copy
import functools
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import schema
from schema import contract
from schema.problems import TaskError
from schema.task import TaskSpec

SHIPPED = Path(schema.__file__).parent / "flights"
EXAMPLES = 80
FLIGHTS = yaml.safe_load((SHIPPED / "task.yaml").read_text(encoding="utf-8"))
# The same with the keys that no shipped task needs.
EVERY_KEY = FLIGHTS | {
    "data": {
        "format": "csv",
        "spans": "date={YYYY}-{MM}-{DD}/v{VERSION}",
        "marker": "_SUCCESS",
        "split": {"by": "span", "newest": 2, "key": ["carrier", "flight"]},
    },
    "gates": {
        "cancelled": [{"metric": "auc", "min": 0.6, "slice": {"origin": "JFK", "month": 7}, "min_labelled": 5}],
        "dep_delay": [{"metric": "ece", "max": 0.1, "slice": "carrier", "min_labelled": 500}],
        "arr_delay": [{"metric": "log_loss", "max_drop": 0.1, "slice": ["origin", "carrier"]}],
        "joint": [
            {"metric": "exact_match", "min": 0.4},
            {"metric": "label_consistency", "max_drop": 0.1, "slice": "origin"},
        ],
    },
    "push": {"keep": 3},
}

# Words that mean something somewhere reach deeper than random ones.
words = st.sampled_from(
    ["none", "numeric", "categorical", "hash", "column", "key", "type", "slice", "carrier", "cancelled", "hour_xf", ""]
) | st.sampled_from(["joint", "auc", "exact_match", "min_labelled", "keep", "span", "{SPAN}", "multilabel", "origin"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=4)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=3)
)
mutations = st.lists(
    st.tuples(st.integers(min_value=0), st.sampled_from(["delete", "replace", "rename"]), values, words),
    min_size=1,
    max_size=4,
)


def places(data):
    """Returns every (container, key) of nested dicts and lists."""
    found = []
    for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        found.append((data, key))
        if isinstance(value, dict | list):
            found.extend(places(value))
    return found


def mutated(steps, task=FLIGHTS):
    data = copy.deepcopy(task)
    for index, action, value, word in steps:
        if not (all_places := places(data)):
            break
        container, key = all_places[index % len(all_places)]
        if action == "replace":
            container[key] = copy.deepcopy(value)
        elif action == "delete":
            del container[key]
        elif isinstance(container, dict):
            container[word] = container.pop(key)
    return data


@pytest.fixture(scope="module", autouse=True)
def schema_read_once():
    """Half of the time would go into reading schema.pbtxt, which stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "read_schema", functools.cache(contract.read_schema))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return shutil.copytree(SHIPPED, tmp_path_factory.mktemp("mutated") / "flights")


def read(folder, *overrides):
    """Returns the task, or None, and the problems; whatever else is raised, is."""
    try:
        return contract.load_contract(folder, overrides).task, ()
    except TaskError as error:
        return None, error.problems


@settings(max_examples=EXAMPLES)
@given(mutations, st.sampled_from([FLIGHTS, EVERY_KEY]))
def test_task_or_list_of_mistakes(folder, steps, task):
    text = yaml.safe_dump(mutated(steps, task), sort_keys=False, allow_unicode=True)
    (folder / "task.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    task, problems = read(folder)
    if task:
        assert task == TaskSpec.from_json(task.to_json())
    else:
        assert problems
        assert len(set(problems)) == len(problems)
        assert all(problem.where and problem.message for problem in problems)


@settings(max_examples=EXAMPLES)
@given(st.lists(words | st.integers(0, 3).map(str), min_size=1, max_size=4), scalars)
def test_override_or_list_of_mistakes(keys, value):
    override = f"{'.'.join(keys)}={value}"
    task, problems = read(SHIPPED, override)
    assert bool(task) != bool(problems)
    assert all(problem.key or f"--set {override}" == problem.where for problem in problems)


@pytest.mark.parametrize(
    ("step", "accepted"),
    [((0, "replace", "other", ""), True), ((0, "delete", None, ""), False), ((0, "rename", None, "type"), False)],
)
@pytest.mark.parametrize("task", [FLIGHTS, EVERY_KEY], ids=["flights", "every key"])
def test_mutations_reach_both_outcomes(folder, step, accepted, task):
    # Else the properties above would hold for a reader that refuses everything.
    (folder / "task.yaml").write_text(yaml.safe_dump(mutated([step], task)), encoding="utf-8")
    assert accepted == (read(folder)[0] is not None)
