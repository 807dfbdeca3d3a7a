"""What every part of a task is made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints

# Names become Keras layers, TensorFlow tensors and TFMA outputs, which all take this.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class Part(BaseModel):
    """Base of every part of a task: immutable, strict, no unknown keys; docs/reference.md is made from docstrings."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def by_type(default: str) -> Discriminator:
    """Tells parts apart by their `type`; where the default is meant it need not be said."""

    def type(value: Any) -> str:  # pydantic's errors call the discriminator by this name.
        return str(value.get("type", default) if isinstance(value, dict) else getattr(value, "type", default))

    return Discriminator(type)
