import sys
import types

import pytest

from pipeline.runners.step import __main__ as step
from pipeline.runners.step.command import COMMAND
from schema.errors import AnomaliesFound, DataError, ModelRefused


@pytest.fixture
def outcome(monkeypatch, capfd):
    """Runs the entry point around a stage that raises; returns its exit code and what it printed."""

    def leave(error):
        def run(arguments):
            if error:
                raise error

        stand_in = types.ModuleType("pipeline.runners.step.run")
        stand_in.run = run
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "pipeline.runners.step.run", stand_in)
            patch.delitem(sys.modules, "tensorflow", raising=False)
            with pytest.raises(SystemExit) as left:
                step.main()
        return left.value.code, capfd.readouterr().err

    return leave


@pytest.mark.parametrize(
    ("error", "code"),
    [(AnomaliesFound("two\nanomalies"), 3), (ModelRefused("two anomalies"), 4), (DataError("two anomalies"), 2)],
)
def test_a_users_error_is_one_line_and_its_exit_code(outcome, error, code):
    assert outcome(error) == (code, f"multihead: two anomalies (exit code {code})\n")


def test_what_beam_wraps_is_unwrapped(outcome):
    wrapping = RuntimeError("in a bundle")
    wrapping.__cause__ = AnomaliesFound("two anomalies")
    assert outcome(wrapping)[0] == 3


def test_any_other_error_has_its_traceback_and_a_last_line(outcome, caplog):
    code, printed = outcome(ZeroDivisionError("by zero"))
    assert code == 1
    assert "the step failed" in caplog.text
    assert printed.endswith("multihead: ZeroDivisionError: by zero (exit code 1)\n")


def test_success_is_silent(outcome):
    assert outcome(None) == (0, "")


class TestInAPod:
    @pytest.fixture
    def told(self, tmp_path, monkeypatch):
        """The file that Kubernetes makes for the message of a container's end."""
        file = tmp_path / "termination-log"
        monkeypatch.setattr(step, "_TERMINATION_LOG", file)
        return file

    def test_kubernetes_is_told(self, outcome, told):
        told.touch()
        outcome(ModelRefused("auc is\ntoo low"))
        assert told.read_text() == "multihead: auc is too low (exit code 4)"

    def test_a_long_sentence_keeps_its_exit_code(self, outcome, told):
        told.touch()
        outcome(AnomaliesFound(9999 * "ä"))
        assert len(told.read_bytes()) < 4096
        assert told.read_text().endswith("ä (exit code 3)")

    def test_success_says_nothing(self, outcome, told):
        told.touch()
        outcome(None)
        assert told.read_text() == ""

    def test_elsewhere_there_is_no_such_file(self, outcome, told):
        outcome(ModelRefused("auc is too low"))
        assert not told.exists()


def test_the_command_starts_this_very_module():
    assert COMMAND == ("python", "-m", "pipeline.runners.step")
