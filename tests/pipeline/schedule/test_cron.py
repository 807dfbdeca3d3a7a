"""When runs are due: as cron reads it, not as APScheduler does."""

import datetime
import zoneinfo

import pytest

from pipeline.schedule.cron import Cron
from schema.errors import UserError

UTC = "UTC"


def due(text, start, count=4, zone=UTC):
    """The first times from a moment on, as the service would wait for them."""
    cron = Cron.parse(text, zone)
    now = datetime.datetime.fromisoformat(start).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    found = []
    for _ in range(count):
        now = cron.next_time(now)
        found.append(now)
        later = now.astimezone(datetime.timezone.utc) + datetime.timedelta(seconds=1)
        now = later.astimezone(cron.zone)
    return found


@pytest.mark.parametrize(
    ("weekday", "expected"),
    [
        ("0", "Sun"),
        ("7", "Sun"),
        ("1", "Mon"),
        ("SUN", "Sun"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("5-7", "Fri Sat Sun"),
        ("0-1", "Mon Sun"),
        ("sun-mon", "Mon Sun"),
        ("*/2", "Tue Thu Sat Sun"),
        ("1-5/2", "Mon Wed Fri"),
        ("0,7", "Sun"),
        ("mon,6", "Mon Sat"),
        ("*", "Mon Tue Wed Thu Fri Sat Sun"),
    ],
)
def test_days_of_the_week_are_numbered_as_in_cron(weekday, expected):
    # 2026-11-23 is a Monday.
    days = expected.split()
    assert [f"{time:%a}" for time in due(f"0 2 * * {weekday}", "2026-11-23", len(days))] == days
    [again, *_] = due(f"0 2 * * {weekday}", "2026-11-30", 1)
    assert f"{again:%a}" == days[0]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("0 2 * * *", "2026-11-25T02:00", ["2026-11-25 02:00", "2026-11-26 02:00"]),
        ("*/20 3-4 * * *", "2026-11-25T03:30", ["2026-11-25 03:40", "2026-11-25 04:00"]),
        ("5 0 1 jan,JUL *", "2026-11-25", ["2027-01-01 00:05", "2027-07-01 00:05"]),
        ("0 0 29 2 *", "2026-11-25", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 */31 * *", "2026-11-25", ["2026-12-01 00:00", "2027-01-01 00:00"]),  # A step beyond the last day.
        ("@daily", "2026-11-25", ["2026-11-25 00:00", "2026-11-26 00:00"]),
        ("@Weekly", "2026-11-25", ["2026-11-29 00:00", "2026-12-06 00:00"]),
        ("0 0 13 * 5", "2026-11-25", ["2026-11-27 00:00", "2026-12-04 00:00"]),  # Either makes a day,
        ("0 0 13 * 5", "2026-12-12", ["2026-12-13 00:00", "2026-12-18 00:00"]),  # as in cron(8).
    ],
)
def test_when_it_is_due(text, start, expected):
    assert [f"{time:%Y-%m-%d %H:%M}" for time in due(text, start, len(expected))] == expected


def test_the_clock_is_that_of_the_zone():
    winter, *_ = due("0 2 * * *", "2026-11-25T03:00", 1, "Europe/Berlin")
    assert winter.astimezone(datetime.timezone.utc).isoformat() == "2026-11-26T01:00:00+00:00"
    summer, *_ = due("0 2 * * *", "2026-07-01T03:00", 1, "Europe/Berlin")
    assert summer.astimezone(datetime.timezone.utc).isoformat() == "2026-07-02T00:00:00+00:00"


def test_an_hour_that_is_skipped_or_comes_twice_leaves_no_day_out():
    spring = due("30 2 * * *", "2026-03-28", 3, "Europe/Berlin")
    assert [f"{time:%d}" for time in spring] == ["28", "29", "30"]
    autumn = due("30 2 * * *", "2026-10-24", 4, "Europe/Berlin")
    assert {f"{time:%d}" for time in autumn} == {"24", "25", "26"}


def test_this_machines_zone(monkeypatch):
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "Asia/Tokyo")
    cron = Cron.parse("0 2 * * *", None)
    assert (cron.zone.key, cron.is_local) == ("Asia/Tokyo", True)
    assert not Cron.parse("0 2 * * *", "Asia/Tokyo").is_local


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 2 * *", "--cron: '0 2 * *' has 4 fields; give five, minute, hour, day of month, month, day of week, such"),
        ("@reboot", "has 1 fields"),
        ("60 2 * * *", "--cron: minute: '60' is none; allowed: 0 to 59"),
        ("0 24 * * *", "--cron: hour: '24' is none; allowed: 0 to 23"),
        ("0 2 0 * *", "--cron: day of month: '0' is none"),
        ("0 2 * 13 *", "--cron: month: '13' is none; allowed: 1 to 12, jan to dec"),
        ("0 2 * * 8", "--cron: day of week: '8' is none; allowed: 0 to 7, sun to sat"),
        ("0 2 * * monday", "--cron: day of week: 'monday' is none"),
        ("0 2 * * fri-mon", "a range goes upwards"),
        ("*/0 * * * *", "a step is 1 or more"),
        ("5/10 * * * *", "a step is of a range, such as 5-59/10"),
        ("*-5 * * * *", "--cron: minute: '*-5' is none; give *, a value"),
        ("1,,2 * * * *", "--cron: minute: '' is none"),
        ("² * * * *", "--cron: minute: '²' is none"),
        ("0 2 L * *", "--cron: day of month: 'L' is none"),
        ("0 2 30 2 *", "--cron: '0 2 30 2 *' is never: no such month has such a day"),
        ("0 2 */2 * 1", "programs disagree"),
        ("", "has 0 fields"),
    ],
)
def test_a_mistake_is_a_sentence(text, message):
    with pytest.raises(UserError) as error:
        Cron.parse(text, UTC)
    assert message in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("zone", "message"),
    [("Europe/Berln", "did you mean 'Europe/Berlin'?"), ("../etc", "give one such as")],
)
def test_a_wrong_zone(zone, message):
    with pytest.raises(UserError, match="--timezone: no such zone") as error:
        Cron.parse("0 2 * * *", zone)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("weekday", "expected"), [("7", "0"), ("*", "*"), ("5-7", "0,5,6"), ("mon", "1"), ("*/2", "0,2,4,6")]
)
def test_what_kubernetes_is_given_has_no_7(weekday, expected):
    assert Cron.parse(f"0  2 * * {weekday}", UTC).portable == f"0 2 * * {expected}"
