"""YAML as people mean it: YAML 1.2 scalars, the line of every key, `--set` on top."""

import math

import pytest

from schema.document import read_document
from schema.problems import TaskError


@pytest.fixture
def read(tmp_path):
    def read_text(text, *overrides):
        (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
        return read_document(tmp_path / "a.yaml", overrides)

    return read_text


def lines(error, tmp_path):
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in error.value.problems]


class TestScalars:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("no", "no"),
            ("yes", "yes"),
            ("on", "on"),
            ("Off", "Off"),
            ("y", "y"),
            ("true", True),
            ("FALSE", False),
            ("null", None),
            ("~", None),
            ("", None),
            ("10", 10),
            ("-3", -3),
            ("+3", 3),
            ("010", 10),
            ("1_000", "1_000"),
            ("12:30:45", "12:30:45"),
            ("2013-01-31", "2013-01-31"),
            ("1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e-3", 0.001),
            ("1E5", 100000.0),
            ("-2.5e+1", -25.0),
            (".inf", math.inf),
            ("-.INF", -math.inf),
            ("9E", "9E"),
            ("1.2.3", "1.2.3"),
            ("=", "="),
            ("'10'", "10"),
            ('"no"', "no"),
        ],
    )
    def test_plain_values_are_yaml_1_2(self, read, text, expected):
        value = read(f"a: {text}").data["a"]
        assert (type(expected), expected) == (type(value), value)

    def test_nan(self, read):
        assert math.isnan(read("a: .nan").data["a"])

    def test_keys_stay_text(self, read):
        assert read("1: a\nno: b\ntrue: c\n010: d").data == {"1": "a", "no": "b", "true": "c", "010": "d"}

    def test_lists_mappings_and_aliases(self, read):
        data = read("a: &few [1, {b: 2}]\nc: *few").data
        assert data == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}


class TestLines:
    def test_every_key_knows_its_line(self, read, tmp_path):
        document = read("# a comment\na:\n  b: [1,\n      2]\nc: {d: 3}\n")
        known = {(): 2, ("a",): 2, ("a", "b"): 3, ("a", "b", 0): 3, ("a", "b", 1): 4, ("c",): 5, ("c", "d"): 5}
        assert {path: f"{tmp_path}/a.yaml:{line}" for path, line in known.items()} == document.sources

    def test_a_missing_key_is_where_its_nearest_parent_is(self, read, tmp_path):
        document = read("a:\n  b: {}\n")
        assert f"{tmp_path}/a.yaml:2" == document.where(("a", "b", "c", 0))
        assert f"{tmp_path}/a.yaml:1" == document.where(("x",))

    def test_duplicate_keys_are_named_with_their_line(self, read, tmp_path):
        found = [str(problem) for problem in read("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n").problems]
        assert [
            f"{tmp_path}/a.yaml:4: b.c: stands twice: the first would be lost",
            f"{tmp_path}/a.yaml:5: a: stands twice: the first would be lost",
        ] == found

    def test_section_is_empty_where_there_is_no_mapping(self, read):
        document = read("a: {b: 1}\nc: [1]\n")
        assert [document.section(*path) for path in (("a",), ("a", "b"), ("c", "d"), ("e",))] == [{"b": 1}, {}, {}, {}]


class TestUnreadable:
    @pytest.mark.parametrize(
        ("text", "where", "fragment"),
        [
            ("", "a.yaml", "must be a mapping"),
            ("- a\n- b", "a.yaml", "must be a mapping"),
            ("just words", "a.yaml", "must be a mapping"),
            ("a: 1\nb: [1, 2\n", "a.yaml:3", "expected ',' or ']'"),
            ("a: 1\n b: 2\n", "a.yaml:2", "mapping values are not allowed here"),
            ("a: 1\n---\nb: 2\n", "a.yaml:2", "but found another document"),
            ("a: 1\nb: \x07\n", "a.yaml:2", "special characters are not allowed"),
            ("a: *nobody", "a.yaml:1", "undefined alias"),
            ("a: &loop [*loop]", "a.yaml", "an alias that holds itself"),
            ("a: 1\nb: !!binary aGk=", "a.yaml:2", "'aGk=' cannot be read as binary"),
            ("a: !!timestamp 2013-01-01", "a.yaml:1", "cannot be read as timestamp"),
            ("a: !!int ten", "a.yaml:1", "'ten' cannot be read as int"),
            ("a: " + "9" * 5000, "a.yaml:1", "cannot be read as int"),
            ("a: !!python/name:os.system x", "a.yaml:1", "could not determine a constructor"),
            ('a: "\\ud800"', "a.yaml:1", "cannot be read as str"),
            ("? [a, b]\n: 1", "a.yaml:1", "a key must be a single word"),
        ],
    )
    def test_text(self, read, tmp_path, text, where, fragment):
        with pytest.raises(TaskError) as error:
            read(text)
        [line] = lines(error, tmp_path)
        assert line.startswith(f"{where}: ")
        assert fragment in line

    def test_missing_file(self, tmp_path):
        with pytest.raises(TaskError, match=r"none\.yaml: cannot be read: .*No such file"):
            read_document(tmp_path / "none.yaml")

    def test_folder(self, tmp_path):
        with pytest.raises(TaskError, match=r"cannot be read: .*Is a directory"):
            read_document(tmp_path)

    def test_not_utf8(self, tmp_path):
        (tmp_path / "a.yaml").write_bytes("a: ä".encode("latin-1"))
        with pytest.raises(TaskError, match=r"a\.yaml: cannot be read: .*utf-8"):
            read_document(tmp_path / "a.yaml")


class TestOverrides:
    @pytest.mark.parametrize(
        ("override", "expected"),
        [
            ("a.b=2", {"a": {"b": 2}, "c": [1, {"d": 2}]}),
            (" a.b =2", {"a": {"b": 2}, "c": [1, {"d": 2}]}),
            ("a.b=no", {"a": {"b": "no"}, "c": [1, {"d": 2}]}),
            ("a.b=1e-3", {"a": {"b": 0.001}, "c": [1, {"d": 2}]}),
            ("a.b=", {"a": {"b": None}, "c": [1, {"d": 2}]}),
            ("a.b='x=y'", {"a": {"b": "x=y"}, "c": [1, {"d": 2}]}),
            ("a.b=[1, x]", {"a": {"b": [1, "x"]}, "c": [1, {"d": 2}]}),
            ("a={e: 5}", {"a": {"e": 5}, "c": [1, {"d": 2}]}),
            ("a.e=5", {"a": {"b": 1, "e": 5}, "c": [1, {"d": 2}]}),
            ("x.y.z=5", {"a": {"b": 1}, "c": [1, {"d": 2}], "x": {"y": {"z": 5}}}),
            ("c.0=7", {"a": {"b": 1}, "c": [7, {"d": 2}]}),
            ("c.1.d=7", {"a": {"b": 1}, "c": [1, {"d": 7}]}),
            ("c.1.e=7", {"a": {"b": 1}, "c": [1, {"d": 2, "e": 7}]}),
        ],
    )
    def test_value_is_set(self, read, override, expected):
        document = read("a: {b: 1}\nc: [1, {d: 2}]", override)
        assert (expected, []) == (document.data, document.problems)

    def test_an_empty_section_is_filled(self, read):
        assert read("a:\n", "a.b=1").data == {"a": {"b": 1}}

    def test_the_last_one_wins(self, read):
        assert read("a: 1", "a=2", "a=3").data == {"a": 3}

    def test_a_key_points_at_the_option_that_set_it(self, read, tmp_path):
        document = read("a: {b: 1}\nc: 2", "a={b: 5}")
        assert ["--set a", "--set a", f"{tmp_path}/a.yaml:2"] == [
            document.where(p) for p in (("a",), ("a", "b"), ("c",))
        ]

    def test_a_key_above_that_no_line_has_points_at_the_option(self, read, tmp_path):
        document = read("a: {b: 1}\nc:\n", "x.y.z=5", "a.e.f=2", "c.d=3", "x.v=6")
        wheres = [document.where(p) for p in (("x",), ("x", "y"), ("x", "v"), ("a",), ("a", "e"), ("c",), ("c", "d"))]
        lines = [f"{tmp_path}/a.yaml:1", "--set a.e.f", f"{tmp_path}/a.yaml:2", "--set c.d"]
        assert wheres == ["--set x.y.z", "--set x.y.z", "--set x.v", *lines]

    @pytest.mark.parametrize(
        ("override", "expected"),
        [
            ("a", "--set a: must read key=value, such as training.epochs=2"),
            ("=3", "--set =3: must read key=value, such as training.epochs=2"),
            ("a..b=3", "--set a..b=3: must read key=value, such as training.epochs=2"),
            ("a.b.c=3", "--set a.b.c=3: a.b.c: cannot be set: a.b is the value 1"),
            ("c.2=3", "--set c.2=3: c.2: cannot be set: c is a list of 2"),
            ("c.d=3", "--set c.d=3: c.d: cannot be set: c is a list of 2"),
            ("c.-1=3", "--set c.-1=3: c.-1: cannot be set: c is a list of 2"),
            ("c.²=3", "--set c.²=3: c.²: cannot be set: c is a list of 2"),
            (f"c.{'0' * 5000}=3", f"--set c.{'0' * 5000}=3: c.{'0' * 5000}: cannot be set: c is a list of 2"),
            ("a.\udcff=3", "--set a.\udcff=3: must read key=value, such as training.epochs=2"),
            ('a={"\\udcff": 3}', "--set a={\"\\udcff\": 3}: not valid YAML: the key '\\udcff' is no text"),
            ("a=[1", "--set a=[1: not valid YAML: expected ',' or ']', but got '<stream end>'"),
            ("a=\x07", "--set a=\x07: not valid YAML: special characters are not allowed"),
        ],
    )
    def test_what_cannot_be_set_is_said(self, read, override, expected):
        document = read("a: {b: 1}\nc: [1, {d: 2}]", override)
        assert ({"a": {"b": 1}, "c": [1, {"d": 2}]}, [expected]) == (document.data, list(map(str, document.problems)))

    def test_one_wrong_override_hides_no_other(self, read):
        document = read("a: 1", "b", "a=2", "a.b=3")
        assert (document.data, len(document.problems)) == ({"a": 2}, 2)
