"""`push` of task.yaml: what becomes of a model that every gate lets pass."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schema.part import Part


class Push(Part):
    """How many versions the serving folder holds."""

    keep: Annotated[int, Field(ge=2)] = 5
    """Versions kept after a push, the new one included; older ones are removed. Two are needed to roll back."""
