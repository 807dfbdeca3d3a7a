"""When runs are due: the five fields of cron, read as cron reads them, and a time zone."""

from __future__ import annotations

import dataclasses
import datetime
import re
import zoneinfo
from typing import TYPE_CHECKING

import tzlocal

from schema.errors import UserError
from schema.problems import nearest

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# In cron Sunday is 0, and 7; in APScheduler 3 Monday is 0 (apscheduler#286).
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")


@dataclasses.dataclass(frozen=True)
class _Field:
    """A field of a cron expression: its bounds, both included, and names for the values from the least on."""

    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """Returns the values that a field's text stands for.

        Raises:
            UserError: It is none.
        """
        return {value for part in text.split(",") for value in self._part(part)}

    def _part(self, part: str) -> range:
        found = _PART.fullmatch(part)
        if not found or (found["first"] == "*" and found["last"]):
            raise self._wrong(part, "give *, a value, a range such as 1-5, a step such as */2, or a list of them")
        if found["first"] == "*":
            first, last = self.least, self.greatest - (self.name == "day of week")  # Sunday once.
        else:
            first = self._value(found["first"], part)
            last = self._value(found["last"], part) if found["last"] else first
            if found["step"] and not found["last"]:
                raise self._wrong(part, f"a step is of a range, such as {part.replace('/', f'-{self.greatest}/')}")
        step = int(found["step"] or 1)
        if last < first or step < 1:
            raise self._wrong(part, "it is empty; a range goes upwards, and a step is 1 or more")
        return range(first, last + 1, step)

    def _value(self, text: str, part: str) -> int:
        if text.lower() in self.names:
            return self.least + self.names.index(text.lower())
        if not text.isascii() or not text.isdecimal() or not self.least <= int(text) <= self.greatest:
            named = f", {self.names[0]} to {self.names[-1]}" if self.names else ""
            raise self._wrong(part, f"allowed: {self.least} to {self.greatest}{named}")
        return int(text)

    def _wrong(self, part: str, mend: str) -> UserError:
        return UserError(f"--cron: {self.name}: '{part}' is none; {mend}")


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)
# As cron(8) has them, but @reboot.
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EXAMPLE = 'such as "0 2 * * *", at two every night'


@dataclasses.dataclass(frozen=True)
class Cron:
    """A cron expression and the zone whose clock it goes by.

    Attributes:
        text: Its five fields, as given, one space between them.
        zone: The time zone.
        is_local: Whether it is this machine's because none was given.
    """

    text: str
    zone: zoneinfo.ZoneInfo
    is_local: bool

    @classmethod
    def parse(cls, text: str, zone: str | None) -> Cron:
        """Reads --cron and --timezone.

        Args:
            text: Minute, hour, day of month, month, day of week, or a nickname such as @daily.
            zone: An IANA name such as Europe/Berlin; this machine's zone if None.

        Raises:
            UserError: One of them is none, or no day is ever meant.
        """
        fields = _NICKNAMES.get(text.strip().lower(), text).split()
        if len(fields) != len(_FIELDS):
            names = ", ".join(field.name for field in _FIELDS)
            raise UserError(f"--cron: '{text}' has {len(fields)} fields; give five, {names}, {_EXAMPLE}")
        for field, given in zip(_FIELDS, fields, strict=True):
            field.values(given)
        _, _, day, _, weekday = fields
        if "*" not in (day, weekday) and "*" in day + weekday:
            raise UserError(
                f"--cron: day of month '{day}' and day of week '{weekday}': programs disagree whether both or either "
                "must hold; write * for one of them, or both without *, which means either"
            )
        cron = cls(" ".join(fields), _zone(zone), is_local=zone is None)
        if cron.next_time(datetime.datetime.now(cron.zone)) is None:
            raise UserError(f"--cron: '{text}' is never: no such month has such a day")
        return cron

    @property
    def portable(self) -> str:
        """The expression for programs that know neither 7 nor a name for Sunday, as Kubernetes' does not know 7."""
        *others, weekday = self.text.split()
        return " ".join([*others, weekday if weekday == "*" else ",".join(map(str, self._weekdays()))])

    def trigger(self) -> BaseTrigger:
        """Returns what APScheduler calls it. If days of month and of week are given, either makes a day."""
        from apscheduler.triggers.combining import OrTrigger
        from apscheduler.triggers.cron import CronTrigger

        *_, day, _, weekday = self.text.split()
        # Values one by one: APScheduler refuses steps beyond a range, and knows no list of months that has names.
        minutes, hours, days_of_month, months, _ = (
            given if given == "*" else ",".join(map(str, sorted(field.values(given))))
            for field, given in zip(_FIELDS, self.text.split(), strict=True)
        )
        names = "*" if weekday == "*" else ",".join(_WEEKDAYS[number] for number in self._weekdays())
        either = "*" not in (day, weekday)
        days = [(days_of_month, "*"), ("*", names)] if either else [(days_of_month, names)]
        triggers = [
            CronTrigger(
                month=months,
                day=of_month,
                day_of_week=of_week,
                hour=hours,
                minute=minutes,
                second=0,
                timezone=self.zone,
            )
            for of_month, of_week in days
        ]
        return triggers[0] if len(triggers) == 1 else OrTrigger(triggers)

    def next_time(self, after: datetime.datetime) -> datetime.datetime | None:
        """Returns the first time at or after one; None if there is none."""
        due: datetime.datetime | None = self.trigger().get_next_fire_time(None, after)
        return due

    def _weekdays(self) -> list[int]:
        return sorted({number % 7 for number in _FIELDS[4].values(self.text.split()[4])})


def _zone(name: str | None) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name or tzlocal.get_localzone_name())
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if name is None:
            raise UserError("--timezone: this machine's is not known; give one such as Europe/Berlin") from None
        near = nearest(name, zoneinfo.available_timezones())
        hint = f"; did you mean '{near}'?" if near else "; give one such as Europe/Berlin or UTC"
        raise UserError(f"--timezone: no such zone '{name}'{hint}") from None
