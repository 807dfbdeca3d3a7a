"""What a right answer looks like, by signature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from components.exported import Exported, ExportedHead
from schema import names

Answer = Mapping[str, np.ndarray]

# Scores come from float32 logits: their sum is 1 up to rounding, and two ways to the same graph agree to this.
_TOLERANCE = 1e-5
_SUM_TOLERANCE = 1e-3


def problem(signature: str, answer: Answer, exported: Exported, num_rows: int) -> str | None:
    """Returns what is wrong with an answer, the first thing found, as the end of a sentence; None if nothing is.

    Args:
        signature: That gave it.
        answer: By output.
        exported: Heads and features of the model.
        num_rows: That were asked about.
    """
    return next(_CHECKS[signature](answer, exported, num_rows), None)


def disagreement(answers: Mapping[str, Answer], exported: Exported) -> str | None:
    """Returns where a signature's scores differ from those of `serving_tf_example`; None if they agree.

    Args:
        answers: Right ones to the same rows, by signature.
        exported: Heads of the model.
    """
    for head in exported.heads:
        expected = answers[names.SERVING_TF_EXAMPLE][names.scores(head)]
        # What is gated must be what is served.
        for signature, output in ((names.SERVING_DEFAULT, names.scores(head)), (names.EVALUATION, head)):
            found = answers.get(signature, {}).get(output, expected)
            if not np.allclose(found, expected, rtol=0, atol=_TOLERANCE):
                return f"'{output}' of {signature} is not '{names.scores(head)}' of {names.SERVING_TF_EXAMPLE}"
    return None


def _serving(answer: Answer, exported: Exported, num_rows: int) -> Iterator[str]:
    expected = set()
    for name, head in exported.heads.items():
        decided = names.decided_tags(name) if head.is_multilabel else names.decided(name)
        expected |= {names.scores(name), names.classes(name), decided}
    yield from _names(set(answer), expected)
    for name, head in exported.heads.items():
        yield from _probabilities(names.scores(name), answer[names.scores(name)], head, num_rows)
        classes, given = [label.encode() for label in head.classes], names.classes(name)
        if answer[given].tolist() != [classes] * num_rows:
            yield f"'{given}' does not hold the classes {', '.join(head.classes)} for each of {num_rows} rows"
        if head.is_multilabel:
            yield from _labels(names.decided_tags(name), answer, (num_rows, len(classes)), [*classes, b""])
        else:
            yield from _labels(names.decided(name), answer, (num_rows,), classes)


def _evaluation(answer: Answer, exported: Exported, num_rows: int) -> Iterator[str]:
    outputs = {output: name for name in exported.heads for output in (name, names.uncalibrated(name))}
    yield from _names(set(answer), set(outputs))
    for output, name in outputs.items():
        yield from _probabilities(output, answer[output], exported.heads[name], num_rows)


def _transformed(answer: Answer, exported: Exported, num_rows: int) -> Iterator[str]:
    expected = {part(head) for head in exported.heads for part in (names.label, names.labelled)}
    # A number between bins has its place only.
    expected |= {
        names.position(name) if names.position(name) in answer else names.transformed(name)
        for name in exported.features
    }
    if missing := sorted(expected - set(answer)):
        yield f"it lacks the outputs {', '.join(missing)}"
    for output, values in answer.items():
        if values.shape[:1] != (num_rows,):
            yield f"'{output}' has the shape {values.shape}, asked about {num_rows} rows"
        if np.issubdtype(values.dtype, np.number) and not np.isfinite(values).all():
            yield f"'{output}' holds values that are no finite numbers"


_CHECKS: dict[str, Callable[[Answer, Exported, int], Iterator[str]]] = {
    names.SERVING_DEFAULT: _serving,
    names.SERVING_TF_EXAMPLE: _serving,
    names.EVALUATION: _evaluation,
    names.TRANSFORM_FEATURES: _transformed,
}
SIGNATURES = tuple(_CHECKS)


def _names(found: set[str], expected: set[str]) -> Iterator[str]:
    if found != expected:
        yield f"its outputs are {', '.join(sorted(found))}, expected {', '.join(sorted(expected))}"


def _probabilities(output: str, values: np.ndarray, head: ExportedHead, num_rows: int) -> Iterator[str]:
    shape = (num_rows, len(head.classes))
    if values.shape != shape:
        yield f"'{output}' has the shape {values.shape}, expected {shape}"
    if not np.isfinite(values).all():
        yield f"'{output}' holds values that are no finite numbers"
    if ((values < 0) | (values > 1)).any():
        yield f"'{output}' holds values outside 0 to 1"
    if not head.is_multilabel and not np.allclose(values.sum(axis=-1), 1, rtol=0, atol=_SUM_TOLERANCE):
        yield f"'{output}' does not sum to 1 over the classes"


def _labels(output: str, answer: Answer, shape: tuple[int, ...], allowed: list[bytes]) -> Iterator[str]:
    values = answer[output]
    if values.shape != shape:
        yield f"'{output}' has the shape {values.shape}, expected {shape}"
    if unknown := sorted(set(values.ravel().tolist()) - set(allowed)):
        yield f"'{output}' holds {unknown[0].decode(errors='replace')!r}, which is no class"
