"""What becomes of instants that passed while nobody could fire them."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from cloud_tasks.core.arguments import check_not_negative, check_positive
from cloud_tasks.scheduler.timetable import Timetable

ON_TIME_S = 30.0
"""So late an instant may be and still be on time: a pause of the machine or of the network is no miss."""
Missed = Literal["latest", "skip", "all"]


class MissedPolicy(Struct, frozen=True):
    """What is done about instants that are later than `ON_TIME_S`.

    Attributes:
        what: "latest": the last of them fires, unless another is on time; "skip": none; "all": each, the
            oldest first.
        grace_s: One that is later than this does not fire, in seconds.
        most: Of more than so many the newest count.
    """

    what: Missed = "latest"
    grace_s: float = 3600.0
    most: int = 100

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: A number is out of range.
        """
        check_not_negative("grace_s", self.grace_s)
        check_positive("most", self.most)


def due_instants(
    timetable: Timetable, after: datetime, now: datetime, policy: MissedPolicy
) -> list[datetime]:
    """The instants that are to fire now, oldest first.

    Args:
        timetable: When the schedule fires.
        after: Up to here everything is settled.
        now: The time of day.
        policy: What is done about those that were missed.
    """
    on_time_from = now - timedelta(seconds=ON_TIME_S)
    on_time = _between(timetable, max(after, on_time_from), now, None)
    late_from = max(after, now - timedelta(seconds=policy.grace_s))
    if policy.what == "skip" or late_from >= on_time_from:
        return on_time
    if policy.what == "all":
        return _between(timetable, late_from, on_time_from, policy.most) + on_time
    newest = None if on_time else timetable.newest_in(late_from, on_time_from)
    return on_time if newest is None else [newest]


def _between(timetable: Timetable, after: datetime, until: datetime, most: int | None) -> list[datetime]:
    found: deque[datetime] = deque(maxlen=most)
    instant = timetable.next_after(after)
    while instant is not None and instant <= until:
        found.append(instant)
        instant = timetable.next_after(instant)
    return list(found)
