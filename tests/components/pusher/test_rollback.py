"""Going back, as a person on call expects it."""

import json
import shutil

import pytest

from components.pusher.folder import latest, versions
from components.pusher.history import read_history
from components.pusher.model_card import JSON_FILE, MARKDOWN_FILE
from components.pusher.pointer import POINTER_FILE, Pointer, read_pointer
from components.pusher.rollback import describe, roll_back
from components.pusher.serving import prune
from schema.errors import DataError


def served(folder):
    """The model that a server answers with."""
    return (latest(folder) / "variables" / "variables.index").read_text()


def test_the_model_before_is_served_under_a_new_number(folder, push_named):
    push_named("a", baseline="/b/7")
    push_named("b")
    done = roll_back(folder, reason="wrong labels", run_id="r3")
    assert (done.left.version, done.to.version, done.now.version) == (2, 1, 3)
    assert versions(folder) == [1, 2, 3]
    assert served(folder) == "weights of a"
    assert read_pointer(folder) == Pointer(3, "a", "A", "/b/7")
    last = read_history(folder).records[-1]
    assert (last.why, last.of, last.reason, last.run_id) == ("rollback", 1, "wrong labels", "r3")


def test_twice_goes_further_back_and_then_there_is_nothing(folder, push_named):
    push_named(*"abc")
    for expected in "ba":
        roll_back(folder)
        assert served(folder) == f"weights of {expected}"
    with pytest.raises(DataError) as error:
        roll_back(folder)
    assert str(error.value) == (
        f"{folder}: no model was served before version 5 (the model of version 1); there are: 1, 2 (taken back),"
        " 3 (taken back), 4 (the model of 2, taken back), 5 (the model of 1, served now)"
    )


def test_after_a_new_push_it_goes_to_what_was_served_before_that(folder, push_named):
    push_named(*"abc")
    roll_back(folder)
    push_named("d")
    roll_back(folder)
    assert served(folder) == "weights of b"
    roll_back(folder)
    assert served(folder) == "weights of a"


def test_to_a_version(folder, push_named):
    push_named(*"abc")
    assert describe(roll_back(folder, to=1).now) == "version 4 (the model of version 1)"
    assert served(folder) == "weights of a"
    roll_back(folder, to=3)
    assert served(folder) == "weights of c"
    roll_back(folder)
    assert served(folder) == "weights of a"


def test_to_a_version_that_is_itself_a_rollback(folder, push_named):
    push_named(*"ab")
    roll_back(folder)
    push_named("c")
    assert roll_back(folder, to=3).now.of == 1
    assert served(folder) == "weights of a"


class TestNothingToGoBackTo:
    def test_nothing_pushed(self, folder):
        with pytest.raises(DataError, match="no model was pushed; `multihead run` pushes one"):
            roll_back(folder)

    def test_one_version(self, folder, push_named):
        push_named("a")
        with pytest.raises(DataError, match=r"no model was served before version 1; there are: 1 \(served now\)"):
            roll_back(folder)

    def test_an_unknown_version(self, folder, push_named):
        push_named("a", "b")
        with pytest.raises(DataError, match=r"no version 7; there are: 1, 2 \(served now\)"):
            roll_back(folder, to=7)

    @pytest.mark.parametrize("to", [1, 3])
    def test_the_model_that_is_served(self, folder, push_named, to):
        push_named("a", "b")
        roll_back(folder)
        with pytest.raises(DataError, match=f"version {to} is the model that is served now; there are: 1, 2"):
            roll_back(folder, to=to)

    def test_it_was_removed(self, folder, push_named):
        push_named(*"abc")
        prune(folder, 2)
        roll_back(folder)
        with pytest.raises(DataError) as error:
            roll_back(folder)
        assert str(error.value) == (
            f"{folder}: version 1, served before version 4 (the model of version 2), was removed; name another by --to,"
            " there are: 2, 3 (taken back), 4 (the model of 2, served now)"
        )

    def test_nothing_changed(self, folder, push_named):
        push_named("a")
        before = read_history(folder)
        with pytest.raises(DataError):
            roll_back(folder)
        assert (read_history(folder), versions(folder)) == (before, [1])


class TestWhenThingsAreBroken:
    @pytest.mark.parametrize("contents", [b"", b'{"version": 9}'])
    def test_a_damaged_pointer_does_not_matter(self, folder, push_named, contents):
        push_named("a", "b")
        (folder / POINTER_FILE).write_bytes(contents)
        roll_back(folder)
        assert served(folder) == "weights of a"
        assert read_pointer(folder).training == "A"

    def test_the_bad_version_was_removed_by_hand(self, folder, push_named):
        # A server serves the highest one left: that is where we go back from.
        push_named(*"abc")
        shutil.rmtree(folder / "3")
        assert roll_back(folder).left.version == 2
        assert served(folder) == "weights of a"

    def test_a_folder_without_a_model_is_no_version(self, folder, push_named):
        (folder / "1").mkdir(parents=True)
        push_named("b")
        with pytest.raises(DataError, match="no model was served before version 2"):
            roll_back(folder)

    @pytest.mark.parametrize("card", [None, b"{", b"[]", b"{}", b'{"format": 1, "heads": 3}'])
    def test_a_card_that_is_gone_or_damaged(self, folder, push_named, card):
        push_named("a", "b")
        if card is not None:
            (folder / "1" / JSON_FILE).write_bytes(card)
        roll_back(folder)
        assert served(folder) == "weights of a"


def test_the_card_is_that_of_the_new_version(folder, push_named, card):
    from components.pusher import model_card

    push_named("a", extra=lambda record: model_card.files(card(record)))
    push_named("b")
    roll_back(folder, reason="wrong | labels")
    found = json.loads((folder / "3" / JSON_FILE).read_text())
    assert (found["version"], found["model_of"], found["why"], found["reason"]) == (3, 1, "rollback", "wrong | labels")
    text = (folder / "3" / MARKDOWN_FILE).read_text()
    assert text.startswith("# Model card: toy, version 3\n")
    assert "| rolled back | to the model of version 1: wrong \\| labels |\n" in text
