"""Whether two reports say the same."""

import pytest

# Of a report: everything that comes out of the data; the rest are names, times and places.
SAID = ("data", "training", "heads", "joint", "joint_slices", "joint_gates", "association", "blessed")
_OF_TIME = ("seconds", "rows_per_second", "seconds_per_epoch")


def difference(report, expected):
    """Returns where reports differ, value by value: counts at all, metrics by more than 1e-6."""
    found, wanted = (
        dict(_leaves({name: report[name] for name in SAID})),
        dict(_leaves({name: expected[name] for name in SAID})),
    )
    return {
        path: (found.get(path), wanted.get(path))
        for path in found.keys() | wanted.keys()
        if found.get(path) != pytest.approx(wanted.get(path), abs=1e-6, rel=0, nan_ok=True)
    }


def _leaves(value, path=()):
    """Yields what is in a document, with the path to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value
        return
    for key, inner in items:
        if key not in _OF_TIME:
            yield from _leaves(inner, (*path, key))
