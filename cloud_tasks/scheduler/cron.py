"""`Cron`: which moments of a clock on the wall a schedule names."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time

from cloud_tasks.config.values import BadValueError
from cloud_tasks.scheduler.fields import FIELDS, read_days

_ANY = ("week", "day_of_week")
"""Fields that mean every value where nothing is said."""


class BadFieldError(ValueError):
    """A field cannot be used.

    Attributes:
        name: The field.
        cause: What is wrong with it.
    """

    def __init__(self, name: str, cause: BadValueError) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


class Cron:
    """The moments that all of its fields name.

    A field that is not given means every value if a shorter one is given, and otherwise its least one:
    `hour: 3` is 3:00:00 on every day. `week` and `day_of_week` mean every value then.

    Args:
        given: Texts of fields, by name; at least one.

    Attributes:
        names_hours: Whether it says at which hours, and not just every hour.

    Raises:
        BadFieldError: A text stands for nothing; the first of them.
        ValueError: No field is given.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        if not given:
            raise ValueError("no field is given")
        values = {name: _values(name, text) for name, text in _complete(given).items() if name != "day"}
        try:
            self._days = read_days(_complete(given)["day"])
        except BadValueError as error:
            raise BadFieldError("day", error) from None
        self._years, self._months = values["year"], values["month"]
        self._weeks, self._weekdays = frozenset(values["week"]), frozenset(values["day_of_week"])
        self._times: tuple[Sequence[int], ...] = (values["hour"], values["minute"], values["second"])
        self._any_week = len(self._weeks) == len(FIELDS["week"].every)
        self.names_hours = values["hour"] != FIELDS["hour"].every

    def first_from(self, wall: datetime) -> datetime | None:
        """The first moment that is not before `wall`; None if there is none any more.

        Args:
            wall: A moment without a time zone, in whole seconds.
        """
        first = wall.date()
        for day in self._days_from(first):
            floor = (wall.hour, wall.minute, wall.second) if day == first else (0, 0, 0)
            found = _least(self._times, floor)
            if found is not None:
                hour, minute, second = found
                return datetime.combine(day, time(hour, minute, second))
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in self._years[bisect_left(self._years, first.year) :]:
            for month in self._months:
                if (year, month) >= (first.year, first.month):
                    begin = first.day if (year, month) == (first.year, first.month) else 1
                    yield from self._days_of(year, month, begin)

    def _days_of(self, year: int, month: int, begin: int) -> Iterator[date]:
        weekday, length = monthrange(year, month)
        for number in range(begin, length + 1):
            on = (weekday + number - 1) % 7
            if on in self._weekdays and self._days.has(number, on, length):
                day = date(year, month, number)
                if self._any_week or day.isocalendar().week in self._weeks:
                    yield day


def _complete(given: Mapping[str, str]) -> Mapping[str, str]:
    """The text of every field."""
    shortest = max(list(FIELDS).index(name) for name in given)
    texts: dict[str, str] = {}
    for index, (name, field) in enumerate(FIELDS.items()):
        usual = "*" if index < shortest or name in _ANY else str(field.least)
        texts[name] = given.get(name, usual)
    return texts


def _values(name: str, text: str) -> tuple[int, ...]:
    try:
        return FIELDS[name].values(text)
    except BadValueError as error:
        raise BadFieldError(name, error) from None


def _least(columns: Sequence[Sequence[int]], floor: Sequence[int]) -> tuple[int, ...] | None:
    """The least choice of one value of each column that is not below `floor`; None if there is none."""
    if not columns:
        return ()
    column = columns[0]
    at = bisect_left(column, floor[0])
    if at < len(column) and column[at] == floor[0]:
        rest = _least(columns[1:], floor[1:])
        if rest is not None:
            return (floor[0], *rest)
        at += 1
    if at == len(column):
        return None
    return (column[at], *(later[0] for later in columns[1:]))
