"""Beam's job server for Flink: which jar it is, and whether this machine can run it.

Beam starts a jar of its own, which it fetches from Maven Central. Where that cannot be had, `make flink-jar` makes one.
"""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.profiles import beam
from pipeline.profiles.profile import BEAM_STAGES, Profile
from schema.errors import UserError

# Made by `make flink-jar`.
MADE = Path(__file__).parents[2] / ".tools" / "flink" / "job-server.jar"
# Flink masters that mean this machine, as apache_beam.runners.portability.flink_runner has them.
EMBEDDED = ("[local]", "[auto]")
_JAR = "flink_job_server_jar"
_SECONDS = 20


def is_started(options: Mapping[str, Any]) -> bool:
    """Returns whether a job server for Flink is started on this machine."""
    if beam.runner_of(options) != "FlinkRunner" or options.get("job_endpoint"):
        return False
    return is_embedded(options) or not options.get("flink_submit_uber_jar")


def master(options: Mapping[str, Any]) -> str:
    """Returns the address of Flink, or one of EMBEDDED."""
    return str(options.get("flink_master", EMBEDDED[-1])).strip()


def is_embedded(options: Mapping[str, Any]) -> bool:
    """Returns whether Flink itself runs inside the job server."""
    return master(options) in EMBEDDED


def check(profile: Profile) -> None:
    """Looks whether every job server that a profile needs here can be started.

    Raises:
        UserError: There is no Java or no jar.
    """
    needed = [options for stage in BEAM_STAGES if is_started(options := beam.options_of(profile.of(stage)))]
    for launcher in {str(options.get("job_server_java_launcher", "java")) for options in needed}:
        if shutil.which(launcher) is None:
            raise UserError(
                f"Beam's job server for Flink needs Java, and there is no '{launcher}'; install Java 11 or 17 (Debian:"
                " openjdk-17-jre-headless), or name one by --beam-option job_server_java_launcher=PATH"
            )
    for options in needed:
        _check_jar(options)


def jar(options: Mapping[str, Any]) -> str | None:
    """Returns the jar that is started; None for Beam's own, which Beam finds itself."""
    given = options.get(_JAR)
    return str(given) if given else str(MADE) if MADE.is_file() else None


def beams_own(options: Mapping[str, Any]) -> str:
    """Returns where Beam gets its own jar from."""
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.flink_runner import FlinkJarJobServer

    own = {name: value for name, value in options.items() if name != _JAR}
    url: str = FlinkJarJobServer(PipelineOptions(beam.arguments(own))).path_to_jar()
    return url


def can_be_had(url: str) -> bool:
    """Returns whether Beam has a jar already, or would find it at its address."""
    from apache_beam.utils.subprocess_server import JavaJarServer

    if Path(url).exists() or Path(JavaJarServer.JAR_CACHE, url.rpartition("/")[2]).exists():
        return True
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310, it is Beam's own address.
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
            return True
    except OSError:
        return False


def _check_jar(options: Mapping[str, Any]) -> None:
    found = jar(options)
    if found and "://" not in found and not Path(found).is_file():
        raise UserError(f"--beam-option {_JAR}={found}: no such file")
    if found is None and not can_be_had(url := beams_own(options)):
        raise UserError(
            f"Beam's job server for Flink cannot be had from {url}; make one by `make flink-jar`, or name one by"
            f" --beam-option {_JAR}=FILE"
        )
