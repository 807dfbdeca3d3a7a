"""pydantic's errors as Problems: the key as the user wrote it, the value, what is allowed."""

from __future__ import annotations

import re
import types
import typing
from typing import Any

from pydantic import BaseModel, Tag, ValidationError

from schema.document import Document
from schema.problems import KeyPath, Problem

_QUOTED = re.compile(r"'([^']*)'")


def problems_of(error: ValidationError, model: type[BaseModel], document: Document) -> list[Problem]:
    """Translates a ValidationError of `model` on `document.data`."""
    details = error.errors(include_url=False)
    # A tuple whose items are wrong is, to pydantic, too short as well.
    within = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    return [
        _problem(detail, model, document)
        for detail in details
        if not (detail["type"] == "too_short" and detail["loc"] in within)
    ]


def _problem(detail: Any, model: type[BaseModel], document: Document) -> Problem:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    path = _key_path(detail["loc"], document.data, model, missing=kind == "missing")
    if kind == "extra_forbidden":
        return document.problem(path, "unknown key", _keys_at(model, detail["loc"][:-1]), path[-1])
    if kind == "missing":
        return document.problem(path, "missing")
    if kind == "union_tag_not_found":
        return document.problem((*path, context["discriminator"].strip("'")), "missing")
    if kind == "union_tag_invalid":
        path, value = (*path, context["discriminator"].strip("'()")), context["tag"]
    allowed = _QUOTED.findall(context.get("expected_tags") or context.get("expected") or "")
    if allowed:
        return document.problem(path, f"got {value!r}", allowed, value)
    if kind == "string_pattern_mismatch":
        return document.problem(path, f"got {value!r}, must match {context['pattern']}")
    message = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(value, dict | list) else f", got {value!r}"
    return document.problem(path, message[:1].lower() + message[1:] + shown)


def _key_path(loc: KeyPath, data: Any, annotation: Any, missing: bool) -> KeyPath:
    """Drops what pydantic adds to a location, union tags and `[key]`, and keeps the keys that the user wrote."""
    path: KeyPath = ()
    for index, part in enumerate(loc):
        in_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
        annotation = _descend(annotation, part)
        if in_union and annotation is not None:
            continue  # A tag, even if the data has a key of that name, as `column` in data.split.
        last_missing = missing and index == len(loc) - 1
        try:
            data = None if last_missing else data[part]
        except (KeyError, IndexError, TypeError):
            continue
        path = (*path, part)
    return path


def _keys_at(annotation: Any, loc: KeyPath) -> list[str]:
    """Returns the keys that the model at a pydantic location takes."""
    for part in loc:
        annotation = _descend(annotation, part)
    return sorted(annotation.model_fields) if _is_model(annotation) else []


def _descend(annotation: Any, part: str | int) -> Any:
    if _is_model(annotation):
        field = annotation.model_fields.get(str(part))
        return _plain(field.annotation) if field else None
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is dict:
        return _plain(args[1])
    if origin is tuple:
        return _plain(args[0])
    if origin in (typing.Union, types.UnionType):
        return next((_plain(member) for member in args if part in _tags(member)), None)
    return None


def _plain(annotation: Any) -> Any:
    """Strips Annotated and Optional."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        return _plain(members[0]) if len(members) == 1 else annotation
    return annotation


def _tags(member: Any) -> set[Any]:
    """Returns the discriminator values, or the Tag, by which pydantic names a member of a union."""
    tags = {meta.tag for meta in getattr(member, "__metadata__", ()) if isinstance(meta, Tag)}
    member = _plain(member)
    if _is_model(member):
        for field in member.model_fields.values():
            if typing.get_origin(field.annotation) is typing.Literal:
                tags.update(typing.get_args(field.annotation))
    return tags


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
