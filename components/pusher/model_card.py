"""The card beside a served model: what it was made of, what was measured, where it is weak.

Its sections are those of Mitchell et al. 2019, "Model Cards for Model Reporting", table 1, as far as facts fill them:
model details, factors (the slices), metrics, data, quantitative analyses, caveats. What the model is meant for, and
whom it may harm, no pipeline knows.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from components.exported import MULTICLASS
from components.pusher.history import Record
from components.pusher.limits import find_limits, is_few
from schema.gates import EVERY_VALUE_MIN_LABELLED, METRICS
from schema.names import slice_of

FORMAT = 1
JSON_FILE = "model_card.json"
MARKDOWN_FILE = "model_card.md"
# More than these are in the JSON file only.
MAX_CLASSES = 30
WORST_SLICES = 5
# Slices are compared by the first of these that is defined on any of them.
_RANKED_BY = ("auc", "accuracy")

_TEMPLATE = "model_card.md.jinja"
# What Markdown would read as more than a character; an underscore inside of a word is none.
_MARKS = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")


def make_card(
    record: Record, report: Mapping[str, Any], provenance: Mapping[str, Any], data: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the card as plain data.

    Args:
        record: The push.
        report: What the Report stage wrote.
        provenance: `task`, `data_fingerprint`, `code` by stage and `versions` of libraries.
        data: `source`, `rows` by split, `features` with name, type and missing share, and `label_counts` by head, class
            and split (None for a head whose classes were not all counted).
    """
    card = {
        "format": FORMAT,
        "task": provenance["task"],
        **_of_push(record),
        "baseline": record.baseline,
        "comparison": report.get("comparison"),
        "versions": dict(provenance["versions"]),
        "fingerprints": {
            "training": record.training,
            "data": provenance["data_fingerprint"],
            "code": dict(provenance["code"]),
        },
        "data": {key: data[key] for key in ("source", "rows", "features")},
        "heads": {
            head: {
                "type": found["type"],
                "classes": found["classes"],
                "thresholds": found["thresholds"],
                "labelled": found["labelled"],
                "label_counts": data["label_counts"].get(head),
                "overall": found["overall"],
                "baseline": found.get("baseline"),
                "note": found.get("note"),
                "slices": found["slices"],
                "gates": found["gates"],
            }
            for head, found in report["heads"].items()
        },
        "joint": {
            "metrics": report["joint"],
            "baseline": report.get("joint_baseline"),
            "gates": report.get("joint_gates", []),
        },
    }
    return card | {"limits": find_limits(card)}


def _of_push(record: Record) -> dict[str, Any]:
    """Returns what changes when the same model is pushed again."""
    return {
        "version": record.version,
        "model_of": record.of,
        "pushed": record.pushed,
        "why": record.why,
        "reason": record.reason,
        "run_id": record.run_id,
    }


def files(card: Mapping[str, Any]) -> dict[str, bytes]:
    """Returns the card as JSON and as Markdown, by file name."""
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    # A lone surrogate, which JSON can hold and UTF-8 cannot, must not cost the push.
    return {JSON_FILE: text.encode(errors="replace"), MARKDOWN_FILE: markdown(card).encode(errors="replace")}


def reissue(model: Path, record: Record) -> dict[str, bytes]:
    """Returns the card of a version as that of a roll-back to it; nothing if it has no card that can be read.

    Args:
        model: Folder of the version that is copied.
        record: The roll-back.
    """
    file = model / JSON_FILE
    try:
        return files(json.loads(file.read_text(encoding="utf-8")) | _of_push(record))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, jinja2.TemplateError) as error:
        # Whatever somebody did to the card: it must not stand in the way of a roll-back.
        logging.warning("%s: is not what a push writes (%s); the roll-back goes on with the card as it is", file, error)
        return {}


def markdown(card: Mapping[str, Any]) -> str:
    """Returns the card for people."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_plain,  # Every value, so that none can be forgotten.
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "metric": _metric,
        "share": lambda value: f"{value:.0%}",
        "slice_of": slice_of,
    }
    heads = card["heads"]
    return environment.get_template(_TEMPLATE).render(
        card=card,
        metrics=METRICS,
        enough=EVERY_VALUE_MIN_LABELLED,
        max_classes=MAX_CLASSES,
        likeliest={head for head, found in heads.items() if _takes_likeliest(found)},
        worst={head: _worst(found) for head, found in heads.items()},
        gates={**{head: found["gates"] for head, found in heads.items()}, "all together": card["joint"]["gates"]},
    )


def _plain(value: Any) -> str:
    """Returns a value as text that Markdown shows as it is, in one line: a class may be called `a|b`, or `<b>`."""
    text = _MARKS.sub(r"\\\g<0>", " ".join(str(value).split()))
    return text or "(empty)"


def _metric(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _takes_likeliest(head: Mapping[str, Any]) -> bool:
    return head["type"] == MULTICLASS and len(set(head["thresholds"].values())) == 1


def _worst(head: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    """Returns the slices where a head is weakest, of those with enough labelled rows, and by which metric."""
    known = [found for found in head["slices"] if not is_few(found["labelled"])]
    for metric in _RANKED_BY:
        if defined := [found for found in known if metric in found["metrics"]]:
            return metric, sorted(defined, key=lambda found: found["metrics"][metric])[:WORST_SLICES]
    return _RANKED_BY[0], []
