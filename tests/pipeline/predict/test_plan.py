"""What is refused before anything is computed."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.exported import read_exported
from pipeline.predict.plan import make_plan
from schema.errors import DataError


@pytest.fixture
def plan(contract, model):
    """Makes a plan of data."""

    def make(data, keep=(), exported=None, task=contract):
        return make_plan(task, data, model, exported or read_exported(model), keep)

    return make


@pytest.fixture
def refuse(plan, tmp_path, table):
    """Returns what a plan says of a table and options."""

    def call(changed=table, keep=()):
        pq.write_table(changed, tmp_path / "rows.parquet")
        with pytest.raises(DataError) as error:
            plan(tmp_path / "rows.parquet", keep)
        return str(error.value).replace(str(tmp_path), "")

    return call


def test_a_column_that_the_model_needs_is_missing(refuse, table):
    renamed = table.rename_columns([{"amount": "amounts"}.get(name, name) for name in table.column_names])
    assert refuse(renamed) == (
        "/rows.parquet: no column 'amount', which the model needs; there are: id, amounts, code, colour, photo, kind; "
        "did you mean 'amounts' by 'amount'?"
    )
    assert "no column 'amount', 'code', which the model needs" in refuse(table.drop(["amount", "code"]))


def test_a_column_that_the_schema_lets_be_absent_may_be_missing(plan, table, tmp_path):
    pq.write_table(table.drop(["colour", "photo", "kind"]), tmp_path / "rows.parquet")
    assert [field.name for field in plan(tmp_path / "rows.parquet").kept] == ["id", "amount", "code"]


@pytest.mark.parametrize(
    ("column", "values", "wrong"),
    [
        ("amount", pa.array(["1"] * 40), "string, and the model was trained with FLOAT"),
        ("code", pa.array(["1"] * 40), "string, and the model was trained with INT"),
        ("colour", pa.array(range(40)), "int64, and the model was trained with BYTES"),
        ("colour", pa.array([1.5] * 40), "double, and the model was trained with BYTES"),
        ("amount", pa.array([[1.0]] * 40), ": double>, which is not supported"),  # list<item or list<element, by Arrow.
    ],
)
def test_a_column_of_another_type(refuse, table, column, values, wrong):
    changed = table.set_column(table.schema.get_field_index(column), column, values)
    said = refuse(changed)
    assert said.startswith(f"/rows.parquet: column '{column}' is of type ")
    assert wrong in said


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("amount", pa.array(range(40))),
        ("amount", pa.nulls(40)),
        ("code", pa.array([1.0] * 40)),
        ("code", pa.array([True] * 40)),
        ("colour", pa.array(["red"] * 40).dictionary_encode()),
        ("colour", pa.array([b"red"] * 40)),
        ("colour", pa.array(np.arange(40).astype("datetime64[D]"))),
    ],
)
def test_types_that_ingestion_converts(plan, table, tmp_path, column, values):
    changed = table.set_column(table.schema.get_field_index(column), column, values)
    pq.write_table(changed, tmp_path / "rows.parquet")
    assert column in plan(tmp_path / "rows.parquet").types


def test_the_file_among_several_is_named(plan, rows, table):
    pq.write_table(table.drop(["code"]), rows / "2.parquet")
    with pytest.raises(DataError, match=r"data/2.parquet: no column 'code'"):
        plan(rows)


def test_unknown_columns_to_keep(refuse):
    assert refuse(keep=["id", "coed"]) == (
        "--keep coed: no such column in the data; there are: id, amount, code, colour, photo, kind; "
        "did you mean 'code'?"
    )


@pytest.mark.parametrize("name", ["kind.label", "tags.scores", "rejected.row"])
def test_a_column_with_a_name_of_the_output(refuse, plan, table, tmp_path, name):
    taken = table.append_column(name, pa.array(range(40)))
    assert refuse(taken) == f"column '{name}' of the data has a name of the output; leave it out with --keep"
    plan(tmp_path / "rows.parquet", keep=["id"])


def test_types_of_a_kept_column_that_do_not_go_together(plan, rows, table):
    pq.write_table(table.set_column(0, "id", pa.array(range(40))), rows / "2.parquet")
    with pytest.raises(DataError, match=r"2.parquet: column 'id' is of type int64, in an earlier file of type string"):
        plan(rows)
    plan(rows, keep=["code"])


def test_a_column_that_stands_twice(refuse, table):
    assert "column 'id' stands twice" in refuse(table.rename_columns(["id", "amount", "code", "colour", "photo", "id"]))


def test_a_model_of_another_task(contract, rows, model, plan):
    other = read_exported(model)
    object.__setattr__(other, "task", "flights")
    with pytest.raises(DataError, match="is a model of the task 'flights', not of 'toy'; give another --run"):
        plan(rows, exported=other)


def test_the_model_knows_its_features_better_than_the_task(plan, rows, model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    file = folder / "assets.extra" / "multihead.json"
    described = json.loads(file.read_text())
    described["features"]["code"]["dtype"] = "FLOAT"
    del described["features"]["colour"]
    file.write_text(json.dumps(described))
    assert plan(rows, exported=read_exported(folder)).types == {"amount": "FLOAT", "code": "FLOAT", "photo": "BYTES"}
    del described["features"], described["task"]
    file.write_text(json.dumps(described))
    found = plan(rows, exported=read_exported(folder))
    assert found.types == {"amount": "FLOAT", "code": "INT", "colour": "BYTES", "photo": "BYTES"}
    assert found.images == {"photo": "path"}
