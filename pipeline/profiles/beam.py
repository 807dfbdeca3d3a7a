"""Options for Beam: plain data in a profile, checked against Beam's own classes, and arguments as Beam reads them.

Beam is imported to check options, and only then.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, NoReturn

from pipeline.profiles.profile import Stage
from schema.problems import nearest

Options = Mapping[str, Any]

# How each runner names what a profile calls parallelism.
PARALLELISM = {
    "DataflowRunner": "max_num_workers",
    "DirectRunner": "direct_num_workers",
    "FlinkRunner": "parallelism",
    "FnApiRunner": "direct_num_workers",
    "PortableRunner": "parallelism",
}
# What Dataflow cannot do without; the image is one with our code in it.
_OF_DATAFLOW = ("project", "region", "temp_location", "sdk_container_image")
# Options of Flink's job server, FlinkPipelineOptions.java of Beam 2.62, that Beam's Python hands on without a class.
_OF_FLINK: Mapping[str, type] = {
    "attached_mode": bool,
    "auto_watermark_interval": int,
    "checkpoint_timeout_millis": int,
    "checkpointing_interval": int,
    "checkpointing_mode": str,
    "disable_metrics": bool,
    "execution_mode_for_batch": str,
    "execution_retry_delay": int,
    "faster_copy": bool,
    "file_input_split_max_size_mb": int,
    "finish_bundle_before_checkpointing": bool,
    "flink_conf_dir": str,
    "job_check_interval_in_secs": int,
    "latency_tracking_interval": int,
    "max_bundle_size": int,
    "max_bundle_time_mills": int,
    "number_of_execution_retries": int,
    "object_reuse": bool,
    "operator_chaining": bool,
    "re_iterable_group_by_key_result": bool,
    "state_backend": str,
    "state_backend_storage_path": str,
}


def parse(given: Iterable[str]) -> dict[str, Any]:
    """Returns options from `NAME=VALUE`, or `NAME` alone for a flag; one that is given again becomes a list.

    Args:
        given: Of `--beam-option`; two dashes in front are welcome, and not needed.
    """
    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.removeprefix("--").partition("=")
        content: Any = value if equals else True
        known = options.get(name)
        options[name] = content if known is None else [*(known if isinstance(known, list) else [known]), content]
    return options


def options_of(stage: Stage) -> dict[str, Any]:
    """Returns all options of a stage, its parallelism among them, as its runner has it."""
    name = PARALLELISM.get(runner_of(stage.beam))
    if stage.parallelism is None or name is None:
        return dict(stage.beam)
    several: dict[str, Any] = {}
    if name == "direct_num_workers" and stage.parallelism > 1:
        several = {"direct_running_mode": "multi_processing"}  # In memory all is done by one thread.
    return {name: stage.parallelism, **stage.beam, **several}


def runner_of(options: Options) -> str:
    """Returns the name of the runner's class; Beam takes it without its package, and without `Runner`."""
    name = str(options.get("runner", "")).rpartition(".")[2]
    return name if name.endswith("Runner") else f"{name}Runner"


def arguments(options: Options) -> list[str]:
    """Returns options as Beam's command line has them; null and false are left out."""
    return [argument for name, value in options.items() for argument in _arguments(name, value)]


def _arguments(name: str, value: Any) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [f"--{name}"]
    if isinstance(value, list):
        return [argument for one in value for argument in _arguments(name, one)]
    return [f"--{name}={json.dumps(value) if isinstance(value, dict) else value}"]


def mistake(name: str, value: Any) -> str | None:
    """Returns what is wrong with an option, the end of a sentence; None if Beam takes it."""
    parser = _parser()
    if f"--{name}" not in parser._option_string_actions:
        known = (option.removeprefix("--") for option in parser._option_string_actions)
        near = nearest(name, known)
        return "Beam has no such option" + (f"; did you mean '{near}'?" if near else "")
    try:
        parser.parse_args(_arguments(name, value))
    except ValueError as error:
        return f"got {value!r}: {error}"
    return None


def contradiction(options: Options) -> str | None:
    """Returns why Beam would not begin with these options, which are right one by one; None if it would.

    Beam asks the classes of its options, and looks for the runner. Of Dataflow's it would ask Google, with credentials
    that need not be here: there only what must be given is looked for.
    """
    if runner_of(options) == "DataflowRunner":
        missing = [name for name in _OF_DATAFLOW if not options.get(name)]
        return f"missing: {', '.join(missing)}" if missing else None
    with _quietly():
        import apache_beam as beam

        try:
            beam.Pipeline(argv=arguments(options))
        except (ValueError, ImportError, AttributeError) as error:
            return " ".join(str(error).split())
    return None


class _Parser(argparse.ArgumentParser):
    """Reads options as Beam's own parser does, and raises in place of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print."""
        raise ValueError(message.removeprefix("argument ").partition(": ")[2] or message)

    def add_value_provider_argument(self, *names: str, **given: Any) -> None:
        """Adds an option of which Beam can learn the value later."""
        self.add_argument(*names, **given)


@cache
def _parser() -> _Parser:
    with _quietly():
        from apache_beam.options.pipeline_options import PipelineOptions
    parser = _Parser(add_help=False, allow_abbrev=False)
    # As PipelineOptions.get_all_options does it.
    for options in {str(found): found for found in PipelineOptions.__subclasses__()}.values():
        options._add_argparse_args(parser)
    for name, kind in _OF_FLINK.items():
        if f"--{name}" not in parser._option_string_actions:
            action: dict[str, Any] = {"action": "store_true"} if kind is bool else {"type": kind}
            parser.add_argument(f"--{name}", **action)
    return parser


@contextmanager
def _quietly() -> Iterator[None]:
    """Keeps what Beam imports from advising people who cannot follow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
