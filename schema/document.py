"""A YAML file as plain data that remembers the line of every key, with `--set` overrides on top."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from schema.problems import KeyPath, Problem, TaskError, dotted


class _Yaml12Loader(yaml.SafeLoader):
    """PyYAML reads YAML 1.1, where `no` is False and `1e-3` a string: class names and rates would suffer."""


_Yaml12Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
):
    _Yaml12Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
# PyYAML reads 010 as octal 8, YAML 1.2 as ten.
_Yaml12Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(str(node.value)))
_Yaml12Loader.add_constructor(
    "tag:yaml.org,2002:float",
    lambda loader, node: float(re.sub(r"\.(inf|nan)", r"\1", str(node.value).lower())),
)


@dataclasses.dataclass
class Document:
    """A mapping read from YAML.

    Attributes:
        file: Path as given, for messages.
        data: Plain dicts, lists and scalars.
        sources: Where each key path comes from: `file:line`, or `--set key`.
        problems: Keys that stand twice and overrides that could not be applied.
    """

    file: str
    data: dict[str, Any]
    sources: dict[KeyPath, str]
    problems: list[Problem]

    def where(self, path: KeyPath) -> str:
        """Returns where a key, or the nearest key above it that exists, was written."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.sources:
                return self.sources[path[:end]]
        return self.file

    def problem(self, path: KeyPath, message: str, allowed: Iterable[Any] = (), given: object | None = None) -> Problem:
        """Returns a Problem that points at a key of this document."""
        names = tuple(map(str, allowed))
        return Problem(self.where(path), dotted(path), message, names, None if given is None else str(given))

    def section(self, *path: str) -> dict[str, Any]:
        """Returns the mapping at a key path, or an empty one: for checks on files that are wrong elsewhere."""
        value: Any = self.data
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}


def read_document(file: Path, overrides: Iterable[str] = ()) -> Document:
    """Reads a YAML mapping and applies `key=value` overrides.

    Args:
        file: The YAML file.
        overrides: Strings like `training.epochs=2`; the value is YAML, a number in the key indexes a list.

    Raises:
        TaskError: The file is not a YAML mapping. What is wrong beyond that stands in the document's problems, to be
            reported with what its reader finds.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError([Problem(str(file), "", f"cannot be read: {error}")]) from None
    sources: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    data = _parse(text, str(file), sources, problems)
    if not isinstance(data, dict):
        missing = Problem(str(file), "", "must be a mapping with the keys of a task, such as `heads:`")
        raise TaskError(problems or [missing])
    document = Document(str(file), data, sources, problems)
    document.problems.extend(problem for override in overrides if (problem := _apply(document, override)))
    return document


def _parse(text: str, file: str, sources: dict[KeyPath, str], problems: list[Problem]) -> Any:
    try:
        loader = _Yaml12Loader(text)
        node = loader.get_single_node()
        return None if node is None else _construct(loader, node, (), file, sources, problems)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.append(Problem(f"{file}:{line}", "", f"not valid YAML: {error.reason}"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        problems.append(Problem(where, "", f"not valid YAML: {getattr(error, 'problem', None) or error}"))
    except RecursionError:
        problems.append(Problem(file, "", "not valid YAML: nested too deeply, or an alias that holds itself"))
    return None


def _construct(
    loader: yaml.SafeLoader,
    node: yaml.Node,
    path: KeyPath,
    file: str,
    sources: dict[KeyPath, str],
    problems: list[Problem],
) -> Any:
    sources[path] = f"{file}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*path, i), file, sources, problems) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a single word", key_node.start_mark)
        key = str(key_node.value)
        if not _is_text(key):
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!a} is no text", key_node.start_mark)
        here = (*path, key)
        line = f"{file}:{key_node.start_mark.line + 1}"
        if key in mapping:
            problems.append(Problem(line, dotted(here), "stands twice: the first would be lost"))
        mapping[key] = _construct(loader, value_node, here, file, sources, problems)
        sources[here] = line
    return mapping


def _scalar(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """Returns a value that JSON knows; an explicit tag such as `!!binary` may ask for others."""
    try:
        value = loader.construct_object(node)
    except ValueError:
        value = ...
    if value is not None and not (isinstance(value, bool | int | float | str) and _is_text(str(value))):
        message = f"{str(node.value)[:40]!a} cannot be read as {node.tag.rpartition(':')[2]}"
        raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
    return value


def _is_text(value: str) -> bool:
    """Returns whether a string can be written: half a surrogate pair cannot."""
    return value.encode(errors="ignore").decode() == value


def _apply(document: Document, override: str) -> Problem | None:
    """Applies one `key=value`; returns a Problem instead of raising, so that all of them are reported."""
    key, equals, text = override.partition("=")
    option = f"--set {override}"
    *parents, last = key.strip().split(".")
    if not equals or not all([*parents, last]) or not _is_text(key):
        return Problem(option, "", "must read key=value, such as training.epochs=2")
    problems: list[Problem] = []
    value = _parse(text, option, {}, problems)
    if problems:
        return dataclasses.replace(problems[0], where=option)
    target: Any = document.data
    path: KeyPath = ()
    for part in [*parents, last]:
        if isinstance(target, dict):
            index: str | int = part
        elif isinstance(target, list) and part in map(str, range(len(target))):
            index = int(part)
        else:
            kind = f"a list of {len(target)}" if isinstance(target, list) else f"the value {target!r}"
            return Problem(option, dotted((*path, part)), f"cannot be set: {dotted(path)} is {kind}")
        path = (*path, index)
        if len(path) <= len(parents):
            if isinstance(target, dict) and target.get(part) is None:
                target[part] = {}
                # A key that no line of the file has.
                document.sources.setdefault(path, f"--set {key.strip()}")
            target = target[index]
    target[path[-1]] = value
    for stale in [known for known in document.sources if known[: len(path)] == path]:
        del document.sources[stale]
    document.sources[path] = f"--set {key.strip()}"
    return None
