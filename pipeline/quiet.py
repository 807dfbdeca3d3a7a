"""Keeps what TFX, TensorFlow and Beam print out of the terminal: all of it goes to the run's log file."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from schema.errors import UserError

# Beam adds the step's name, and with tf.function errors whole graphs, to a message.
_WHILE_RUNNING = re.compile(r" \[while running .*", re.DOTALL)
_MAX_MESSAGE = 500  # Characters: the rest is in the log.
# What Beam's threads say of a job when the run is over. Without any handler, `logging.log` makes one for the terminal.
_LATE = logging.NullHandler()


@contextmanager
def output_to(log: Path) -> Iterator[Console]:
    """Sends file descriptors 1 and 2 to `log`, native libraries' output included; yields a console for the terminal.

    Args:
        log: Appended to; its folder is made.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal, errors = os.dup(1), os.dup(2)
    # TensorFlow reads its level when it is first imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    try:
        with (
            log.open("ab", buffering=0) as file,
            # A file's name need not be UTF-8, and the terminal may know less than that.
            os.fdopen(os.dup(terminal), "w", errors="backslashreplace") as screen,
        ):
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            with logging_to_stderr():  # Hence to the file.
                yield Console(file=screen, highlight=False)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(terminal, 1)
        os.dup2(errors, 2)
        os.close(terminal)
        os.close(errors)


@contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Logs what libraries have to say: absl and TFX log through the root logger."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(name)s %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger("apache_beam.typehints").setLevel(logging.ERROR)  # Thousands of lines, no news.
    try:
        yield
    finally:
        logging.getLogger().addHandler(_LATE)
        logging.getLogger().removeHandler(handler)


def leave(code: int) -> NoReturn:
    """Ends this process, at once if TensorFlow is there.

    TensorFlow and ML Metadata may print, or even crash ("pure virtual method called"), while the interpreter shuts
    down, when everything is written and the exit code is known.
    """
    if "tensorflow" not in sys.modules:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def root_cause(error: BaseException) -> BaseException:
    """Returns the exception that started it: Beam and TFX wrap what a stage raised."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def message(error: BaseException) -> str:
    """Returns the meaningful part of an error: a user's error as it reads, any other with its type, shortened."""
    text = _WHILE_RUNNING.sub("", str(error)).strip()
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text[:_MAX_MESSAGE]}" if text else type(error).__name__
