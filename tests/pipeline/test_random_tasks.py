"""Whatever stands in a task's two files or options: `multihead validate` shows a task or lists its mistakes."""

import contextlib
import io
import re
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schema
from pipeline import cli

SHIPPED = Path(schema.__file__).parent
FILES = [
    file.relative_to(SHIPPED) for name in ("task.yaml", "schema.pbtxt") for file in sorted(SHIPPED.glob(f"*/{name}"))
]
# What means something to YAML, to protobuf's text format or to a task.
WORDS = """\
{ } [ ] : , - # & * ! | > " ' %
none null true .nan 1e999 -1 0 99999999999999999999 "\\xff" "\\ud800" "\\377" é
hash column span key slice joint min_labelled label_consistency keep spans drift date={YYYY}-{MM}-{DD} multilabel image
feature name type value domain string_domain INT BYTES FLOAT STRUCT TYPE_UNKNOWN SERVING
shape{dim{size:1}} value_count{max:5} struct_domain{feature{name:"a"}} presence{min_fraction:7} bool_domain{}
float_domain{min:nan} drift_comparator{infinity_norm{threshold:-1}} [x.y]:1
"""

words = st.sampled_from([*WORDS.split(), "", "\n", "\n  ", "\t", "\0"]) | st.text(max_size=3)
edits = st.lists(st.tuples(st.integers(0), st.sampled_from(["insert", "replace", "delete"]), words), max_size=3)


def edited(text, steps):
    """Returns a text with some of its words, line ends and signs taken out, or others put in."""
    pieces = re.findall(r"[\w.]+|\s+|.", text)
    for place, action, word in steps:
        index = place % len(pieces)
        pieces[index : index + (action != "insert")] = [] if action == "delete" else [f" {word} "]
    return "".join(pieces)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Copies of the shipped tasks."""
    return shutil.copytree(SHIPPED, tmp_path_factory.mktemp("tasks") / "all", ignore=shutil.ignore_patterns("*.py*"))


@pytest.fixture(scope="module")
def validate():
    """Runs the command in this process: returns exit code, standard output and error."""

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.delitem(sys.modules, "tensorflow", raising=False)  # With it, `main` leaves by os._exit.
            patch.setattr(sys, "argv", ["multihead", "validate", *map(str, arguments)])
            with pytest.raises(SystemExit) as finished:
                cli.main()
        return finished.value.code, out.getvalue(), err.getvalue()

    return call


def check(code, out, err):
    """Checks that a task was shown, or at least one mistake."""
    if code == 0:
        assert (", ok\n" in out, err) == (True, "")
    else:
        assert (code, out) == (2, "")
        assert re.match(r"\d+ problems?:\n.+: .+", err, re.DOTALL)


@settings(max_examples=60, derandomize=True, print_blob=True)
@given(st.sampled_from(FILES), edits)
def test_edited_files(folder, validate, file, steps):
    text = edited((SHIPPED / file).read_text(encoding="utf-8"), steps)
    (folder / file).write_text(text, encoding="utf-8")
    try:
        check(*validate(folder / file.parent))
    finally:
        shutil.copy(SHIPPED / file, folder / file)


@settings(max_examples=60, derandomize=True, print_blob=True)
@given(st.sampled_from(FILES), st.binary(max_size=60))
def test_any_bytes(folder, validate, file, contents):
    (folder / file).write_bytes(contents)
    try:
        check(*validate(folder / file.parent))
    finally:
        shutil.copy(SHIPPED / file, folder / file)


@settings(max_examples=60, derandomize=True, print_blob=True)
@given(st.lists(words | st.sampled_from(["gates", "data", "split", "push", "heads", "0"]), max_size=4), st.lists(words))
def test_any_override(validate, keys, values):
    check(*validate("flights", "--set", f"{'.'.join(keys)}={' '.join(values)}"))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_unedited_files(folder, validate, file):
    # Or else the properties above would hold for a command that refuses everything.
    assert edited((SHIPPED / file).read_text(encoding="utf-8"), []) == (SHIPPED / file).read_text(encoding="utf-8")
    assert validate(folder / file.parent)[0] == 0
