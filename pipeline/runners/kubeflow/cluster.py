"""`multihead submit` and `schedule --endpoint`: from options to what runs on a server, and what is said of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.profiles.profile import Profile
from pipeline.progress import Progress
from pipeline.runners.kubeflow import recurring
from pipeline.runners.kubeflow.client import Client
from pipeline.runners.kubeflow.command import compiled_quietly, remarks
from pipeline.runners.kubeflow.follow import Ended, follow
from pipeline.runners.kubeflow.names import pipeline_name
from pipeline.runners.kubeflow.publish import experiment, publish
from pipeline.runners.kubeflow.submit import Order, begin, parameters
from pipeline.schedule.cron import Cron
from schema.contract import Contract
from schema.errors import UserError

Say = Callable[[str], None]

_CLOCK = (
    "by the clock of the server: UTC unless CRON_SCHEDULE_TIMEZONE of its ml-pipeline-scheduledworkflow says another"
)
_DONE = {
    "created": "created",
    "changed": "replaced by one as asked for now",
    "enabled": "is as it was, and enabled now",
    "disabled": "is as it was, and disabled now",
    "unchanged": "nothing changed",
}


@dataclasses.dataclass(frozen=True)
class Work:
    """What is to run, as options say it.

    Attributes:
        contract: The task.
        options: Of `compile.Request`, all but the profile.
        profile: Where Beam's work is done, and what containers get.
        fresh: Run every stage.
        no_baseline: Why not to compare with the last blessed model.
    """

    contract: Contract
    options: Mapping[str, Any]
    profile: Profile
    fresh: bool = False
    no_baseline: str | None = None

    @property
    def name(self) -> str:
        """Name of the pipeline, of its experiment, and of its recurring run."""
        return pipeline_name(self.contract.task.task)

    def check(self) -> None:
        """Looks at what need not be compiled to be wrong.

        Raises:
            UserError: An option that runs need was not given.
        """
        if not self.options["image"]:
            raise UserError("--image: name the image that `make image` made, best by its digest")

    def order(self, client: Client, say: Say) -> tuple[Order, frozenset[str]]:
        """Compiles and uploads the pipeline; returns what runs, and its stages.

        Raises:
            UserError: The pipeline cannot be, or the server does not take it.
        """
        compiled = compiled_quietly(self.contract, self.options, self.profile)
        for line in remarks(self.options, compiled, self.profile):
            say(line)
        # KFP puts no run's id into recurring runs of a fixed version, and ingestion is never reused in them anyway.
        comes_again = not self.options["looks"]
        values = parameters(compiled.spec, compiled.knows_data or comes_again, self.fresh, self.no_baseline)
        version = publish(client, self.name, compiled.to_yaml())
        say(f"version {version.name}: {'uploaded' if version.is_new else 'is there already'}")
        order = Order(version, values, self.options["root"], experiment(client, self.name))
        return order, frozenset(compiled.spec["root"]["dag"]["tasks"])


def submit(client: Client, work: Work, say: Say, progress: Progress | None) -> Ended:
    """Begins a run, or finds it under way, and follows it if there is a terminal for that.

    Args:
        client: Of the server.
        work: What runs.
        say: Is told what is done.
        progress: Where stages are shown; None if nobody waits for them.

    Raises:
        UserError: It cannot begin, or the server does not tell how it goes on.
    """
    order, stages = work.order(client, say)
    run_id, is_new = begin(client, work.contract.task.task, order)
    page = client.server.run_page(run_id)
    say(f"run {run_id}: {'begun' if is_new else 'the very same is under way, and none was begun'}")
    say(f"see {page}")
    if progress is None:
        return Ended(0)
    try:
        return follow(client, run_id, stages, progress)
    except KeyboardInterrupt:
        why = "interrupted"
    except UserError as error:
        why = str(error)
    rest = f"the run goes on: the same command follows it again, {page} shows and ends it"
    return Ended(1, (f"{why}; {rest}",))


def schedule(client: Client, work: Work, cron: Cron, enable: bool | None, say: Say) -> None:
    """Creates the task's recurring run, or makes it what it is to be.

    Raises:
        UserError: It cannot be.
    """
    order, _ = work.order(client, say)
    done = recurring.apply(client, work.name, cron, order, enable)
    _tell(client, work.name, done, say)
    if done.is_enabled:
        say(f'runs are due at "{cron.text}", {_CLOCK}')
    else:
        say("disabled: no run begins until --enable")


def switch(client: Client, name: str, enable: bool, say: Say) -> None:
    """Lets a recurring run begin runs, or lets it be.

    Raises:
        UserError: There is none.
    """
    _tell(client, name, recurring.switch(client, name, enable), say)


def delete(client: Client, name: str, say: Say) -> None:
    """Deletes a recurring run.

    Raises:
        UserError: There is none.
    """
    recurring.delete(client, name)
    say(f"recurring run {name}: deleted; runs that have begun go on")


def show(client: Client, name: str, say: Say) -> None:
    """Says what recurring runs there are."""
    known = recurring.find(client, name)
    for found in known:
        say(recurring.describe(client, found))
    say(f"due {_CLOCK}" if known else f"recurring run {name}: there is none")


def _tell(client: Client, name: str, done: recurring.Applied, say: Say) -> None:
    say(f"recurring run {name}: {_DONE[done.change]}")
    say(f"see {client.server.recurring_page(done.recurring_id)}")
