"""What was pushed, taken back and revoked; also from a history that was lost or damaged."""

import json
import shutil

import pytest

from components.pusher.history import HISTORY_FILE, RECORD_FILE, read_history, revocation
from components.pusher.pointer import POINTER_FILE
from components.pusher.rollback import roll_back
from schema.errors import DataError


def standing(folder):
    """Numbers under which the models that stand were pushed first."""
    return [record.of for record in read_history(folder).replay()[0]]


class TestReplay:
    def test_pushes_stand_one_after_the_other(self, folder, push_named):
        assert standing(folder) == []
        push_named(*"abc")
        assert standing(folder) == [1, 2, 3]

    def test_a_rollback_takes_back_all_that_were_made_after(self, folder, push_named):
        push_named(*"abc")
        roll_back(folder, to=1)
        stand, taken_back = read_history(folder).replay()
        assert [(record.version, record.of) for record in stand] == [(4, 1)]
        assert sorted(taken_back) == [2, 3]

    def test_a_run_goes_on_from_what_stands(self, folder, push_named):
        push_named(*"abc")
        roll_back(folder)
        push_named("d")
        assert standing(folder) == [1, 2, 5]

    def test_a_model_that_was_taken_back_can_be_put_in_force_again(self, folder, push_named):
        push_named(*"abc")
        roll_back(folder, to=1)
        roll_back(folder, to=3)
        stand, taken_back = read_history(folder).replay()
        assert [record.of for record in stand] == [1, 3]
        assert list(taken_back) == [2]


class TestRevocation:
    def test_nothing_was_pushed(self, folder):
        assert revocation(folder, "A") == ""

    def test_of_what_was_rolled_back_and_of_nothing_else(self, folder, push_named):
        push_named("a", "b")
        assert revocation(folder, "B") == ""
        roll_back(folder, reason="wrong labels")
        when = read_history(folder).records[-1].pushed
        assert revocation(folder, "B") == (
            f"the same training was pushed as version 2 and rolled back on {when} to version 1 (wrong labels);"
            " change the task or the data, or push it again by --fresh"
        )
        assert [revocation(folder, training) for training in ("A", "C", "")] == ["", "", ""]

    def test_without_a_reason(self, folder, push_named):
        push_named("a", "b")
        roll_back(folder)
        assert "to version 1 (no reason given);" in revocation(folder, "B")

    def test_a_push_of_the_same_training_lifts_it(self, folder, push_named):
        # Only --fresh comes so far.
        push_named("a", "b")
        roll_back(folder)
        push_named("b of --fresh")
        assert revocation(folder, "B") == ""
        roll_back(folder)
        assert "pushed as version 4 and" in revocation(folder, "B")

    def test_a_rollback_to_it_lifts_it(self, folder, push_named):
        push_named("a", "b")
        roll_back(folder)
        roll_back(folder, to=2)
        assert [revocation(folder, training) for training in "AB"] == ["", ""]

    def test_of_a_model_whose_older_twin_is_served(self, folder, push_named):
        push_named("a", "a of --fresh")
        roll_back(folder)
        assert "pushed as version 2 and" in revocation(folder, "A")

    def test_models_that_nothing_is_known_of_revoke_nothing(self, folder, push_named):
        push_named("a")
        push_named("b", training="")
        roll_back(folder)
        assert revocation(folder, "") == ""


class TestDamage:
    @pytest.mark.parametrize(
        "contents",
        [
            b"",
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{}",
            b'{"highest": 3}',
            b'{"highest": 3, "pushes": 7}',
            b'{"highest": "3", "pushes": [1, {}, null]}',
            b'{"highest": true, "pushes": [{"version": "../1"}]}',
        ],
    )
    def test_it_is_made_again_from_what_is_there(self, folder, push_named, contents):
        push_named(*"abc")
        roll_back(folder)
        before = read_history(folder)
        (folder / HISTORY_FILE).write_bytes(contents)
        assert read_history(folder) == before
        assert push_named("d").name == "5"
        assert json.loads((folder / HISTORY_FILE).read_text())["highest"] == 5

    def test_every_truncation(self, folder, push_named):
        push_named("a", "b")
        before = read_history(folder)
        whole = (folder / HISTORY_FILE).read_bytes()
        for size in range(len(whole)):
            (folder / HISTORY_FILE).write_bytes(whole[:size])
            assert read_history(folder) == before

    def test_a_rollback_is_known_from_the_version_alone(self, folder, push_named):
        push_named(*"abc")
        roll_back(folder)
        for version in "12":
            shutil.rmtree(folder / version)
        (folder / HISTORY_FILE).unlink()
        assert standing(folder) == [2]
        assert "pushed as version 3" in revocation(folder, "C")

    def test_versions_older_than_the_history(self, folder, push_named):
        push_named("a", "b")
        for file in (HISTORY_FILE, f"1/{RECORD_FILE}", f"2/{RECORD_FILE}"):
            (folder / file).unlink()
        found = read_history(folder)
        assert [(record.version, record.training) for record in found.records] == [(1, ""), (2, "B")]
        assert found.highest == 2
        (folder / POINTER_FILE).write_text("{")
        assert [record.training for record in read_history(folder).records] == ["", ""]

    @pytest.mark.parametrize("contents", [b"{", b"null", b'{"version": 1}'])
    def test_a_damaged_record_of_a_version(self, folder, push_named, contents):
        push_named("a")
        (folder / HISTORY_FILE).unlink()
        (folder / "1" / RECORD_FILE).write_bytes(contents)
        assert [record.training for record in read_history(folder).records] == ["A"]

    def test_a_file_that_cannot_be_opened_is_an_error(self, folder, push_named):
        push_named("a")
        (folder / HISTORY_FILE).unlink()
        (folder / HISTORY_FILE).mkdir()
        with pytest.raises(DataError, match=r"history.json: cannot be read \(Is a directory\)"):
            read_history(folder)
