"""What the model was made from and how: the data and the run, for the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from components.pusher.limits import MOSTLY
from pipeline.report.parts import Cell, Row, Table
from pipeline.report.tables import spans, warm_start

# A column may be a text of any length.
_LONGEST = 40
_NUMBERS = ("min", "median", "mean", "max", "std")


@dataclasses.dataclass(frozen=True)
class DataView:
    """The data on the page.

    Attributes:
        rows: By split.
        columns: Statistics.
        anomalies: Sentences.
    """

    rows: Table
    columns: Table
    anomalies: Sequence[str]


def of_data(data: Mapping[str, Any] | None) -> DataView | None:
    """Returns the data as the page shows it; None for a report without it."""
    if not data:
        return None
    splits = [[split, f"{rows:,}"] for split, rows in data["splits"].items()]
    columns: list[Row] = [[f["name"], f["type"], _missing(f["missing"]), _values(f)] for f in data["features"]]
    return DataView(
        Table("Rows by split", ["split", "rows"], splits),
        Table.capped("Columns of the split train", ["column", "type", "missing", "values"], columns, shown=30),
        data["anomalies"],
    )


def _missing(share: float | None) -> Cell:
    return Cell("-") if share is None else Cell(_percent(share), "bad2" if share >= MOSTLY else "")


def _percent(share: float) -> str:
    """Returns a share in words that say 0% only of nothing, and 100% only of all."""
    return "under 1%" if 0 < share < 0.01 else "over 99%" if 0.99 < share < 1 else f"{share:.0%}"


def _values(feature: Mapping[str, Any]) -> str:
    """Returns what the values of a column are like: numbers, texts or images."""
    parts = [f"{key} {_number(feature[key])}" for key in _NUMBERS if feature.get(key) is not None]
    if feature.get("zeros"):
        parts.append(f"zero in {_percent(feature['zeros'])}")
    if feature.get("unique") is not None:
        parts.append(f"{feature['unique']:,} different")
    if feature.get("top"):
        parts.append(
            "most often " + ", ".join(f"{_short(value)} ({_percent(share)})" for value, share in feature["top"])
        )
    if feature.get("bytes") is not None:
        parts.append(f"{feature['bytes']:,.0f} bytes on average")
    return ", ".join(parts)


def _number(value: float) -> str:
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.4g}"


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"


@dataclasses.dataclass(frozen=True)
class RunView:
    """The run on the page.

    Attributes:
        facts: Name and times, by name.
        stages: What each did.
        versions: Of libraries.
        canary: How the model answered before it was pushed, in a sentence; empty if the report does not say.
        failures: What it did wrong.
        latency: By signature; None if the report does not say.
        checks: Every question asked; None if the report does not say.
        lineage: Artifacts and digests; none if the report does not say.
    """

    facts: Mapping[str, str]
    stages: Table
    versions: Table
    canary: str
    failures: Sequence[str]
    latency: Table | None
    checks: Table | None
    lineage: Sequence[Table]


def of_run(report: Mapping[str, Any]) -> RunView:
    """Returns the run as the page shows it."""
    stages: list[Row] = [
        [
            s["id"],
            f"{s['seconds']:,.1f}",
            f"{s['rows']:,}" if s["rows"] else "-",
            "from an earlier run" if s["cached"] else "done now",
        ]
        for s in report["stages"]
    ]
    canary = report.get("canary") or {}
    checks = canary.get("checks", [])
    lineage = report.get("lineage") or {}
    facts = {"run": report["run_id"], "started": report.get("started"), "finished": report.get("finished")}
    if report.get("window"):
        facts["data"] = spans(report["span"], report["window"])
    if began := (report.get("training") or {}).get("warm_start"):
        facts["training"] = warm_start(began)
    if lineage.get("training"):
        facts["training digest"] = lineage["training"]
    return RunView(
        {name: str(fact) for name, fact in facts.items() if fact},
        Table("Stages of the run", ["stage", "seconds", "rows read", "result"], stages),
        _by_name("Versions", ["library", "version"], report.get("versions") or {}),
        _canary(canary),
        canary.get("failures", []),
        _latency(canary.get("latency", {})) if canary.get("latency") else None,
        _checks(checks) if checks else None,
        [
            _by_name(caption, [what, last], lineage[key])
            for key, caption, what, last in (
                ("artifacts", "Where each stage wrote", "stage and output", "place"),
                ("code", "Digest of the code of each stage", "stage", "digest"),
            )
            if lineage.get(key)
        ],
    )


def _by_name(caption: str, columns: Sequence[str], values: Mapping[str, Any]) -> Table:
    return Table(caption, columns, [[name, str(value)] for name, value in values.items()])


def _canary(canary: Mapping[str, Any]) -> str:
    if not canary:
        return ""
    checks = len(canary.get("checks", []))
    questions = f"{checks} question{'' if checks == 1 else 's'}"
    asked = f"Before it was judged the finished model was loaded in a process of its own and asked {questions}"
    return f"{asked}; every answer was as it should be." if canary["ok"] else f"{asked}, and it failed."


def _latency(latency: Mapping[str, Mapping[str, float]]) -> Table:
    rows = [[signature, *(f"{times[key]:.2f}" for key in ("p50_ms", "p99_ms"))] for signature, times in latency.items()]
    columns = ["signature", "half are faster than (ms)", "99 in 100 are faster than (ms)"]
    return Table("Time of an answer to one row", columns, rows)


def _checks(checks: Sequence[Mapping[str, Any]]) -> Table:
    rows: list[Row] = [
        [
            check["request"],
            check["signature"],
            Cell("ok" if check["ok"] else check["message"] or "failed", "" if check["ok"] else "bad2"),
        ]
        for check in sorted(checks, key=lambda check: check["ok"])
    ]
    return Table.capped("What the model was asked", ["request", "signature", "answer"], rows)
