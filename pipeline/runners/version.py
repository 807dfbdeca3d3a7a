"""The version that a command and Beam's workers elsewhere must have in common, and how a job tells it."""

from __future__ import annotations

from collections.abc import Iterable

from components.versions import versions
from pipeline import fingerprint

# Beam hands experiments on as they are, and drops options that it does not know.
_EXPERIMENT = "multihead_version="


def text() -> str:
    """Returns it for people, without commas: Flink's runner cuts there."""
    found = versions()
    python = found["python"].rpartition(".")[0]
    return (
        f"multihead {found['multihead']} of sources {fingerprint.sources()} on Python {python} and Beam {found['beam']}"
    )


def experiment() -> str:
    """Returns Beam's experiment by which a job tells."""
    return f"{_EXPERIMENT}{text()}"


def told_by(experiments: Iterable[str]) -> str | None:
    """Returns what a job has told by its experiments; None if it has not."""
    return next((one.removeprefix(_EXPERIMENT) for one in experiments if one.startswith(_EXPERIMENT)), None)
