"""The fields of a schedule: from a text to the values that it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cloud_tasks.config.values import BadValueError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_POSITIONS = ("1st", "2nd", "3rd", "4th", "5th", "last")
_PART = re.compile(r"(?:\*|(?P<first>[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?)(?:/(?P<step>[0-9]+))?", re.ASCII)
_DIGITS_MAX = 4


class Field(Struct, frozen=True):
    """One field.

    Attributes:
        name: What it is called.
        least: Its least value.
        most: Its greatest value.
        words: Words for its values, from the least one on.
    """

    name: str
    least: int
    most: int
    words: Sequence[str] = ()

    @property
    def every(self) -> tuple[int, ...]:
        """All of its values."""
        return tuple(range(self.least, self.most + 1))

    def values(self, text: str) -> tuple[int, ...]:
        """The values that a text stands for, in order.

        Raises:
            BadValueError: It stands for none.
        """
        found: set[int] = set()
        for part in parts_of(text):
            found.update(self._part(part))
        return tuple(sorted(found))

    def _part(self, part: str) -> range:
        match = _PART.fullmatch(part)
        if match is None:
            raise self.bad()
        first, last, step = match["first"], match["last"], match["step"]
        low = self.least if first is None else self._value(first)
        high = self.most if first is None or (last is None and step) else self._value(last or first)
        width = 1 if step is None else int(step[: _DIGITS_MAX + 1])
        if low > high or not 1 <= width <= max(1, self.most - self.least):
            raise self.bad()
        return range(low, high + 1, width)

    def _value(self, text: str) -> int:
        if text in self.words:
            return self.least + self.words.index(text)
        if text.isdecimal() and len(text) <= _DIGITS_MAX and self.least <= int(text) <= self.most:
            return int(text)
        raise self.bad()

    def bad(self) -> BadValueError:
        """What is to be said of a text that stands for nothing."""
        words = f", or {self.words[0]} to {self.words[-1]}" if self.words else ""
        return BadValueError(
            f"values from {self.least} to {self.most}{words}",
            "a  a-b  a-b/step  */step  *  with commas between",
        )


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("year", 1970, 2199),
        Field("month", 1, 12, MONTHS),
        Field("day", 1, 31),
        Field("week", 1, 53),
        Field("day_of_week", 0, 6, WEEKDAYS),
        Field("hour", 0, 23),
        Field("minute", 0, 59),
        Field("second", 0, 59),
    )
}
"""From the longest to the shortest. Monday is 0, and weeks are those of ISO 8601."""


class Days(Struct, frozen=True):
    """Days of a month.

    Attributes:
        numbers: By their number.
        last: Whether the last day is one of them.
        weekdays: By position and weekday: (0, 4) is the first Friday, (-1, 4) the last.
    """

    numbers: frozenset[int]
    last: bool = False
    weekdays: frozenset[tuple[int, int]] = frozenset()

    def has(self, day: int, weekday: int, days_in_month: int) -> bool:
        """Whether a day of a month of that length is one of them."""
        if day in self.numbers or (self.last and day == days_in_month):
            return True
        if not self.weekdays:
            return False
        is_last = day + len(WEEKDAYS) > days_in_month
        return ((day - 1) // len(WEEKDAYS), weekday) in self.weekdays or (
            is_last and (-1, weekday) in self.weekdays
        )


def read_days(text: str) -> Days:
    """Days of a month: numbers as in any field, `last`, `2nd tue`, `last fri`.

    Raises:
        BadValueError: It is none of these.
    """
    numbers: set[int] = set()
    weekdays: set[tuple[int, int]] = set()
    last = False
    for part in parts_of(text):
        position, *weekday = part.split()
        if position == "last" and not weekday:
            last = True
        elif position in _POSITIONS and len(weekday) == 1 and weekday[0] in WEEKDAYS:
            at = -1 if position == "last" else _POSITIONS.index(position)
            weekdays.add((at, WEEKDAYS.index(weekday[0])))
        else:
            try:
                numbers.update(FIELDS["day"].values(part))
            except BadValueError as error:
                raise BadValueError(
                    f"{error.expected}, `last`, `2nd tue` or `last fri`", *error.helps
                ) from None
    return Days(frozenset(numbers), last, frozenset(weekdays))


def parts_of(text: str) -> list[str]:
    """What stands between the commas; [""] where nothing does."""
    return [part.strip().lower() for part in text.split(",")]
