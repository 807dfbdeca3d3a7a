"""metrics.prom: what Prometheus is told of a task's runs, by a node exporter's text file collector or any server.

Only gauges without units: so the text is OpenMetrics, and the older format that the text file collector reads, at once.
"""

from __future__ import annotations

import datetime
from typing import Any

_STATES = ("running", "pushed", "refused", "stopped", "failed")


def render(status: dict[str, Any]) -> str:
    """Returns the metrics of a task.

    What is not known is left out: a failed run measures nothing, so that values of heads are those of the last verdict,
    and before the first success there is no time of one.

    Args:
        status: As status.json has it.
    """
    from prometheus_client import CollectorRegistry, Gauge
    from prometheus_client.openmetrics.exposition import generate_latest

    registry = CollectorRegistry()
    task = str(status["task"])

    def gauge(name: str, text: str, value: float | None) -> None:
        if value is not None:
            Gauge(f"multihead_{name}", text, ["task"], registry=registry).labels(task).set(value)

    run, verdict, success = (status.get(f"last_{what}") or {} for what in ("run", "verdict", "success"))
    gauge("last_run_timestamp_seconds", "When a run last ended.", _seconds(run.get("finished")))
    gauge("last_verdict_timestamp_seconds", "When a run last blessed or refused.", _seconds(verdict.get("finished")))
    gauge("last_success_timestamp_seconds", "When a run last pushed a model.", _seconds(success.get("finished")))
    gauge("next_run_timestamp_seconds", "When the schedule's next run is due.", _seconds(status.get("next_run")))
    gauge("run_duration_seconds", "How long the last run that ended took.", run.get("seconds"))
    gauge("rows", "Rows that were read for the last verdict.", verdict.get("rows"))
    gauge("blessed", "Whether the last verdict was to push.", _bit(verdict.get("blessed")))
    gauge("drift_findings", "What moved too far, as of the last verdict.", verdict.get("drift"))
    if "state" in status:
        states = Gauge("multihead_run_state", "1 for what the newest run is.", ["task", "state"], registry=registry)
        for state in _STATES:
            states.labels(task, state).set(status["state"] == state)
    heads = verdict.get("heads", {})
    if heads:
        of_heads = Gauge(
            "multihead_head_metric",
            "A head's metric on the test split, as of the last verdict.",
            ["task", "head", "metric"],
            registry=registry,
        )
        for head, metrics in heads.items():
            for metric, value in metrics.items():
                if value is not None:
                    of_heads.labels(task, head, metric).set(value)
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


def _seconds(time: str | None) -> float | None:
    return None if time is None else datetime.datetime.fromisoformat(time).timestamp()


def _bit(value: bool | None) -> float | None:
    return None if value is None else float(value)
