"""Versions of what computes."""

from __future__ import annotations

import importlib.metadata
import platform

_LIBRARIES = {
    "tfx": "tfx",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "beam": "apache-beam",
    "multihead": "multihead",
}


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the libraries of this process."""
    installed = {name: importlib.metadata.version(package) for name, package in _LIBRARIES.items()}
    return {"python": platform.python_version(), **installed}
