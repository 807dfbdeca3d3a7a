"""Random small tables: every row is predicted or rejected with a reason, or a sentence says what is wrong with all."""

import datetime
import decimal

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from components.exported import read_exported
from components.servable import Servable
from pipeline.predict.plan import make_plan
from pipeline.predict.shard import PREDICTIONS, REJECTED, predict_shard
from schema.errors import DataError

KINDS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.string(): st.sampled_from(["", "red", "black.png", "broken.png", "\0", "NA", "unspeakable", "é", ".", "1"]),
    pa.large_string(): st.text(max_size=3),
    pa.binary(): st.sampled_from([b"", b"\xff", b"white.png", b"../data/white.png"]),
    pa.bool_(): st.booleans(),
    pa.decimal128(5, 2): st.decimals(-99, 99, places=2).map(decimal.Decimal),
    pa.date32(): st.dates(),
    pa.timestamp("s"): st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)),
    pa.list_(pa.string()): st.lists(st.sampled_from(["a", "b"]), max_size=2),
    pa.struct([("a", pa.int64())]): st.fixed_dictionaries({"a": st.integers(0, 9)}),
    pa.null(): st.none(),
}
RIGHT = {"amount": pa.float64(), "code": pa.int64(), "colour": pa.string(), "photo": pa.string(), "id": pa.string()}


@st.composite
def tables(draw):
    """Tables whose columns are mostly of the right type."""
    count = draw(st.integers(1, 8))
    columns = {}
    for name, right in RIGHT.items():
        kind = draw(st.one_of(st.just(right), st.just(right), st.sampled_from(list(KINDS))))
        if draw(st.integers(0, 9)):
            values = draw(st.lists(st.none() | KINDS[kind], min_size=count, max_size=count))
            columns[name] = pa.array(values, kind)
    return pa.table(columns) if columns else pa.table({"id": ["a"]})


@pytest.fixture
def check(contract, as_csv, model, photos):
    """Predicts a file without Beam and checks what must hold of any."""
    servable = Servable.load(model)
    tasks = {"parquet": contract, "csv": as_csv}

    def call(file, file_format):
        try:
            plan = make_plan(tasks[file_format], file, model, read_exported(model), ())
            batches = [one for piece in plan.shards for one in predict_shard(piece, plan, servable)]
        except DataError as error:
            said = str(error)
        else:
            said = None
        if said:
            assert said.startswith(f"{file}: ")
            return None
        out = {kind: [batch for found, batch in batches if found == kind] for kind in (PREDICTIONS, REJECTED)}
        predicted = pa.Table.from_batches(out[PREDICTIONS], plan.predictions)
        rejected = pa.Table.from_batches(out[REJECTED], plan.rejected)
        pq.write_table(predicted, photos.parent / "out.parquet")
        pq.write_table(rejected, photos.parent / "rejected.parquet")
        assert predicted["kind.label"].null_count == 0
        assert all(rejected["rejected.reason"].to_pylist())
        return predicted, rejected

    return call


many = settings(
    max_examples=60,
    suppress_health_check=[*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture],
)


@many
@given(table=tables())
@example(table=pa.table({"amount": [1.0], "code": [1], "photo": [b"\xff"]}))  # A name that is no text.
def test_any_parquet(table, check, photos):
    pq.write_table(table, photos / "rows.parquet", version="2.6")
    if found := check(photos / "rows.parquet", "parquet"):
        predicted, rejected = found
        assert predicted.num_rows + rejected.num_rows == table.num_rows
        if "id" in table.column_names and table["id"].type == pa.string():
            gone = {row - 1 for row in rejected["rejected.row"].to_pylist()}
            left = [key for i, key in enumerate(table["id"].to_pylist()) if i not in gone]
            assert left == predicted["id"].to_pylist()


# Arrow shows a malformed line as text before it asks what to do; if it is none, the file is refused after a complaint.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@many
@given(text=st.text('a1.,\n"x\ufeff\r|é;', max_size=60).map(str.encode) | st.binary(max_size=60))
def test_any_csv(text, check, photos):
    (photos / "rows.csv").write_bytes(b"id,amount,code\n" + text)
    check(photos / "rows.csv", "csv")


def test_a_csv_file_that_arrow_wrote(check, photos, table):
    pa_csv.write_csv(table, photos / "rows.csv")
    predicted, rejected = check(photos / "rows.csv", "csv")
    assert (predicted.num_rows, rejected.num_rows) == (40, 0)
