"""When a schedule fires, found out by asking every second; slow, and too simple to be wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
Allowed = Mapping[str, Collection[int]]


def names(allowed: Allowed, wall: datetime) -> bool:
    values = {
        "year": wall.year,
        "month": wall.month,
        "day": wall.day,
        "week": wall.isocalendar().week,
        "day_of_week": wall.weekday(),
        "hour": wall.hour,
        "minute": wall.minute,
        "second": wall.second,
    }
    return all(values[name] in chosen for name, chosen in allowed.items())


def instants(
    allowed: Allowed, zone: ZoneInfo, begin: datetime, end: datetime, *, names_hours: bool
) -> Iterator[datetime]:
    """Every instant after `begin` and not after `end`, both in whole seconds."""
    before = begin.astimezone(zone).replace(tzinfo=None)
    moment = begin
    while moment < end:
        moment += SECOND
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None)
        if names_hours:
            fires = names(allowed, wall) and not local.fold
            skipped = before + SECOND
            while skipped < wall:
                fires = fires or names(allowed, skipped)
                skipped += SECOND
        else:
            fires = names(allowed, wall)
        if fires:
            yield moment.astimezone(UTC)
        before = wall
