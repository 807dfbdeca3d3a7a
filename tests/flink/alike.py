"""Whether two reports say the same."""

import math

# Of a report: everything that comes out of the data; the rest are names, times and places.
SAID = ("data", "training", "heads", "joint", "joint_slices", "joint_gates", "association", "blessed")
_OF_TIME = ("seconds",)


def differences(report, expected):
    """Returns where reports differ, value by value: metrics by more than 1e-6, anything else at all."""
    found, wanted = (dict(_leaves({name: one[name] for name in SAID})) for one in (report, expected))
    paths = found.keys() | wanted.keys()
    return {path: pair for path in paths if not _alike(*(pair := (found.get(path, "-"), wanted.get(path, "-"))))}


def _alike(found, wanted):
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=0, abs_tol=1e-6) or (math.isnan(found) and math.isnan(wanted))
    return found == wanted


def _leaves(value, path=()):
    """Yields what is in a document, with the path to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value
        return
    for key, inner in items:
        if key not in _OF_TIME:
            yield from _leaves(inner, (*path, key))
