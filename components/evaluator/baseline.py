"""Whether a baseline is at fault when a model cannot be compared with it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from components import raw_examples
from components.exported import ExportedHead
from components.servable import Servable
from schema import names
from schema.errors import DataError


def fault(model: Path, heads: Mapping[str, ExportedHead], examples: str) -> str | None:
    """Returns why a baseline cannot be asked about the rows at hand, in one sentence; None if it can.

    Args:
        model: SavedModel folder.
        heads: That it is to answer.
        examples: Folder of raw examples, gzip TFRecords.
    """
    rows = raw_examples.first(examples)
    wanted = {
        names.EVALUATION: set(heads),
        names.TRANSFORM_FEATURES: {part(head) for head in heads for part in (names.label, names.labelled)},
    }
    try:
        servable = Servable.load(model)
        for signature, outputs in wanted.items():
            if missing := sorted(outputs - servable.predict_examples(rows, signature).keys()):
                return f"its signature {signature} lacks {', '.join(missing)}"
    except DataError as error:
        return str(error)
    except Exception as error:
        logging.exception("the baseline cannot be asked")  # By whatever: it was made by other code and libraries.
        return str(error) or type(error).__name__
    return None
