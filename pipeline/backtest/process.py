"""A step in a process of its own: TFX and TensorFlow keep some 200 MB of every run, and a crash ends one step alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.process import BaseProcess

from pipeline import verdicts
from pipeline.backtest import entries, worker
from pipeline.backtest.entries import Entry
from pipeline.backtest.worker import Job
from pipeline.quiet import leave, logging_to_stderr
from pipeline.report import document
from schema.errors import LeakFound

# Seconds that an interrupted step is given to stop; training stops after a step, Beam after a bundle.
_GRACE = 60
_START, _SAY, _DONE, _LEAK = "start", "say", "done", "leak"


def do(job: Job, start: Callable[[str], None], say: Callable[[str], None]) -> Entry:
    """Does a step as `worker.do` does, in a fresh process; that it is interrupted there, too, is seen to.

    Args:
        job: What is to be done.
        start: Is told what begins.
        say: Is told what people should read.

    Raises:
        LeakFound: The run has read what it was not to read.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not live through a fork.
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, there))
    process.start()
    there.close()
    told = {_START: start, _SAY: say}
    try:
        while True:
            kind, content = here.recv()
            if kind == _DONE:
                entry: Entry = content
                return entry
            if kind == _LEAK:
                raise LeakFound(content)
            told[kind](content)
    except EOFError:
        process.join()
        return _crashed(job, process.exitcode or 0)
    finally:
        _end(process)


def _work(job: Job, there: connection.Connection) -> None:
    """Is what the process runs."""
    os.setsid()  # Ctrl-C reaches it once, through its parent.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with logging_to_stderr():
        try:
            entry = worker.do(job, lambda what: there.send((_START, what)), lambda what: there.send((_SAY, what)))
        except LeakFound as leak:
            there.send((_LEAK, str(leak)))
        else:
            there.send((_DONE, entry))
    there.close()
    leave(0)


def _end_with_parent() -> None:
    """Ends this process with the one that holds the folder: there must be no second writer."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


def _end(process: BaseProcess) -> None:
    """Interrupts a process that still runs, and kills it if it does not stop."""
    if process.is_alive() and process.pid:
        process.join(1)  # It may have said all that it has to say.
    if process.is_alive() and process.pid:
        os.kill(process.pid, signal.SIGINT)
        process.join(_GRACE)
    if process.is_alive():
        process.kill()
        process.join()


def _crashed(job: Job, code: int) -> Entry:
    """Returns what is known of a step whose process has ended without a word."""
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    sentence = f"its process ended {how}; the log says what it was doing"
    file = verdicts.files_by_key(job.output).get(job.step.key) if job.step.key else None
    if job.entry:
        entry = job.entry
    elif file:
        entry = entries.of_report(job.step, document.read(file), file.parent, job.output)
    else:
        return worker.crashed(job, sentence, entries.of_error(job.step, RuntimeError(sentence), 0.0))
    return worker.crashed(job, sentence, entry)
