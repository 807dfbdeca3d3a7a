"""Entry point of containers: the stage's result or one sentence, and the exit code of a local run."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from pipeline.quiet import leave, message, root_cause
from schema.errors import UserError

# Kubernetes takes what stands there for the message of a container's end, 4096 bytes of it, and Argo for the node's.
_TERMINATION_LOG = Path("/dev/termination-log")
_LONGEST_MESSAGE = 1000  # Characters.


def main() -> None:
    """Runs the stage and leaves.

    What is printed goes to the pod's log, and by KFP's launcher into the artifact `executor-logs`.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s %(message)s")
    logging.getLogger("apache_beam.typehints").setLevel(logging.ERROR)  # Thousands of lines, no news.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow reads it when it is first imported.
    code = 0
    try:
        from pipeline.runners.step.run import run

        run(sys.argv[1:])
    except Exception as error:
        cause = root_cause(error)
        if not isinstance(cause, UserError):
            logging.exception("the step failed")
        code = cause.exit_code if isinstance(cause, UserError) else 1
        # The last line, on one line: the user interface shows the end of a log.
        said = " ".join(message(cause).split())
        sys.stderr.write(f"multihead: {said} (exit code {code})\n")
        _tell_kubernetes(f"multihead: {said[:_LONGEST_MESSAGE]} (exit code {code})")
    leave(code)


def _tell_kubernetes(sentence: str) -> None:
    """Says it where the launcher, which ends with 1 whatever we end with, cannot lose it."""
    if _TERMINATION_LOG.exists():  # Only in a pod.
        with suppress(OSError):
            _TERMINATION_LOG.write_text(sentence, encoding="utf-8")


if __name__ == "__main__":
    main()
