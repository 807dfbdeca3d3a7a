"""From a profile's name or file, and Beam options, to a profile that was checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.profiles import beam
from pipeline.profiles.profile import BEAM_STAGES, STAGES, Profile
from schema.document import Document, read_document
from schema.errors import UserError
from schema.problems import Problem, TaskError, nearest
from schema.validation import problems_of

_FOLDER = Path(__file__).parent
LOCAL = "local"
_OF_BEAM = ("beam", "parallelism", "patience")
SHIPPED = tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


def find_profile(name: str | None = None, beam_options: Iterable[str] = ()) -> Profile:
    """Returns a profile with Beam options on top; where it names no runner, Beam's work is done in process.

    Args:
        name: Of a file, or of a profile that is shipped; None for `local`.
        beam_options: Of `--beam-option`: they hold for every stage, and win.

    Raises:
        UserError: There is no such profile, or Beam would not begin with its options.
        TaskError: The file, or an option, is wrong: with every problem found, and its line.
    """
    own = local() if name in (None, LOCAL) else _read(_file(str(name)))
    given = beam.parse(beam_options)
    if problems := [
        Problem("--beam-option", option, why)
        for option, value in given.items()
        if (why := beam.mistake(option, value)) is not None
    ]:
        raise TaskError(problems)
    profile = _on_local(_with_options(own, given))
    if profile != local():
        _check_whole(profile, name or LOCAL)
    return profile


@cache
def local() -> Profile:
    """Returns the profile of everything in this process."""
    return _model(read_document(_FOLDER / f"{LOCAL}.yaml"))


def _file(name: str) -> Path:
    if Path(name).is_file():
        return Path(name)
    if name in SHIPPED:
        return _FOLDER / f"{name}.yaml"
    near = nearest(name, SHIPPED)
    raise UserError(
        f"--profile {name}: no such file or profile; give a YAML file, or one of: {', '.join(SHIPPED)}"
        + (f"; did you mean '{near}'?" if near else "")
    )


def _read(file: Path) -> Profile:
    document = read_document(file)
    profile = _model(document)
    if problems := list(_problems(document, profile)):
        raise TaskError(problems)
    return profile


def _model(document: Document) -> Profile:
    if document.problems:
        raise TaskError(document.problems)
    try:
        return Profile.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        raise TaskError(problems_of(error, Profile, document)) from None


def _problems(document: Document, profile: Profile) -> Iterator[Problem]:
    """Yields what is wrong beyond the form: names of stages, and Beam's options."""
    for path, value in _beam_options(profile):
        if (why := beam.mistake(path[-1], value)) is not None:
            yield document.problem(path, why)
    for stage, own in profile.stages.items():
        if stage not in STAGES:
            yield document.problem(("stages", stage), "no such stage", STAGES, stage)
        elif stage not in BEAM_STAGES and (key := next((key for key in _OF_BEAM if key in own.model_fields_set), None)):
            yield document.problem(("stages", stage, key), "this stage does not use Beam; these do", BEAM_STAGES)


def _beam_options(profile: Profile) -> Iterator[tuple[tuple[str, ...], Any]]:
    for option, value in profile.all.beam.items():
        yield ("all", "beam", option), value
    for stage, own in profile.stages.items():
        for option, value in own.beam.items():
            yield ("stages", stage, "beam", option), value


def _with_options(profile: Profile, given: Mapping[str, Any]) -> Profile:
    """Returns the profile with options that hold for every stage."""
    everywhere = profile.all.model_copy(update={"beam": {**profile.all.beam, **given}})
    stages = {
        name: own.model_copy(update={"beam": {key: value for key, value in own.beam.items() if key not in given}})
        for name, own in profile.stages.items()
    }
    return profile.model_copy(update={"all": everywhere, "stages": stages})


def _on_local(profile: Profile) -> Profile:
    if "runner" in profile.all.beam:
        return profile
    beneath = {**local().all.beam, **profile.all.beam}
    return profile.model_copy(update={"all": profile.all.model_copy(update={"beam": beneath})})


def _check_whole(profile: Profile, name: str) -> None:
    """Asks Beam whether it would begin with what each stage has.

    Raises:
        UserError: It would not.
    """
    seen: list[dict[str, Any]] = [beam.options_of(local().all)]
    for stage in BEAM_STAGES:
        wanted = profile.of(stage)
        runner = beam.runner_of(wanted.beam)
        if wanted.parallelism is not None and runner not in beam.PARALLELISM:
            able = ", ".join(sorted(beam.PARALLELISM))
            raise UserError(f"--profile {name}: parallelism of {stage}: {runner} has no such setting; these do: {able}")
        options = beam.options_of(wanted)
        if options not in seen:
            seen.append(options)
            if (why := beam.contradiction(options)) is not None:
                raise UserError(f"--profile {name}: Beam cannot begin {stage} with these options: {why}")
