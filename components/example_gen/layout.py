"""What ExampleGen knows of a task's columns."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from schema.columns import column_types
from schema.contract import Contract
from schema.features import ImageFeature
from schema.heads import MultilabelHead


@dataclasses.dataclass(frozen=True)
class Layout:
    """How columns become features of tf.Examples.

    Attributes:
        types: INT, FLOAT or BYTES by column; other columns of the data are left out.
        labels: Columns that are labels.
        separators: What stands between tags in texts, by multilabel head.
        images: `bytes` or `path` by image column.
    """

    types: Mapping[str, str]
    labels: tuple[str, ...] = ()
    separators: Mapping[str, str] = dataclasses.field(default_factory=dict)
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, contract: Contract) -> Layout:
        """Returns the layout that a task asks for."""
        task = contract.task
        return cls(
            types=column_types(contract.schema),
            labels=tuple(task.heads),
            separators={name: head.separator for name, head in task.heads.items() if isinstance(head, MultilabelHead)},
            images={name: image.source for name, image in task.features.items() if isinstance(image, ImageFeature)},
        )

    @property
    def path_columns(self) -> tuple[str, ...]:
        """Columns that name image files."""
        return tuple(name for name, source in self.images.items() if source == "path")

    def to_json(self) -> str:
        """Returns a JSON form that `from_json` reads; equal layouts give equal text."""
        return json.dumps(dataclasses.asdict(self) | {"labels": sorted(self.labels)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Layout:
        """Reads what `to_json` wrote."""
        data = json.loads(text)
        return cls(**data | {"labels": tuple(data["labels"])})
