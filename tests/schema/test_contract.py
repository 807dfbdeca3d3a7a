"""task.yaml against schema.pbtxt: what the two must agree on."""

from pathlib import Path

import pytest

import schema
from schema.columns import read_schema
from schema.contract import find_task, load_contract
from schema.errors import UserError
from schema.problems import TaskError


def problems(folder, *overrides):
    with pytest.raises(TaskError) as error:
        load_contract(folder, overrides)
    return error.value.problems


class TestRight:
    def test_toy(self, write_task):
        contract = load_contract(write_task())
        assert contract.classes == {"kind": ("cat", "dog"), "size": ("small", "large", "huge")}
        assert list(contract.task.features) == ["amount", "colour"]
        assert contract.schema == read_schema(contract.folder / "schema.pbtxt")

    def test_flights(self, flights_folder):
        contract = load_contract(flights_folder)
        assert contract.classes == {
            "cancelled": ("no", "yes"),
            "dep_delay": ("on_time", "late", "very_late"),
            "arr_delay": ("early", "on_time", "late", "very_late"),
        }

    def test_every_shipped_task_is_right(self):
        folders = sorted(file.parent for file in Path(schema.__file__).parent.glob("*/task.yaml"))
        assert folders == [load_contract(folder).folder for folder in folders]
        assert "flights" in [folder.name for folder in folders]

    def test_overrides_are_checked_like_the_file(self, write_task):
        assert load_contract(write_task(), ["training.epochs=2"]).task.training.epochs == 2

    def test_a_column_may_be_split_by_or_sliced_on_without_being_a_feature(self, write_task, toy_task):
        toy_task["data"] = {"split": {"by": "column", "column": "fold"}}
        toy_task["slices"] = [["year", "colour"]]
        toy_task["gates"]["kind"][0]["slice"] = {"year": 2013}
        assert load_contract(write_task()).task.gates["kind"][0].slice == {"year": 2013}

    @pytest.mark.parametrize("columns", ["year", ["year", "colour"], {"year": 2013.0, "colour": "red"}])
    def test_a_gate_may_look_at_one_slice_or_at_every_value(self, write_task, toy_task, columns):
        toy_task["gates"]["kind"][0]["slice"] = columns
        toy_task["gates"]["joint"] = [{"metric": "label_consistency", "max": 0.1, "slice": columns}]
        gates = load_contract(write_task()).task.gates
        expected = ("year",) if columns == "year" else ("year", "colour")
        assert [gates[owner][0].columns for owner in ("kind", "joint")] == [expected, expected]


class TestWrong:
    """Each case changes one key of the toy task, or one word of its schema; both are right."""

    @pytest.mark.parametrize(
        ("override", "key", "expected"),
        [
            (
                "features.amont={type: numeric}",
                "features.amont",
                "'amont' is not a column of SCHEMA; allowed: amount, colour, year, fold, kind, size; "
                "did you mean 'amount'?",
            ),
            (
                "features.colour={type: numeric}",
                "features.colour.type",
                "the column is BYTES in SCHEMA, expected INT or FLOAT",
            ),
            (
                "features.amount={type: categorical}",
                "features.amount.type",
                "the column is FLOAT in SCHEMA, expected BYTES or INT",
            ),
            (
                "features.fold={type: categorical}",
                "features.fold",
                "is kept from SERVING in SCHEMA: no request will bring it",
            ),
            (
                "heads.kind.loss.class_weights={cat: 2, dgo: 1}",
                "heads.kind.loss.class_weights.dgo",
                "'dgo' is not a class of 'kind'; allowed: cat, dog; did you mean 'dog'?",
            ),
            (
                "heads.size.loss.class_weights={smal: 2}",
                "heads.size.loss.class_weights.smal",
                "'smal' is not a class of 'size'; allowed: small, large, huge; did you mean 'small'?",
            ),
            (
                "slices=[[colour], [colour, yaer]]",
                "slices.1.1",
                "'yaer' is not a column of schema.pbtxt; allowed: amount, colour, year, fold, kind, size; "
                "did you mean 'year'?",
            ),
            (
                "gates.kind.0.slice={color: red}",
                "gates.kind.0.slice.color",
                "'color' is not a column of schema.pbtxt; allowed: amount, colour, year, fold, kind, size; "
                "did you mean 'colour'?",
            ),
            (
                "gates.kind.0.slice.colour=rde",
                "gates.kind.0.slice.colour",
                "'rde' is not a value of 'colour'; allowed: red, green, blue; did you mean 'red'?",
            ),
            (
                "gates.kind.0.slice.colour=1",
                "gates.kind.0.slice.colour",
                "'1' is not a value of 'colour'; allowed: red, green, blue",
            ),
            (
                "gates.kind.0.slice=color",
                "gates.kind.0.slice",
                "'color' is not a column of schema.pbtxt; allowed: amount, colour, year, fold, kind, size; "
                "did you mean 'colour'?",
            ),
            (
                "gates.joint=[{metric: exact_match, min: 0.5, slice: [colour, yaer]}]",
                "gates.joint.0.slice.1",
                "'yaer' is not a column of schema.pbtxt; allowed: amount, colour, year, fold, kind, size; "
                "did you mean 'year'?",
            ),
            (
                "gates.kind.0.slice={year: 2013.5}",
                "gates.kind.0.slice.year",
                "2013.5 is not an integer, as every value of 'year' is in schema.pbtxt",
            ),
            (
                "gates.kind.0.slice={year: '2013'}",
                "gates.kind.0.slice.year",
                "'2013' is not an integer, as every value of 'year' is in schema.pbtxt",
            ),
            (
                "data.split={by: column, column: fol}",
                "data.split.column",
                "'fol' is not a column of schema.pbtxt; allowed: amount, colour, year, fold, kind, size; "
                "did you mean 'fold'?",
            ),
            (
                "data.split={by: hash, key: [year, colr]}",
                "data.split.key.1",
                "'colr' is not a column of schema.pbtxt; allowed: amount, colour, year, fold, kind, size; "
                "did you mean 'colour'?",
            ),
        ],
    )
    def test_task(self, write_task, override, key, expected):
        folder = write_task()
        [problem] = problems(folder, override)
        assert key == problem.key
        text = f"--set {override.partition('=')[0]}: {key}: {expected}".replace("SCHEMA", str(folder / "schema.pbtxt"))
        assert text == str(problem)

    def test_a_head_that_is_no_column(self, write_task, toy_task):
        toy_task["heads"]["kin"] = {"type": "multiclass"}
        toy_task["gates"]["kin"] = "none"
        [problem] = problems(write_task())
        assert (problem.key, problem.given) == ("heads.kin", "kin")

    @pytest.mark.parametrize(
        ("old", "new", "key", "fragment"),
        [
            ('"size" type: BYTES domain: "sizes"', '"size" type: BYTES', "size", "two or more classes, got 0"),
            ('"size" type: BYTES domain: "sizes"', '"size" type: BYTES domain: "zes"', "size", "classes, got 0"),
            ('"size" type: BYTES', '"size" type: INT', "size", "a label must be BYTES with a string_domain"),
            (' value: "dog"', "", "kind", "two or more classes, got 1"),
            ('value: "dog"', 'value: "dog" value: "cat"', "kind", "class 'cat' stands twice in its string_domain"),
            ('value: "dog"', 'value: ""', "kind", "a class needs a name"),
            ('"amount" type: FLOAT', '"amount" type: FLOAT shape { dim { size: 1 } }', "amount", "in place of shape"),
            ('"amount" type: FLOAT', '"amount" type: FLOAT value_count { max: 2 }', "amount", "only one value per row"),
            ('"SERVING" }\nfeature { name: "size"', '"x" }\nfeature { name: "size"', "kind", "is unknown when serving"),
            ('default_environment: "SERVING"\n', "", "default_environment", 'must list "SERVING"'),
            ("sizes", "sizes", "", ""),
            ('name: "year"', 'name: "amount"', "amount", "is declared 2 times"),
            ('name: "year"', 'name: "amount_xf"', "amount_xf", "is the name that 'amount' gets after Transform"),
            ('name: "year"', 'name: "kind_label"', "kind_label", "is the name that 'kind' gets after Transform"),
            ('"amount" type: FLOAT', '"amount"', "features.amount.type", "the column is no type in"),
        ],
    )
    def test_schema(self, write_task, toy_schema, old, new, key, fragment):
        assert toy_schema.count(old) >= 1
        folder = write_task(pbtxt=toy_schema.replace(old, new))
        if not key:  # The unchanged schema, to see that the cases above start from one that is right.
            load_contract(folder)
            return
        [problem] = problems(folder)
        assert key == problem.key
        assert fragment in str(problem)
        assert str(folder) in str(problem)

    def test_ten_mistakes_are_ten_problems(self, write_task, toy_task, toy_schema):
        toy_task["task"] = "Toy"
        toy_task["epochs"] = 3
        toy_task["features"]["amount"]["scaling"] = "zsore"
        toy_task["features"]["colr"] = {"type": "categorical"}
        toy_task["heads"]["kind"]["loss"] = {"weight": -1, "class_weights": {"cow": 2}}
        toy_task["heads"]["size"]["depends_on"] = ["kid"]
        toy_task["slices"] = [["origin"]]
        del toy_task["gates"]["size"]
        pbtxt = toy_schema.replace('domain: "sizes" not_in_environment: "SERVING"', 'domain: "sizes"')
        folder = write_task(pbtxt=pbtxt)
        assert [problem.key for problem in problems(folder)] == [
            "task",
            "features.amount.scaling",
            "heads.kind.loss.weight",
            "epochs",
            "gates.size",
            "heads.size.depends_on.0",
            "features.colr",
            "heads.kind.loss.class_weights.cow",
            "size",
            "slices.0.0",
        ]

    def test_mistakes_of_file_schema_and_options_come_together(self, write_task, toy_task):
        toy_task["task"] = "Toy"
        folder = write_task(pbtxt="feature { nam }")
        found = [problem.where for problem in problems(folder, "training.epochs=0")]
        assert [f"{folder}/task.yaml:1", "--set training.epochs", f"{folder}/schema.pbtxt:1"] == found


class TestFiles:
    def test_syntax_error_in_the_schema_names_the_line(self, write_task, toy_schema):
        folder = write_task(pbtxt=toy_schema.replace('"year" type: INT', '"year" typ: INT'))
        [problem] = problems(folder)
        assert f"{folder}/schema.pbtxt:5" == problem.where
        assert problem.message.startswith("not a TensorFlow Metadata schema: ")
        assert '"typ"' in problem.message

    def test_schema_missing(self, write_task):
        folder = write_task()
        (folder / "schema.pbtxt").unlink()
        [problem] = problems(folder)
        assert f"{folder}/schema.pbtxt: cannot be read: No such file or directory" == str(problem)

    def test_schema_not_utf8(self, write_task):
        folder = write_task()
        (folder / "schema.pbtxt").write_bytes(b'feature { name: "\xff" }')
        [problem] = problems(folder)
        assert str(problem).startswith(f"{folder}/schema.pbtxt: not a TensorFlow Metadata schema: ")

    def test_schema_nested_too_deeply(self, write_task, toy_schema):
        nested = 'feature { name: "deep" type: STRUCT ' + "struct_domain { feature { " * 5000
        with pytest.raises(TaskError, match=r"schema\.pbtxt: not a TensorFlow Metadata schema: nested too deeply"):
            load_contract(write_task(pbtxt=toy_schema + nested))

    def test_task_missing(self, write_task):
        folder = write_task()
        (folder / "task.yaml").unlink()
        [problem] = problems(folder)
        assert str(folder / "task.yaml") == problem.where


class TestFindTask:
    def test_folder(self, write_task):
        folder = write_task()
        assert folder == find_task(str(folder))

    def test_shipped_by_name(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "flights").mkdir()  # A folder of that name, with data perhaps, is not in the way.
        assert Path(schema.__file__).parent / "flights" == find_task("flights")

    def test_a_folder_comes_before_a_shipped_name(self, flights_folder, monkeypatch):
        monkeypatch.chdir(flights_folder.parent)
        assert Path("flights") == find_task("flights")

    def test_unknown_name(self):
        with pytest.raises(UserError, match=r"flihgts: no such task; .*did you mean 'flights'\?"):
            find_task("flihgts")

    def test_folder_without_task(self, tmp_path):
        with pytest.raises(UserError, match=r"this folder has no task\.yaml"):
            find_task(str(tmp_path))


def test_a_dependency_that_stands_twice(write_task):
    (problem,) = problems(write_task(), "heads.size.depends_on=[kind, kind]")
    assert (problem.key, problem.message) == ("heads.size.depends_on.1", "'kind' stands twice")
