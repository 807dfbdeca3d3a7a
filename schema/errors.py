"""Every failure a user can cause or cure, one small class per kind.

The command line turns each of these into one clear sentence and an exit code; anything else is a bug and exits 1.
"""

from __future__ import annotations


class UserError(Exception):
    """Bad input or configuration: says what is wrong, where, what was allowed and how to mend it."""

    exit_code = 2


class DataError(UserError):
    """The data is missing, empty or unreadable, or does not have the declared columns."""


class AnomaliesFound(UserError):
    """The data contradicts schema.pbtxt: the run stops before Transform, with every anomaly spelt out."""

    exit_code = 3


class DriftFound(UserError):
    """The newest span is unlike those before it, and the task says to stop: before Transform, with all that moved."""

    exit_code = 3

    @property
    def findings(self) -> tuple[str, ...]:
        """What moved: the lines below the first, a sentence each."""
        return tuple(line.strip() for line in str(self).strip().splitlines()[1:])


class LeakFound(UserError):
    """A replay of the past would use, or has used, rows of a later day than the one that it replays."""

    exit_code = 3


class TrainingDiverged(UserError):
    """The loss is not a number any more: nothing worth judging came out."""

    exit_code = 1


class CanaryInterrupted(UserError):
    """The process that asks a new model was ended from outside, or took too long: nothing is known about the model."""

    exit_code = 1


class RunFolderBusy(UserError):
    """Another run holds the run folder."""

    exit_code = 5


class ModelRefused(UserError):
    """A gate, the canary or a roll-back keeps the model out: the run did all its work, and nothing was pushed."""

    exit_code = 4


class StepError(UserError):
    """A container was handed what cannot be put right."""


class ServerRefused(UserError):
    """A server refuses what it is asked.

    Args:
        sentence: What it refuses, and why.
        status: Of HTTP.
    """

    def __init__(self, sentence: str, status: int):
        super().__init__(sentence)
        self.status = status


class ServerUnavailable(UserError):
    """A server cannot be reached, or fails: nothing is known to be wrong with what it was asked."""

    exit_code = 1


class ClusterFailed(UserError):
    """A cluster could not do the work of a stage: it lacks something, or lost something."""

    exit_code = 1


class WorkerLost(ClusterFailed):
    """A part of a cluster is gone, or does nothing any more: the same work may succeed when it is done again."""
