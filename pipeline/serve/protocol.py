"""TensorFlow Serving's REST protocol for predictions, between JSON and arrays.

https://www.tensorflow.org/tfx/serving/api_rest; where this one gives more, or is stricter, it says so.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from components.exported import Exported
from pipeline.serve.errors import RequestError
from pipeline.serve.values import B64, Input, is_binary, quoted, shown
from schema import names
from schema.problems import Problem

SIGNATURE_NAME, INSTANCES, INPUTS = _KEYS = ("signature_name", "instances", "inputs")
# Outputs whose name ends so are binary by convention of TensorFlow Serving.
_BINARY_SUFFIX = "_bytes"

Inputs = Mapping[str, Input]


@dataclasses.dataclass(frozen=True)
class Request:
    """Rows to answer.

    Attributes:
        signature: That answers.
        is_columnar: Whether the rows came, and answers go, by column.
        columns: `(num_rows,)` of every input of the signature, missing values filled in.
        num_rows: At least 1.
    """

    signature: str
    is_columnar: bool
    columns: dict[str, np.ndarray]
    num_rows: int

    def where(self, row: int, name: str | None = None) -> str:
        """Returns how a message names a row, or a feature of it."""
        return _where(self.is_columnar, row, name)


def signatures(exported: Exported) -> dict[str, Inputs]:
    """Returns what can be asked of a model, by signature; one too old to name its features takes tf.Examples only."""
    features = {name: Input(part.dtype, part.type == "image") for name, part in exported.features.items()}
    by_feature: dict[str, Inputs] = {names.SERVING_DEFAULT: features} if features else {}
    return by_feature | {names.SERVING_TF_EXAMPLE: {names.EXAMPLES: Input("BYTES", is_optional=False)}}


def parse(body: bytes, taken: Mapping[str, Inputs], max_rows: int) -> Request:
    """Reads the body of a request.

    More than TensorFlow Serving gives: features may be left out, of a row or altogether, or be null; they are missing.
    Stricter: other keys are refused, for beside a mistyped `signature_name` the default signature would answer.

    Args:
        body: JSON.
        taken: Inputs by signature.
        max_rows: Rows at most.

    Raises:
        RequestError: Something is wrong; the message says where, what was got and what is allowed.
    """
    content = _object(body)
    for key in content:
        if key not in _KEYS:
            raise _unknown("the request", "key", key, _KEYS)
    signature = content.get(SIGNATURE_NAME, "")
    if not isinstance(signature, str):
        raise RequestError(f"{SIGNATURE_NAME}: got {shown(signature)}; allowed: {', '.join(taken)}")
    signature = signature or names.SERVING_DEFAULT
    if signature not in taken:
        raise _unknown(SIGNATURE_NAME, "signature", signature, taken)
    if (INSTANCES in content) == (INPUTS in content):
        got = "both" if INSTANCES in content else "neither"
        raise RequestError(f'the request takes either "{INSTANCES}" (rows) or "{INPUTS}" (columns); got {got}')
    inputs = taken[signature]
    if INSTANCES in content:
        columns, num_rows = _from_rows(content[INSTANCES], inputs, max_rows)
    else:
        columns, num_rows = _from_columns(content[INPUTS], inputs, max_rows)
    return Request(signature, INPUTS in content, columns, num_rows)


def render(outputs: Mapping[str, np.ndarray], request: Request) -> bytes:
    """Returns the answer as JSON.

    Args:
        outputs: `(num_rows, ...)` by name.
        request: What was asked.

    Raises:
        RequestError: A number is not finite, which JSON cannot say (TensorFlow Serving would write NaN): a value of the
            row is too far from what the model was trained on.
    """
    for name, values in outputs.items():
        if values.dtype == np.float32 and not (is_finite := np.isfinite(values)).all():
            row = int(np.argwhere(~is_finite)[0][0])
            raise RequestError(
                f"{request.where(row)}: the answer '{name}' is not finite; a number of the row is too far from "
                "what the model was trained on"
            )
    lists = {name: _plain(name, outputs[name]) for name in sorted(outputs)}
    content: Any
    if request.is_columnar:
        content = lists if len(lists) > 1 else next(iter(lists.values()))
    elif len(lists) > 1:
        content = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    else:
        content = next(iter(lists.values()))
    return json.dumps({"outputs" if request.is_columnar else "predictions": content}).encode()


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        raise RequestError("the body is nested too deeply") from None
    except ValueError as error:
        raise RequestError(f"the body is not JSON in UTF-8: {error}") from None
    if not isinstance(content, dict):
        raise RequestError(f'the body is {shown(content)}; allowed: an object with "{INSTANCES}" or "{INPUTS}"')
    return content


def _from_rows(rows: Any, inputs: Inputs, max_rows: int) -> tuple[dict[str, np.ndarray], int]:
    if not isinstance(rows, list) or not rows:
        raise RequestError(f"{INSTANCES}: got {shown(rows)}; allowed: a list with an instance per row, at least one")
    _check_count(len(rows), INSTANCES, max_rows)
    if len(inputs) == 1 and not _is_named(rows[0]):
        # A signature of one input takes bare values.
        rows = [row if _is_named(row) else {next(iter(inputs)): row} for row in rows]
    for i, row in enumerate(rows):
        if not _is_named(row):
            raise RequestError(f"{INSTANCES}[{i}]: got {shown(row)}; allowed: an object with a value per feature")
        for name in row:
            if name not in inputs:
                raise _unknown(f"{INSTANCES}[{i}]", "feature", name, inputs)
    return {
        name: part.array([_convert(part, row.get(name), False, i, name) for i, row in enumerate(rows)])
        for name, part in inputs.items()
    }, len(rows)


def _from_columns(given: Any, inputs: Inputs, max_rows: int) -> tuple[dict[str, np.ndarray], int]:
    if len(inputs) == 1 and not _is_named(given):
        given = {next(iter(inputs)): given}
    if not _is_named(given):
        raise RequestError(f"{INPUTS}: got {shown(given)}; allowed: an object with a list per feature")
    lengths = {}
    for name, values in given.items():
        if name not in inputs:
            raise _unknown(INPUTS, "feature", name, inputs)
        if not isinstance(values, list) and values is not None:
            raise RequestError(f"{INPUTS}: feature '{name}': got {shown(values)}; allowed: a list with a value per row")
        lengths[name] = len(values or ())
    num_rows = max(lengths.values(), default=0)
    if num_rows == 0:
        raise RequestError(f"{INPUTS}: no feature has a value; there must be at least one row")
    _check_count(num_rows, INPUTS, max_rows)
    longest = max(lengths, key=lambda name: lengths[name])
    for name, length in lengths.items():
        if length not in (0, num_rows):
            raise RequestError(
                f"{INPUTS}: feature '{name}' has {length} values, but '{longest}' has {num_rows}; each takes one per "
                "row, null where it is missing, or none at all"
            )
    columns = {}
    for name, part in inputs.items():
        if lengths.get(name):
            converted = [_convert(part, value, True, i, name) for i, value in enumerate(given[name])]
            columns[name] = part.array(converted)
        else:
            columns[name] = part.missing(num_rows)
    return columns, num_rows


def _is_named(row: Any) -> bool:
    return isinstance(row, dict) and not is_binary(row)


def _where(is_columnar: bool, row: int, name: str | None) -> str:
    place = f"{INPUTS}, row {row}" if is_columnar else f"{INSTANCES}[{row}]"
    return f"{place}: feature '{name}'" if name else place


def _convert(part: Input, value: Any, is_columnar: bool, row: int, name: str) -> int | float | bytes:
    try:
        return part.convert(value)
    except ValueError as error:
        raise RequestError(f"{_where(is_columnar, row, name)}: {error}") from None


def _check_count(num_rows: int, where: str, max_rows: int) -> None:
    if num_rows > max_rows:
        raise RequestError(f"{where}: got {num_rows} rows; allowed: {max_rows} in a request, send more of them")


def _unknown(where: str, kind: str, name: str, allowed: Iterable[str]) -> RequestError:
    return RequestError(str(Problem(where, "", f"unknown {kind} {quoted(name)}", tuple(allowed), name)))


def _plain(name: str, values: np.ndarray) -> list[Any]:
    """Returns an array as nested lists, a float32 with the fewest digits that tell it from its neighbours."""
    if values.dtype == object:
        is_always_binary = name.endswith(_BINARY_SUFFIX)
        return _nested([_readable(value, is_always_binary) for value in values.ravel()], values.shape)
    if values.dtype != np.float32:
        return values.tolist()
    return _nested([float(str(value)) for value in values.ravel()], values.shape)


def _nested(flat: list[Any], shape: tuple[int, ...]) -> list[Any]:
    for size in reversed(shape[1:]):
        flat = [flat[i : i + size] for i in range(0, len(flat), size)]
    return flat


def _readable(value: bytes, is_always_binary: bool) -> str | dict[str, str]:
    if not is_always_binary:
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return {B64: base64.b64encode(value).decode("ascii")}
