"""report.json as one HTML file, for people: no network, no script, nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from components.pusher.disk import replacing
from pipeline.report import background, measured, moved
from pipeline.report.gates import refusals
from pipeline.report.parts import SHOWN
from pipeline.report.tables import MIN_LABELLED, comparison
from schema.errors import UserError

_TEMPLATE = "report.html.jinja"
# The parts of this many heads are open at once; of more, those that a gate refuses.
_OPEN_HEADS = 4


def environment(*folders: Path) -> jinja2.Environment:
    """Returns what renders templates of the given folders, and those here, which all pages share."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, Path(__file__).parent]),
        autoescape=True,  # Names of classes are users' texts.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(report: Mapping[str, Any]) -> str:
    """Returns the page: the same text for the same report.

    Args:
        report: As report.json has it; sections that an older report lacks say so.
    """
    report = dict(report)
    curves = (report.get("training") or {}).get("curves", {})
    heads = [
        measured.of_head(name, f"head-{i}", head, curves) for i, (name, head) in enumerate(report["heads"].items(), 1)
    ]
    reasons = refusals(report)
    return (
        environment()
        .get_template(_TEMPLATE)
        .render(
            task=report["task"],
            run_id=report["run_id"],
            blessed=report["blessed"],
            verdict=verdict(report, reasons),
            reasons=reasons,
            shown=SHOWN,
            comparison=comparison(report),
            overview=measured.overview(report["heads"]),
            heads=heads,
            open_heads={head.anchor for head in heads if len(heads) <= _OPEN_HEADS or not head.ok},
            min_labelled=MIN_LABELLED,
            joint=measured.of_joint(report),
            curves=measured.of_curves("all heads together", curves, "loss"),
            data=background.of_data(report.get("data")),
            drift=moved.of_drift((report.get("data") or {}).get("drift"), report.get("span")),
            run=background.of_run(report),
        )
    )


def verdict(report: Mapping[str, Any], reasons: Sequence[str]) -> str:
    """Returns what became of the model, in one sentence."""
    if not report["blessed"]:
        return f"Refused: nothing was pushed, for {len(reasons)} reason{'s' if len(reasons) != 1 else ''}."
    if report["pushed"]:
        return f"Pushed: nothing speaks against this model, and it is served from {report['pushed']}."
    return "Good enough, but not pushed: nothing speaks against this model."


def write(file: Path, report: Mapping[str, Any]) -> Path:
    """Writes the page whole or not at all, with the folder it belongs into; returns its path.

    Raises:
        UserError: The report is not whole, or the file cannot be written.
    """
    try:
        text = render(report)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, jinja2.TemplateError) as error:
        raise UserError(f"no page can be made: not a whole report: {error} is missing or of another form") from None
    return save(file, text)


def save(file: Path, text: str) -> Path:
    """Writes a page whole or not at all, with the folder it belongs into; returns its path.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            # JSON can hold a lone surrogate, UTF-8 cannot.
            temporary.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{file}: the page cannot be written there ({error.strerror}); give another file") from None
    return file
