"""`Timetable`: the instants of a schedule in a time zone, over changes of its clocks.

A schedule that says at which hours it fires does so once for each hour that it names, whatever the clocks do:

- What it names in a time that the clocks leave out fires once, at the first instant after it.
- What it names in a time that comes twice fires the first time only.

One that fires in every hour follows the time that really passes: never in a time that is left out, twice in a
time that comes twice. See docs/decisions/0097-our-own-cron.md.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from cloud_tasks.scheduler.cron import Cron

_SECOND = timedelta(seconds=1)
_STEP = timedelta(hours=6)
"""No zone changes its clocks and takes that back within so short a time."""
_NEAR = timedelta(days=3)
"""No change of the clocks moves anything by so much."""
_FIRST_LOOK = timedelta(seconds=10)
_LOOK_FACTOR = 10


class Timetable:
    """When a schedule fires.

    Args:
        cron: What it names.
        zone: Where the clock hangs that it means.
        start: It does not fire before this; aware.
        end: It does not fire after this; aware.
    """

    def __init__(
        self, cron: Cron, zone: tzinfo, start: datetime | None = None, end: datetime | None = None
    ) -> None:
        self._cron = cron
        self._zone = zone
        self._start = None if start is None else start.astimezone(UTC)
        self._end = None if end is None else end.astimezone(UTC)
        self._known: tuple[datetime, datetime | None] = (datetime.max.replace(tzinfo=UTC), None)
        """The last answer, and the earliest moment for which it is right."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first instant after `moment`, in UTC; None if there is none any more.

        Args:
            moment: Aware.
        """
        known_from, known = self._known
        if known_from <= moment and (known is None or moment < known):
            return known
        self._known = (moment, self._found_after(moment))
        return self._known[1]

    def _found_after(self, moment: datetime) -> datetime | None:
        first = moment.astimezone(UTC).replace(microsecond=0) + _SECOND
        if self._start is not None and first < self._start:
            first = self._start.replace(microsecond=0) + (_SECOND if self._start.microsecond else timedelta())
        found = self._first_from(first)
        return None if found is None or (self._end is not None and found > self._end) else found

    def newest_in(self, after: datetime, until: datetime) -> datetime | None:
        """The last instant that is after one moment and not after another; None if there is none."""
        look = _FIRST_LOOK
        while True:
            begin = max(after, until - look)
            newest = None
            found = self.next_after(begin)
            while found is not None and found <= until:
                newest, found = found, self.next_after(found)
            if newest is not None or begin <= after:
                return newest
            look *= _LOOK_FACTOR

    def _first_from(self, moment: datetime) -> datetime | None:
        """The first instant that is not before `moment`."""
        while not (self._cron.names_hours and self._ends_gap(moment)):
            offset = self._offset(moment)
            wall = self._cron.first_from((moment + offset).replace(tzinfo=None))
            if wall is None:
                return None
            found = wall.replace(tzinfo=UTC) - offset
            near = moment + _NEAR
            change = self._change(moment, min(found, near))
            if change is None and found > near:
                # Nothing is named in between, so no change in between matters but for the offset at its end.
                moment = max(near, found - _NEAR)
            elif change is None:
                if not (self._cron.names_hours and found.astimezone(self._zone).fold):
                    return found
                moment = found + _SECOND
            else:
                moment = change
        return moment

    def _ends_gap(self, moment: datetime) -> bool:
        """Whether the clocks left out something that is named, up to this moment."""
        before, after = self._offset(moment - _SECOND), self._offset(moment)
        if after <= before:
            return False
        wall = self._cron.first_from((moment + before).replace(tzinfo=None))
        return wall is not None and wall < (moment + after).replace(tzinfo=None)

    def _offset(self, moment: datetime) -> timedelta:
        offset = moment.astimezone(self._zone).utcoffset()
        assert offset is not None  # noqa: S101 - every time zone has one
        return offset

    def _change(self, after: datetime, until: datetime) -> datetime | None:
        """The first instant after one moment, and not after another, from which the clocks differ."""
        offset, high = self._offset(after), after
        while high < until:
            low, high = high, min(high + _STEP, until)
            if self._offset(high) != offset:
                while high - low > _SECOND:
                    middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
                    low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
                return high
        return None
