"""A service that runs a task by the clock until it is told to stop."""

from __future__ import annotations

import datetime
import logging
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.background import BackgroundScheduler

from pipeline import notify, status
from pipeline.notify import Webhook
from pipeline.schedule.plan import Plan

# Seconds that a run is given to stop, so that it can be gone on with; training stops after a step, Beam after a bundle.
GRACE = 60
# Seconds: a nightly run may still begin in the morning, if the machine was off.
MISFIRE = 6 * 60 * 60
# What an exit code of `multihead run` says of a run that wrote no status.
_MEANINGS = {
    1: "it failed",
    2: "a mistake in the task or the command, or data that cannot be read",
    5: "another run held the folder",
}
_JOB = "run"


class Service:
    """Runs a command whenever it is due, one at a time, each in a process of its own: a crash ends the run alone.

    Args:
        plan: When it is due, and who is told.
        command: The program and its arguments.
        folder: The run's folder, where status.json is.
        say: Prints a line.
        grace: Seconds that a run is given to stop.
    """

    def __init__(
        self, plan: Plan, command: Sequence[str], folder: Path, say: Callable[[str], None], grace: float = GRACE
    ):
        self._task, self._cron, self._misfire = plan.task, plan.cron, plan.misfire
        self._webhook = Webhook.parse(plan.notify) if plan.notify else None
        self._command, self._folder, self._say, self._grace = command, folder, say, grace
        self._scheduler = BackgroundScheduler(timezone=plan.cron.zone)
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # What it warns of, a line of ours says.
        self._scheduler.add_listener(self._left_out, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        # A signal's handler may wait for nothing: an Event has a lock, which the thread that it interrupts may hold.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._is_stopping = False
        self._starting = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def serve(self, at_once: bool) -> None:
        """Runs until SIGTERM or SIGINT; then stops the run that is under way, or kills it after the grace time.

        Args:
            at_once: Whether the first run is due now.
        """
        self._scheduler.add_job(
            self._run,
            self._cron.trigger(),
            id=_JOB,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=self._misfire,
            next_run_time=self._first(at_once),
        )
        before = {number: signal.signal(number, self._told) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._scheduler.start()
            self._say_next()
            self._end_child(self._signals.get())
            self._scheduler.shutdown()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        self._say("stopped")

    def _first(self, at_once: bool) -> datetime.datetime | None:
        """Returns when the first run is due: in the past if it was so while no schedule ran."""
        now = datetime.datetime.now(self._cron.zone)
        if at_once:
            return now
        was_due = status.read(self._folder).get("next_run")
        return self._cron.next_time(min(now, datetime.datetime.fromisoformat(was_due)) if was_due else now)

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if self._is_stopping and (child := self._child):  # Told twice: someone is in a hurry.
            _kill(child)
        self._is_stopping = True
        self._signals.put(number)

    def _run(self) -> None:
        begun = status.now().replace(microsecond=0)
        # Of its own session, so that Ctrl-C reaches it once, through us; who tells the webhook is we, also of crashes.
        environment = {name: value for name, value in os.environ.items() if name != notify.ENVIRONMENT}
        with self._starting:
            if self._is_stopping:
                return
            self._say("run begins")
            self._child = child = subprocess.Popen(self._command, env=environment, start_new_session=True)
        code = child.wait()
        self._child = None
        outcome = self._outcome(child.pid, code, begun)
        self._say(f"run {outcome['state']}: {outcome['sentence']}")
        notify.tell(self._webhook, outcome, self._say)
        if not self._is_stopping:
            self._say_next()

    def _outcome(self, process: int, code: int, begun: datetime.datetime) -> dict[str, Any]:
        """Returns what became of a run, as status.json has it, which it corrects if the run could not."""
        found = status.read(self._folder)
        is_of_run = found.get("process") == process and datetime.datetime.fromisoformat(found["started"]) >= begun
        if is_of_run and found["state"] != "running":
            return found
        if code < 0:
            sentence = f"its process was ended by {signal.Signals(-code).name}; it goes on from what was finished"
        else:
            sentence = _MEANINGS.get(code, f"its process ended with exit code {code}") if code else "nothing new"
        if is_of_run:
            return status.correct(self._folder, found, "stopped" if self._is_stopping else "failed", sentence)
        state = "stopped" if self._is_stopping else "failed" if code else "done"
        return {"task": self._task, "state": state, "run_id": None, "sentence": sentence, "drift": []}

    def _left_out(self, event: JobEvent) -> None:
        if event.code == EVENT_JOB_MISSED:
            self._say(f"run left out: it was due at {event.scheduled_run_time:%Y-%m-%d %H:%M}, too long ago")
        else:
            self._say("run left out: the one before has not ended")
        self._say_next()

    def _say_next(self) -> None:
        due = self._scheduler.get_job(_JOB).next_run_time
        status.set_next_run(self._folder, self._task, due)
        self._say(f"next run at {due:%Y-%m-%d %H:%M %Z}")

    def _end_child(self, number: int) -> None:
        with self._starting:
            child = self._child
        if child is None:
            return
        self._say(f"stopping the run, which has {self._grace:g} s for it")
        child.send_signal(number)
        try:
            child.wait(self._grace)
        except subprocess.TimeoutExpired:
            self._say(f"the run did not stop within {self._grace:g} s and is killed; it goes on from what was finished")
            _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kills a run with all that it started."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
