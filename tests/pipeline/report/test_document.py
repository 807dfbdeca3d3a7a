"""report.json on disk: whole or absent, and the one that was meant is found."""

import json
from pathlib import Path

import pytest

from components.versions import versions
from pipeline.report import document
from schema.errors import UserError


class TestWrite:
    def test_what_is_written_is_read(self, tmp_path, report):
        file = document.write(tmp_path / "reports" / "r1", report)
        assert file == tmp_path / "reports" / "r1" / "report.json"
        assert document.read(file) == report

    def test_nothing_else_is_left(self, tmp_path, report):
        document.write(tmp_path, report)
        document.write(tmp_path, {**report, "task": "again"})
        assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
        assert document.read(tmp_path / "report.json")["task"] == "again"

    def test_the_old_one_stays_until_the_new_one_is_whole(self, tmp_path, report, monkeypatch):
        document.write(tmp_path, report)
        seen = []

        def look_and_replace(self, target):
            seen.append((json.loads(self.read_text())["task"], json.loads(target.read_text())["task"]))
            return replace(self, target)

        replace = Path.replace
        monkeypatch.setattr(Path, "replace", look_and_replace)
        document.write(tmp_path, {**report, "task": "new"})
        assert seen == [("new", "toy")]

    def test_not_a_number_is_no_json(self, tmp_path, report):
        with pytest.raises(ValueError, match="Out of range float"):
            document.write(tmp_path, {**report, "joint": {"exact_match": float("nan")}})
        assert list(tmp_path.iterdir()) == []


class TestFind:
    def test_a_file_is_itself(self, tmp_path):
        (tmp_path / "any.json").touch()
        assert document.find(tmp_path / "any.json") == tmp_path / "any.json"

    def test_the_newest_of_a_run_folder_by_run_id(self, tmp_path, report):
        # Written in another order, so that the time of writing does not count.
        for run_id in ("20260102-000000", "20260103-000000", "20251231-235959"):
            document.write(tmp_path / "reports" / run_id, report)
        newest = tmp_path / "reports" / "20260103-000000" / "report.json"
        assert document.find(tmp_path) == newest
        assert document.find(tmp_path / "reports") == newest

    def test_a_run_that_failed_has_no_report_and_is_passed_over(self, tmp_path, report):
        document.write(tmp_path / "reports" / "r1", report)
        (tmp_path / "reports" / "r2").mkdir()
        assert document.find(tmp_path) == tmp_path / "reports" / "r1" / "report.json"

    def test_the_folder_of_one_report(self, tmp_path, report):
        for run_id in ("r1", "r2"):
            document.write(tmp_path / "reports" / run_id, report)
        assert document.find(tmp_path / "reports" / "r1") == tmp_path / "reports" / "r1" / "report.json"

    @pytest.mark.parametrize("name", ["", "none"])
    def test_nothing(self, tmp_path, name):
        with pytest.raises(UserError) as error:
            document.find(tmp_path / name)
        expected = "no report.json there; give a run's folder such as runs/flights, or a report"
        assert str(error.value) == f"{tmp_path / name}: {expected}"


class TestRead:
    @pytest.mark.parametrize("contents", [b"", b"{", b"\xff\xfe", b'{"format": 1'])
    def test_no_json(self, tmp_path, contents):
        (tmp_path / "report.json").write_bytes(contents)
        with pytest.raises(UserError, match=r"report\.json: cannot be read as a report \("):
            document.read(tmp_path / "report.json")

    @pytest.mark.parametrize("contents", ["[]", "1", "null", "{}", '{"format": 2}', '{"format": "1"}'])
    def test_another_format(self, tmp_path, contents):
        (tmp_path / "report.json").write_text(contents)
        with pytest.raises(UserError) as error:
            document.read(tmp_path / "report.json")
        assert str(error.value) == f"{tmp_path}/report.json: not a report of format 1"

    def test_missing(self, tmp_path):
        with pytest.raises(UserError, match="No such file"):
            document.read(tmp_path / "report.json")


def test_versions_of_all_that_counts():
    found = versions()
    assert list(found) == ["python", "tfx", "tensorflow", "keras", "beam", "multihead"]
    assert all(found.values())
