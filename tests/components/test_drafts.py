"""Drafts: beside the file, each by itself, and gone in the end."""

from components.drafts import draft_of, remove_drafts


def test_no_two_tries_write_to_one_draft(tmp_path):
    file = tmp_path / "rows.gz"
    drafts = {draft_of(str(file)) for _ in range(2)}
    assert len(drafts) == 2
    assert {draft.rpartition("/")[0] for draft in drafts} == {str(tmp_path)}


def test_drafts_are_removed_and_whole_files_stay(tmp_path):
    for folder in ("train", "eval"):
        (tmp_path / folder).mkdir()
        for name in ("rows.gz", "more.gz"):
            (tmp_path / folder / name).write_bytes(b"")
        for _ in range(2):
            (tmp_path / draft_of(str(tmp_path / folder / "rows.gz"))).write_bytes(b"")
    remove_drafts(str(tmp_path / folder) for folder in ("train", "eval"))
    assert sorted(file.name for file in tmp_path.rglob("*.*")) == ["more.gz", "more.gz", "rows.gz", "rows.gz"]
