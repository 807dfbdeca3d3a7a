"""docs/reference.md: every key of task.yaml, from the models that read it (`make docs`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from schema.task import TaskSpec

PAGE = Path(__file__).parent.parent / "docs" / "reference.md"

_INTRODUCTION = """\
# Reference of task.yaml

Made by `make docs` from the models in `schema/`; do not edit it by hand.

Every key can be set for one run by `--set KEY=VALUE`, such as `--set trunk.type=ple` or `--set 'trunk.units=[64, 32]'`.
Where a part comes in several types, `type` chooses one, and the other keys are those of that type.
A part or key that is left out has its default; `{}` is a part with all its defaults.
"""
_TYPES = {"integer": "integer", "number": "number", "string": "text", "boolean": "`true`, `false`"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_DEEPEST = 4  # Level of the smallest headings.

JsonSchema = dict[str, Any]


class _Page:
    """Writes the parts of a task, depth first, in the order of their keys.

    Attributes:
        parts: JSON Schemas of all parts, by the name of their class.
        headings: What each part is called, by the name of its class: its key, and its type where there are several.
        meant: Headings of the parts that are meant where no type is given.
    """

    def __init__(self, schema: JsonSchema):
        self.root = schema
        self.parts: dict[str, JsonSchema] = schema["$defs"]
        self.headings: dict[str, str] = {}
        self.meant: set[str] = set()
        for key, value in schema["properties"].items():
            self._name(key, value)

    def _name(self, key: str, value: JsonSchema) -> None:
        if isinstance(value.get("default"), dict):
            self.meant.add(f"{key}: {value['default'].get('type')}")
        for name in _parts_of(value):
            if name not in self.headings:
                kind = _kind(self.parts[name])
                self.headings[name] = f"{key}: {kind}" if kind else key
                for inner, inner_value in self.parts[name]["properties"].items():
                    self._name(inner, inner_value)

    def write(self) -> Iterator[str]:
        """Yields blocks of Markdown."""
        yield _INTRODUCTION
        yield self._table(self.root)
        written: set[str] = set()
        for key, value in self.root["properties"].items():
            if key not in self.headings.values():  # Else the key is a part, whose heading comes with it.
                yield f"## {key}\n"
                yield f"{_meaning(value)} Allowed: {self._allowed(value)}.\n"
            for name in _parts_of(value):
                yield from self._part(name, 2 if self.headings[name] == key else 3, written)

    def _part(self, name: str, level: int, written: set[str]) -> Iterator[str]:
        if name in written:
            return
        written.add(name)
        part = self.parts[name]
        yield f"{'#' * min(level, _DEEPEST)} {self.headings[name]}\n"
        yield f"{part['description']}\n"
        yield self._table(part, self.headings[name] in self.meant)
        for value in part["properties"].values():
            for inner in _parts_of(value):
                yield from self._part(inner, level + 1, written)

    def _table(self, part: JsonSchema, is_meant: bool = False) -> str:
        rows = ["| key | allowed | default | meaning |", "|---|---|---|---|"]
        # What chooses the part comes first, wherever its class inherits it.
        for key, value in sorted(part["properties"].items(), key=lambda item: item[0] not in ("type", "by")):
            has_default = is_meant if "const" in value else "default" in value
            default = _default(value) if has_default else "required"
            cells = (f"`{key}`", self._allowed(value), default, _meaning(value))
            rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        return "\n".join([*rows, ""])

    def _allowed(self, value: JsonSchema) -> str:
        return ", ".join(self._alternatives(value))

    def _alternatives(self, value: JsonSchema) -> list[str]:
        """Returns the forms that a value may have, in words."""
        for union in ("anyOf", "oneOf"):
            if union in value:
                return [form for member in value[union] for form in self._alternatives(member)]
        if name := _reference(value):
            heading = self.headings[name]
            return [f"[{heading.rpartition(': ')[2]}](#{_anchor(heading)})"]
        if "enum" in value or "const" in value:
            return [f"`{one}`" for one in value.get("enum", [value.get("const")])]
        match value["type"]:
            case "null":
                return ["`null`"]
            case "array" if "prefixItems" in value:
                return [f"[{'; '.join(self._allowed(item) for item in value['prefixItems'])}]"]
            case "array":
                return [f"list of {'one or more: ' if value.get('minItems') else ''}{self._item(value['items'])}"]
            case "object":
                (entries,) = value.get("patternProperties", {"": value.get("additionalProperties")}).values()
                return [f"by name: {self._allowed(entries)}"]
        bounds = [f"{sign} {value[key]:g}" for key, sign in _BOUNDS.items() if key in value]
        pattern = [f"`{value['pattern']}`"] if "pattern" in value else []
        words = [_TYPES[value["type"]], " and ".join(bounds), *pattern]
        return [" ".join(word for word in words if word)]

    def _item(self, value: JsonSchema) -> str:
        return f"({self._allowed(value)})" if value.get("type") == "array" else self._allowed(value)


def _meaning(value: JsonSchema) -> str:
    return "Chooses this part." if "const" in value else " ".join(value["description"].split())


def _reference(value: JsonSchema) -> str:
    return str(value.get("$ref", "")).rpartition("/")[2]


def _parts_of(value: Any) -> Iterator[str]:
    """Yields the names of the parts that a value refers to."""
    if isinstance(value, dict):
        if name := _reference(value):
            yield name
        for key, inner in value.items():
            if key not in ("default", "discriminator"):
                yield from _parts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts_of(inner)


def _kind(part: JsonSchema) -> str:
    """Returns by what a part is chosen among others: its `type`, or `by`; empty if it is the only one."""
    for key in ("type", "by"):
        if chooses := part["properties"].get(key):
            return str(chooses.get("const") or f"one of {len(chooses['enum'])} models")
    return ""


def _default(value: JsonSchema) -> str:
    """Returns a default as YAML; of a part only what chooses it, because its own table has the rest."""
    default = value["default"]
    if isinstance(default, dict):
        default = {key: default[key] for key in ("type", "by") if key in default}
    text = yaml.safe_dump(default, default_flow_style=True, width=1000)
    return f"`{text.removesuffix('...' + chr(10)).strip()}`"


def _anchor(heading: str) -> str:
    """Returns GitHub's anchor of a heading: lower case, without punctuation, hyphens for spaces."""
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def reference() -> str:
    """Returns docs/reference.md."""
    return "\n".join(_Page(TaskSpec.model_json_schema()).write())


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
