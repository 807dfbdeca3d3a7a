"""docs/reference.md is what the models of task.yaml say."""

import re

import pytest

from pipeline.reference import PAGE, reference
from schema.task import TaskSpec


@pytest.fixture(scope="module")
def page():
    return reference()


def _parts():
    schema = TaskSpec.model_json_schema()
    return {"TaskSpec": schema, **schema["$defs"]}


def _section(page, heading):
    """The text under a heading, up to the next."""
    return re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page, re.DOTALL | re.MULTILINE)[1]


def test_the_page_is_up_to_date(page):
    assert page == PAGE.read_text(encoding="utf-8"), "run `make docs`"


def test_every_part_and_key_says_what_it_means():
    silent = [name for name, part in _parts().items() if not part.get("description")]
    silent += [
        f"{name}.{key}"
        for name, part in _parts().items()
        for key, value in part["properties"].items()
        if "const" not in value and not value.get("description")
    ]
    assert silent == []


def test_every_key_of_every_part_is_in_a_table(page):
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(part["properties"]) for part in _parts().values())


def test_every_link_has_its_heading(page):
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-").replace(":", "") for heading in headings}
    assert len(anchors) == len(headings)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors


def test_sections_stand_in_the_order_of_the_task_file(page):
    top = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert top == ["task", "data", "drift", "features", "trunk", "heads", "training", "slices", "gates", "push"]


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("training", "| `epochs` | integer > 0 | `20` |"),
        ("trunk: mmoe", "| `units` | list of one or more: integer > 0 | `[128, 64]` |"),
        ("trunk: shared", "| `members` | integer ≥ 1 and ≤ 256 | `1` |"),
        ("features: image", "| `shape` | [integer > 0; integer > 0; `1`, `3`] | required |"),
        ("features: text", "| `encoder` | [lstm](#encoder-lstm), [bag](#encoder-bag) | `{type: lstm}` |"),
        ("heads: multilabel", r"| `separator` | text | `'\|'` |"),
        ("gates", "| `slice` | text, list of one or more: text, by name: text, integer, number | `{}` |"),
    ],
)
def test_rows(page, heading, row):
    assert row in _section(page, heading)


def test_a_type_may_be_left_out_only_where_it_is_the_one_that_is_meant(page):
    assert "| `type` | `cross_entropy` | `cross_entropy` |" in _section(page, "loss: cross_entropy")
    # Its class has a default for its own type, which a task file that leaves it out never reaches.
    assert "| `type` | `focal` | required |" in _section(page, "loss: focal")
