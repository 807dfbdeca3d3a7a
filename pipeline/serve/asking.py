"""A model's answers to columns, whichever of its signatures takes them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from components.servable import Servable
from schema import names

Columns = Mapping[str, np.ndarray]
Answers = dict[str, np.ndarray]


def ask(servable: Servable, signature: str, columns: Columns) -> Answers:
    """Returns `(rows, ...)` by output, for `(rows,)` of every input of a signature.

    Raises:
        DataError: The model does not take them.
    """
    if signature == names.SERVING_TF_EXAMPLE:
        return servable.predict_examples(list(columns[names.EXAMPLES]))
    return servable.predict(columns)
