"""Charts as inline SVG, by matplotlib's objects without its pyplot state.

No user's text is in a chart: names stand beside it, where HTML can wrap them. Colours are those of the page's style, in
the light and in the dark; fonts are the page's.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Inches of 72 points: on a phone, where all of it is drawn 340 pixels wide, letters are still 10 pixels high.
_SIZE = (4.7, 3.2)
_FONT_SIZE = 11
# What matplotlib is told, and what the page's style calls it.
_INK, _GRID, _FIRST, _SECOND = "#000001", "#000002", "#000003", "#000004"
_STYLE_NAMES = {_INK: "var(--ink)", _GRID: "var(--grid)", _FIRST: "var(--first)", _SECOND: "var(--second)"}
_SETTINGS = {
    "svg.fonttype": "none",
    "font.size": _FONT_SIZE,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
}
# Dots from a bin of the fewest to one of the most rows, in square points.
_LEAST_DOT, _LARGEST_DOT = 12.0, 110.0


def reliability(bins: Sequence[Mapping[str, float]], label: str) -> Markup:
    """Draws how often scores came true.

    Args:
        bins: Mean `score`, share that `happened` and `rows` of every bin that is not empty.
        label: What the chart shows, for whoever cannot see it; unique on the page.
    """
    scores, happened = [b["score"] for b in bins], [b["happened"] for b in bins]
    most = max((b["rows"] for b in bins), default=1)
    sizes = [_LEAST_DOT + (_LARGEST_DOT - _LEAST_DOT) * b["rows"] / most for b in bins]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, linestyle="dashed", linewidth=1, label="as it should be")
        axes.plot(scores, happened, color=_FIRST, linewidth=1.5, label="this model")
        axes.scatter(scores, happened, s=sizes, color=_FIRST, linewidths=0)
        _name_axes(axes, "score", "share that came true")

    return _svg(draw, label)


def histogram(edges: Sequence[float], true: Sequence[float], other: Sequence[float], label: str) -> Markup:
    """Draws how the scores of a class are spread, each of the two groups by itself: a rare class is seen, too.

    Args:
        edges: Of the bins, one more than there are bins.
        true: Rows by bin of those that are of the class.
        other: Of those that are not.
        label: As in `reliability`.
    """

    def draw(axes: Axes) -> None:
        axes.stairs(_shares(other), edges, color=_SECOND, linewidth=1.5, linestyle="dashed", label="other rows")
        axes.stairs(_shares(true), edges, color=_FIRST, linewidth=2, label="rows of this class")
        _name_axes(axes, "score", "share of the group's rows")
        axes.set_ylim(bottom=0)

    return _svg(draw, label)


def shift(newest: Sequence[float], reference: Sequence[float], label: str) -> Markup:
    """Draws the values of a column in two samples.

    Args:
        newest: Share of the values by bin.
        reference: The same of the other sample.
        label: As in `reliability`.
    """

    def draw(axes: Axes) -> None:
        edges = [i + 0.5 for i in range(len(newest) + 1)]
        axes.stairs(reference, edges, color=_SECOND, linewidth=1.5, linestyle="dashed", label="before")
        axes.stairs(newest, edges, color=_FIRST, linewidth=2, label="newest span")
        _name_axes(axes, "number of the bar", "share of the values")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))

    return _svg(draw, label)


def curves(train: Sequence[float | None], evaluation: Sequence[float | None], label: str) -> Markup:
    """Draws the loss per epoch.

    Args:
        train: Over the rows learnt from; None where it was no finite number.
        evaluation: Over those that stop the training.
        label: As in `reliability`.
    """

    def draw(axes: Axes) -> None:
        for values, color, line, name in (
            (train, _FIRST, "solid", "train: learnt from"),
            (evaluation, _SECOND, "dashed", "eval: held back"),
        ):
            numbers = [float("nan") if value is None else value for value in values]
            epochs = range(1, len(numbers) + 1)
            axes.plot(epochs, numbers, color=color, linestyle=line, marker="o", markersize=3, label=name)
        _name_axes(axes, "epoch", "loss")
        axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))

    return _svg(draw, label)


def over_time(
    names: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    unit: str,
    label: str,
    least: float | None = None,
) -> Markup:
    """Draws up to three lines over spans.

    Args:
        names: Labels of the spans: days, or numbers.
        series: By what the legend calls it; None where there is no value.
        unit: What is drawn.
        label: As in `reliability`.
        least: Where the axis of the values begins; as the values want it if None.
    """

    def draw(axes: Axes) -> None:
        styles = ((_FIRST, "solid", "o"), (_SECOND, "dashed", "s"), (_INK, "dotted", "x"))
        for (name, values), (color, line, marker) in zip(series.items(), styles, strict=False):
            numbers = [float("nan") if value is None else value for value in values]
            axes.plot(
                range(len(numbers)), numbers, color=color, linestyle=line, marker=marker, markersize=4, label=name
            )
        _name_axes(axes, "span", unit)
        axes.set_ylim(bottom=least)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
        axes.xaxis.set_major_formatter(
            lambda place, _: names[int(place)] if place.is_integer() and 0 <= place < len(names) else ""
        )

    return _svg(draw, label)


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _name_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _svg(draw: Callable[[Axes], None], label: str) -> Markup:
    """Returns a chart that stands in a page among others: no id of one is met again in another."""
    # The label as salt: equal charts get equal text, others get other ids.
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": label}):
        figure = Figure(figsize=_SIZE, layout="constrained", facecolor="none")
        axes = figure.add_subplot(facecolor="none")
        axes.grid(color=_GRID, linewidth=0.7)
        draw(axes)
        figure.legend(loc="outside upper left", ncols=2)
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Type", "Format"))
        FigureCanvasSVG(figure).print_svg(file, metadata=nothing)  # type: ignore[no-untyped-call]
    return _inline(file.getvalue(), label)


def _inline(document: str, label: str) -> Markup:
    """Returns an SVG document as a part of HTML: no declarations, no style of its own, no names that nobody uses."""
    head, _, body = document.partition("</defs>")
    view = re.search(r'viewBox="[^"]*"', head)
    used = set(re.findall(r"#([\w-]+)", body))
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body)
    body = re.sub(
        r"font-family: [^;\"]*;?|font: ([\d.]+px) [^;\"]*", lambda f: f"font-size: {f[1]}" if f[1] else "", body
    )
    body = re.sub("|".join(_STYLE_NAMES), lambda found: _STYLE_NAMES[found[0]], body)
    opening = Markup('<svg class="chart" role="img" aria-label="{}" ').format(label)
    return opening + Markup(f"{view[0] if view else ''}>\n{body.strip()}")  # noqa: S704 - matplotlib's own text
