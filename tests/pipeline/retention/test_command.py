"""`multihead gc` on folders as runs leave them."""

import errno
import os
import shutil
import subprocess
import sys

import pytest

from components.pusher.rollback import roll_back
from pipeline import session

# Removes by the plan, and is killed at the n-th step of the removal of files, or before the first.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from pipeline.config import RunConfig
from pipeline.retention.command import collect
left = [int(sys.argv[2])]
def dying(act):
    def act_or_die(*given, **named):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*given, **named)
    return act_or_die
Path.rename, shutil.rmtree = dying(Path.rename), dying(shutil.rmtree)
collect(RunConfig(Path("data"), Path(sys.argv[1]), "now"), keep=1, repeat=None)
"""


@pytest.fixture
def gc(main, write_task):
    """Runs the command on the toy task: returns exit code, standard output and error."""
    task = write_task()
    return lambda *arguments: main("gc", task, *arguments)


def test_it_lists_what_goes_and_what_to_type(gc, folder, tmp_path):
    examples, model = folder.run("r1", ["2013-01-01"])
    folder.run("r2", ["2013-01-02"])
    before = folder.files()
    listed = [f"of run r1:\n    10 bytes  runs/toy/artifacts/{examples}\n    20 bytes  runs/toy/artifacts/{model}\n"]
    listed += ["of spans that no kept run reads:\n    10 bytes  runs/toy/artifacts/spans/2013-01-01-key\n"]
    shown = "keeps run r2: the newest with a verdict\n" + "".join(listed) + "3 to remove, 40 bytes\n"
    repeat = f"nothing was removed yet; this does it: multihead gc {tmp_path / 'toy'} --keep 1 --yes\n"
    assert gc("--keep", 1) == (0, shown + repeat, "")
    assert folder.files() == before
    assert set(folder.states().values()) == {"LIVE"}
    assert gc("--keep", 1, "--yes") == (0, shown + "removed\n", "")
    assert gc("--keep", 1, "--yes") == (0, "keeps run r2: the newest with a verdict\nnothing to remove\n", "")


def test_what_is_removed_is_marked(gc, folder):
    old, new = folder.run("r1", ["2013-01-01"]), folder.run("r2", ["2013-01-02"])
    gc("--keep", 1, "--yes")
    assert folder.states() == {**dict.fromkeys(old, "DELETED"), **dict.fromkeys(new, "LIVE")}
    assert folder.files() == {
        *(f"{place}/file" for place in new),
        f"{new[1]}/Format-Serving/saved_model.pb",
        "spans/2013-01-02-key/rows",
    }


def test_a_cached_artifact_of_an_older_run_stays(gc, folder):
    examples, old = folder.run("r1")
    _, new = folder.run("r2", reads=examples)
    gc("--keep", 1, "--yes")
    assert folder.states() == {examples: "LIVE", old: "DELETED", new: "LIVE"}


def test_served_models_stay_and_can_be_rolled_back_to(gc, folder):
    pushed = [folder.run(name, pushes=True) for name in ("r1", "r2")]
    refused = [folder.run(name) for name in ("r3", "r4")]
    _, out, _ = gc("--keep", 1, "--yes")
    assert "keeps run r2: made the last blessed model\n" in out
    gone = {place for place, state in folder.states().items() if state == "DELETED"}
    assert gone == {pushed[0][0], *refused[0]}
    roll_back(folder.config.serving, reason="a test")
    _, out, _ = gc("--keep", 1)
    assert "keeps run r1: made the last blessed model\n" in out


def test_a_file_that_windows_share_is_no_gain(gc, folder):
    (old, _), (new, _) = folder.run("r1", ["a"]), folder.run("r2", ["b"])
    for place in (old, new):
        os.link(folder.artifacts / "spans/b-key/rows", folder.artifacts / place / "linked")
    _, out, _ = gc("--keep", 1)
    assert "\n3 to remove, 50 bytes, of which 10 bytes stay: other windows share the files\n" in out
    os.link(folder.artifacts / "spans/a-key/rows", folder.artifacts / old / "linked too")
    _, out, _ = gc("--keep", 1)
    assert "\n3 to remove, 50 bytes, of which 10 bytes stay: other windows share the files\n" in out


def test_left_overs_and_folders_for_work(gc, folder):
    folder.run("r1")
    places = [
        "Trainer/checkpoints/abc/checkpoint.npz",
        "Trainer/.system/stateful_working_dir/xyz/part",
        "Transform/transform_graph/77/half",
        "Transform/transform_graph/.removed-0/half",
        "spans/.2013-01-01-key-draft/rows",
        "counts/2013-01-01-key-drift.print.kept",
    ]
    for place in places:
        folder.write(place)
    (folder.artifacts / "Trainer/.system/executor_execution/2").mkdir(parents=True)
    assert gc("--keep", 1, "--yes")[0] == 0
    assert not folder.files() & set(places)
    assert (folder.artifacts / "Trainer/.system/executor_execution/2").is_dir()


def test_links_are_neither_followed_nor_removed(gc, folder, tmp_path):
    folder.run("r1")
    old = folder.run("r2")[0]
    folder.run("r3")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "model" / "9").mkdir(parents=True)
    (elsewhere / "model" / "9" / "mine").write_text("precious")
    (folder.artifacts / "Linked").symlink_to(elsewhere)
    (folder.artifacts / "ExampleGen" / "examples" / "99").symlink_to(elsewhere)
    (folder.artifacts / old / "linked").symlink_to(elsewhere)
    code, out, _ = gc("--keep", 1, "--yes")
    assert code == 0
    assert "Linked" not in out
    assert "/99" not in out
    assert not (folder.artifacts / old).exists()
    assert (elsewhere / "model" / "9" / "mine").read_text() == "precious"
    assert (folder.artifacts / "Linked").is_symlink()


def test_artifacts_behind_a_link_are_refused(gc, folder, tmp_path):
    folder.run("r1")
    folder.artifacts.rename(tmp_path / "disk")
    folder.artifacts.symlink_to(tmp_path / "disk")
    code, _, err = gc("--keep", 1, "--yes")
    assert (code, err.partition(":")[0]) == (2, "runs/toy/artifacts")
    assert "a link to" in err


def test_a_run_folder_behind_a_link_is_as_good_as_any(gc, folder, tmp_path):
    old, _ = folder.run("r1")
    folder.run("r2")
    (tmp_path / "link").symlink_to(folder.config.output)
    assert gc("--keep", 1, "--output", tmp_path / "link", "--yes")[0] == 0
    assert not (folder.artifacts / old).exists()


def test_a_moved_folder_is_refused(gc, folder, tmp_path):
    examples, _ = folder.run("r1")
    folder.config.output.rename(tmp_path / "moved")
    code, _, err = gc("--keep", 1, "--output", tmp_path / "moved", "--yes")
    assert (code, "was moved or copied" in err) == (2, True)
    assert (tmp_path / "moved" / "artifacts" / examples).is_dir()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: folder.config.metadata.unlink(), "not there"),
        (lambda folder: folder.config.metadata.write_bytes(b""), "it is empty"),
        (lambda folder: folder.config.metadata.write_bytes(b"no database" * 1000), "not a database"),
        (lambda folder: (folder.config.serving / "blessed.json").write_text("?"), "not what a push writes"),
    ],
)
def test_damage_is_no_licence_to_remove(gc, folder, spoil, sentence):
    folder.run("r1", pushes=True)
    folder.run("r2")
    before = folder.files()
    spoil(folder)
    code, _, err = gc("--keep", 1, "--yes")
    assert (code, sentence in err, "Traceback" in err) == (2, True, False)
    assert folder.files() == before


def test_a_backtest_is_left_alone(gc, folder):
    folder.run("r1")
    folder.run("r2")
    (folder.config.output / "backtest.json").write_text("{}")
    before = folder.files()
    code, _, complaint = gc("--keep", 1, "--yes")
    assert code == 2
    assert "holds a backtest" in complaint
    assert folder.files() == before


def test_no_copy_of_the_database_calls_live_what_was_removed(gc, folder):
    folder.run("r1")
    folder.run("r2")
    copies = folder.config.output / "metadata_copies"
    copies.mkdir()
    shutil.copy(folder.config.metadata, copies / "earlier.db")
    assert gc("--keep", 1, "--yes")[0] == 0
    [copy] = copies.iterdir()
    shutil.copy(copy, folder.config.metadata)
    assert "DELETED" in folder.states().values()


def test_no_run_at_all(gc, folder):
    folder.write("Trainer/model/1/file")
    code, _, err = gc("--keep", 1, "--yes")
    assert (code, err) == (2, "runs/toy/metadata.db: knows of no run\n")
    assert folder.files() == {"Trainer/model/1/file"}


def test_a_folder_that_is_not_there_is_not_made(gc, tmp_path):
    code, out, err = gc("--keep", 1, "--yes")
    assert (code, out, err) == (2, "", "runs/toy: no such folder; give the run's folder by --output\n")
    assert not (tmp_path / "runs").exists()


def test_none_to_keep(gc):
    code, _, err = gc("--keep", 0)
    assert (code, "greater than or equal to 1" in err or "x>=1" in err) == (2, True)


def test_a_run_in_progress(gc, folder):
    folder.run("r1")
    folder.run("r2")
    before = folder.files()
    with session.hold(folder.config):
        code, _, err = gc("--keep", 1, "--yes")
        assert (code, "held by run now" in err) == (5, True)
        assert gc("--keep", 1)[0] == 0
    assert folder.files() == before


def test_what_cannot_be_removed_is_named(gc, folder, monkeypatch):
    folder.run("r1")
    folder.run("r2")

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    code, _, err = gc("--keep", 1, "--yes")
    assert (code, "cannot be removed (Permission denied)" in err, "Traceback" in err) == (2, True, False)


@pytest.mark.parametrize("step", range(7))
def test_killed_at_any_step_it_can_be_done_again(gc, folder, step):
    old, new = folder.run("r1", ["a"]), folder.run("r2", ["b"])
    command = [sys.executable, "-c", KILLED, str(folder.config.output), str(step)]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == (-9 if step < 6 else 0), killed.stderr
    live = {place for place, state in folder.states().items() if state == "LIVE"}
    assert live == set(new)
    assert all((folder.artifacts / place / "file").is_file() for place in live)
    store = folder.artifacts / "spans"
    assert all((span / "rows").is_file() for span in store.iterdir() if not span.name.startswith("."))
    assert gc("--keep", 1, "--yes")[0] == 0
    assert not any((folder.artifacts / place).exists() for place in old)
    assert {path.split("/")[1] for path in folder.files() if path.startswith("spans/")} == {"b-key"}
    assert not list(folder.artifacts.rglob(".removed-*"))
