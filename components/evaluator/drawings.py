"""What report.json has for people to look at: confusion, reliability, scores by class, and how heads hang together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.evaluator.metrics import HISTOGRAM_EDGES
from components.exported import ExportedHead


def of_head(head: ExportedHead, distributions: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `confusion`, `reliability` and `score_histogram` of a head, each None if there is none.

    Args:
        head: Of the model.
        distributions: `components.evaluator.metrics.distributions_of` of its labelled rows.
    """
    if not distributions:
        return {"confusion": None, "reliability": None, "score_histogram": None}
    confusion, scores = distributions["confusion"], distributions["scores"]
    if head.is_multilabel:
        by_class = dict(zip(head.classes, (ranked[0] for ranked in scores), strict=True))
        confusion = confusion and dict(zip(head.classes, confusion, strict=True))
    else:
        # Of two classes the second alone is ranked: the scores of the first mirror its.
        ranked = head.classes[len(head.classes) - len(scores[0]) :]
        by_class = dict(zip(ranked, scores[0], strict=True))
        confusion = confusion and confusion[0]
    return {
        "confusion": confusion,
        "reliability": _reliability(distributions["reliability"]),
        "score_histogram": {
            "edges": list(HISTOGRAM_EDGES),
            "classes": {name: {"other": other, "true": true} for name, (other, true) in by_class.items()},
        },
    }


def _reliability(bins: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    """Returns mean score, share of scores that came true, and how many, of bins that are not empty."""
    return [
        {"score": total / rows, "happened": happened / rows, "rows": int(rows)}
        for rows, happened, total in zip(*bins, strict=True)
        if rows
    ]


def association(heads: Mapping[str, ExportedHead], pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns pairs of heads, with the name of the tag where a multilabel head is one of them.

    Args:
        heads: Of the model.
        pairs: As `components.evaluator.association.pairs_of_heads` returns them.
    """
    return [
        {
            "heads": pair["heads"],
            "tags": [
                heads[head].classes[variable] if heads[head].is_multilabel else None
                for head, variable in zip(pair["heads"], pair["variables"], strict=True)
            ],
            **{key: pair[key] for key in ("true", "predicted", "labelled")},
        }
        for pair in pairs
    ]
