"""What is kept of spans: whole, or as if it were not there."""

import pytest

from components.example_gen.entries import Entry

_ENTRY = Entry("2013-01-01", 1, "/data/date=2013-01-01", "0123456789abcdef")


@pytest.fixture
def per_span():
    from components.example_gen import per_span

    return per_span


@pytest.fixture
def store(per_span, tmp_path):
    per_span.open_store(str(tmp_path / "store"))
    return tmp_path / "store"


def test_what_was_saved_is_loaded(per_span, store):
    name = per_span.name(_ENTRY, "analysis", "train", "fedc")
    assert per_span.load(str(store), name) is None
    for kept in (b"", b"first", b"second"):
        per_span.save(str(store), name, kept)
        assert per_span.load(str(store), name) == kept
    assert [file.name for file in store.iterdir()] == [name]


def test_a_name_begins_with_that_of_the_span(per_span):
    assert per_span.name(_ENTRY, "analysis", "fedc").rpartition("-")[0] == _ENTRY.name


@pytest.mark.parametrize("damage", [b"", b"x" * 10, None])
def test_what_is_damaged_is_not_there(per_span, store, damage):
    per_span.save(str(store), "a-b.kept", b"something")
    file = store / "a-b.kept"
    file.write_bytes(file.read_bytes()[:-1] if damage is None else damage)
    assert per_span.load(str(store), "a-b.kept") is None


def test_half_written_files_are_removed(per_span, store):
    per_span.save(str(store), "a-b.kept", b"whole")
    (store / ".a-b.kept-1").write_bytes(b"ha")
    per_span.open_store(str(store))
    assert [file.name for file in store.iterdir()] == ["a-b.kept"]
