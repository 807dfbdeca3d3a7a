"""The recurring run of a task: there once, as it was asked for last, and at no time twice."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.runners.kubeflow import recurring
from pipeline.runners.kubeflow.recurring import apply, delete, describe, find, six_fields, switch
from pipeline.schedule.cron import Cron
from schema.errors import ServerUnavailable, UserError

NIGHTLY = Cron.parse("0 2 * * *", "UTC")
NOON = Cron.parse("0 12 * * *", "UTC")
AWAY = (503, "application/json", '{"message": "away"}')


class TestCron:
    @pytest.mark.parametrize(
        ("five", "six"),
        [
            ("0 2 * * *", "0 0 2 * * *"),
            ("*/15 0-6 1,15 * *", "0 */15 0-6 1,15 * *"),
            ("0 2 * * mon-fri", "0 0 2 * * 1,2,3,4,5"),
            ("0 2 * * 7", "0 0 2 * * 0"),
            ("0 2 * jan,JUL 5-7", "0 0 2 * jan,JUL 0,5,6"),
            ("@daily", "0 0 0 * * *"),
            ("@Weekly", "0 0 0 * * 0"),
            ("@hourly", "0 0 * * * *"),
        ],
    )
    def test_seconds_come_first(self, five, six):
        assert six_fields(Cron.parse(five, "UTC")) == six

    def test_five_fields_would_mean_something_else(self, fake):
        wrong, right = fake.Robfig("0 2 * * *"), fake.Robfig(six_fields(NIGHTLY))
        at = datetime.datetime(2026, 1, 1, 7, 2, 0)
        assert wrong.is_due(at)  # Hourly, at minute 2.
        assert not right.is_due(at)
        assert right.is_due(datetime.datetime(2026, 1, 1, 2, 0, 0))

    @staticmethod
    def field(least, greatest, names=()):
        value = st.integers(least, greatest)
        shown = value.map(str)
        if names:
            shown |= st.sampled_from([*names, *(name.upper() for name in names)])
        span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
        step = st.integers(1, greatest)
        parts = shown | span | st.builds("{}/{}".format, span, step)
        return st.just("*") | st.builds("*/{}".format, step) | st.lists(parts, min_size=1, max_size=3).map(",".join)

    @settings(max_examples=50)
    @given(data=st.data())
    def test_kfp_begins_runs_when_cron_does(self, data, fake):
        names = fake.Robfig.NAMES
        bounds = ((0, 59), (0, 23), (1, 31), (1, 12, names[4][1:]), (0, 7, names[5]))
        text = " ".join(data.draw(self.field(*bound)) for bound in bounds)
        try:
            cron = Cron.parse(text, "UTC")
        except UserError:  # Never due, or read in two ways.
            return
        there = fake.Robfig(six_fields(cron))
        begun = data.draw(st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2027, 1, 1)))
        due = cron.next_time(begun.replace(tzinfo=datetime.timezone.utc)).replace(tzinfo=None)
        assert there.is_due(due)
        for time in (
            due - datetime.timedelta(minutes=1),
            due.replace(second=30),
            begun.replace(second=0, microsecond=0),
        ):
            here = cron.next_time(time.replace(tzinfo=datetime.timezone.utc)).replace(tzinfo=None) == time
            assert there.is_due(time) == here


class TestApplying:
    def test_the_first_time(self, client, kfp, order):
        wanted = order(root="s3://b/f", serving="/models")
        done = apply(client, "flights", NIGHTLY, wanted, None)
        assert (done.change, done.is_enabled) == ("created", True)
        [made] = kfp.recurring.values()
        assert made.recurring_run_id == done.recurring_id
        assert (made.display_name, made.status) == ("flights", "ENABLED")
        assert made.trigger.cron_schedule.cron == "0 0 2 * * *"
        assert (made.max_concurrency, made.no_catchup) == ("1", True)
        # A fixed version: what was asked for runs until the command is given again.
        assert made.pipeline_version_reference.pipeline_version_id == wanted.version.version_id
        assert made.runtime_config.parameters == {"serving": "/models"}
        assert made.runtime_config.pipeline_root == "s3://b/f"

    def test_nothing_changed(self, client, kfp, order):
        first = apply(client, "flights", NIGHTLY, order(), None)
        begun = len(kfp.requests)
        again = apply(client, "flights", NIGHTLY, order(), None)
        assert (again.recurring_id, again.change) == (first.recurring_id, "unchanged")
        assert {request[0] for request in kfp.requests[begun:]} == {"GET"}

    @pytest.mark.parametrize("what", ["cron", "parameters", "root", "version", "by hand"])
    def test_a_change_is_another_in_its_place(self, client, kfp, order, what, tiny_text):
        first = apply(client, "flights", NIGHTLY, order(), None)
        cron = NOON if what == "cron" else NIGHTLY
        other = {
            "parameters": {"no_baseline": "why"},
            "root": {"root": "s3://elsewhere"},
            "version": {"text": tiny_text.replace("c0de", "changed")},
        }
        if what == "by hand":
            kfp.recurring[first.recurring_id].no_catchup = False
        done = apply(client, "flights", cron, order(**other.get(what, {})), None)
        assert done.change == "changed"
        assert done.recurring_id != first.recurring_id
        assert [found.recurring_run_id for found in kfp.enabled()] == [done.recurring_id]
        assert len(kfp.recurring) == 1

    def test_it_stays_disabled_unless_told_otherwise(self, client, kfp, order):
        apply(client, "flights", NIGHTLY, order(), False)
        assert not kfp.enabled()
        assert not apply(client, "flights", NOON, order(), None).is_enabled
        assert not kfp.enabled()
        done = apply(client, "flights", NOON, order(), True)
        assert (done.change, done.is_enabled) == ("enabled", True)
        assert apply(client, "flights", NOON, order(), False).change == "disabled"

    def test_those_of_other_names_are_let_alone(self, client, kfp, order):
        other = apply(client, "census", NIGHTLY, order(), False)
        apply(client, "flights", NIGHTLY, order(), None)
        delete(client, "flights")
        assert list(kfp.recurring) == [other.recurring_id]

    def test_a_namespace(self, kfp, endpoint, tiny_text):
        from pipeline.runners.kubeflow.client import Client
        from pipeline.runners.kubeflow.publish import experiment, publish
        from pipeline.runners.kubeflow.server import Server
        from pipeline.runners.kubeflow.submit import Order

        kfp.multi_user = True
        client = Client(Server.parse(endpoint, "team-a"))
        wanted = Order(publish(client, "flights", tiny_text), {}, "", experiment(client, "flights"))
        apply(client, "flights", NIGHTLY, wanted, None)
        assert [made.namespace for made in kfp.recurring.values()] == ["team-a"]
        assert apply(client, "flights", NIGHTLY, wanted, None).change == "unchanged"


class TestBreakingOff:
    """Whatever fails, one is enabled afterwards, the old or the new one, and the command can be given again."""

    @pytest.mark.parametrize(
        ("method", "path", "goes_on"),
        [
            ("POST", ".*/recurringruns", False),
            ("POST", ".*:disable", False),
            ("POST", ".*:enable", False),
            ("DELETE", ".*/recurringruns/.*", True),
        ],
    )
    def test_a_failure(self, client, kfp, order, method, path, goes_on):
        old = apply(client, "flights", NIGHTLY, order(), None)
        kfp.overrides = {(method, path): [AWAY, None]}
        with pytest.raises(ServerUnavailable):
            apply(client, "flights", NOON, order(), None)
        [enabled] = kfp.enabled()
        assert (enabled.recurring_run_id == old.recurring_id) != goes_on
        kfp.overrides = {}
        done = apply(client, "flights", NOON, order(), None)
        assert done.change == "changed"
        assert list(kfp.recurring) == [done.recurring_id]
        assert [found.recurring_run_id for found in kfp.enabled()] == [done.recurring_id]

    def test_ctrl_c(self, client, kfp, order, monkeypatch):
        old = apply(client, "flights", NIGHTLY, order(), None)
        switched = recurring._switch

        def interrupted(client, recurring_id, enable):
            if enable and recurring_id != old.recurring_id:
                raise KeyboardInterrupt
            switched(client, recurring_id, enable)

        monkeypatch.setattr(recurring, "_switch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            apply(client, "flights", NOON, order(), None)
        assert list(kfp.recurring) == [old.recurring_id]
        assert kfp.enabled()

    def test_left_overs_of_a_kill_are_cleared_away(self, client, kfp, order):
        apply(client, "flights", NIGHTLY, order(), None)
        made = recurring._create(client, "flights", NOON, order())
        done = apply(client, "flights", NOON, order(), None)
        assert (done.recurring_id, done.is_enabled) == (made, True)
        assert list(kfp.recurring) == [made]


class TestSwitching:
    def test_off_and_on(self, client, kfp, order):
        apply(client, "flights", NIGHTLY, order(), None)
        assert switch(client, "flights", False).change == "disabled"
        assert switch(client, "flights", False).change == "unchanged"
        assert not kfp.enabled()
        assert switch(client, "flights", True).change == "enabled"
        assert len(kfp.enabled()) == 1

    def test_deleting(self, client, kfp, order):
        apply(client, "flights", NIGHTLY, order(), None)
        assert delete(client, "flights") == 1
        assert not kfp.recurring

    @pytest.mark.parametrize("what", [delete, lambda *given: switch(*given, True)])
    def test_there_is_none(self, client, what):
        with pytest.raises(UserError, match="has no recurring run 'flights'; create it by --cron"):
            what(client, "flights")

    def test_a_line_about_it(self, client, kfp, order):
        done = apply(client, "flights", NIGHTLY, order(), None)
        [found] = find(client, "flights")
        line = describe(client, found)
        assert line.startswith('flights: enabled, "0 2 * * *", version ')
        assert line.endswith(f"/#/recurringrun/details/{done.recurring_id}")
