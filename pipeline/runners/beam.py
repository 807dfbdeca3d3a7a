"""The Beam pipelines of stages, each where its profile says, and the job servers that they need."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.profiles import beam, job_server
from pipeline.profiles.profile import Profile
from pipeline.runners import version
from pipeline.runners.flink_watch import watched
from schema.errors import UserError

# Where Flink looks for the folder of its settings.
_CONFIGURATION = "FLINK_CONF_DIR"
# Stages with these alike share a job server.
_OF_SERVER = ("flink_master", "flink_version", "flink_job_server_jar", "artifacts_dir")
MakePipeline = Callable[[], apache_beam.Pipeline]
PipelinesOf = Callable[[str], AbstractContextManager[MakePipeline]]


@contextmanager
def beam_pipelines(profile: Profile) -> Iterator[PipelinesOf]:
    """Yields what makes the Beam pipelines of a stage, by the stage's name, for as long as the stage lasts.

    Beam's FlinkRunner would start a job server for each pipeline, which lives until Python ends in an orderly way. Here
    one is started when the first stage needs it, and is gone in the end, whatever happens.

    Args:
        profile: Where the work is done.
    """
    with ExitStack() as servers:
        endpoints: dict[tuple[str, ...], str] = {}

        @contextmanager
        def of(stage: str) -> Iterator[MakePipeline]:
            own = profile.of(stage)
            options = beam.options_of(own)

            def make() -> apache_beam.Pipeline:
                given = {**options, **job_options(), **_for_pools(options)}
                if job_server.is_started(options):
                    key = tuple(str(options.get(name)) for name in _OF_SERVER)
                    if key not in endpoints:
                        endpoints[key] = servers.enter_context(_started(options, profile.flink))
                    given["job_endpoint"] = endpoints[key]
                return apache_beam.Pipeline(argv=beam.arguments(given))

            with watched(stage, options, own.patience) as job_options:
                yield make

        yield of


def _for_pools(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the option by which a pool of workers knows which version a job is of; none if there is no pool."""
    if options.get("environment_type") != "EXTERNAL":
        return {}
    given = options.get("experiments") or []
    return {"experiments": [*(given if isinstance(given, list) else [given]), version.experiment()]}


@contextmanager
def _started(options: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """Starts a job server; yields its address.

    Raises:
        UserError: It does not start.
    """
    from apache_beam.runners.portability.flink_runner import FlinkJarJobServer, FlinkRunner
    from apache_beam.utils.subprocess_server import pick_port

    [port] = pick_port(None)
    # As FlinkRunner.default_job_server does it.
    master = FlinkRunner.add_http_scheme(job_server.master(options))
    given = {**options, "flink_master": master, "job_port": port, "flink_job_server_jar": job_server.jar(options)}
    server = FlinkJarJobServer(PipelineOptions(beam.arguments(given)))
    with _configured(settings if job_server.is_embedded(options) else {}):
        try:
            server.start()
        except RuntimeError as error:
            raise UserError(f"Beam's job server for Flink does not start ({error}); the log has what it says") from None
        try:
            yield f"localhost:{port}"
        finally:
            server.stop()


@contextmanager
def _configured(settings: Mapping[str, Any]) -> Iterator[None]:
    """Lets a Flink that starts in here find its settings, unless the environment names others."""
    if not settings or _CONFIGURATION in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="multihead-flink-") as folder:
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}
        text = "".join(f"{name}: {value}\n" for name, value in texts.items())
        Path(folder, "flink-conf.yaml").write_text(text, encoding="utf-8")
        os.environ[_CONFIGURATION] = folder
        try:
            yield
        finally:
            del os.environ[_CONFIGURATION]
