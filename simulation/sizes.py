"""How large a fault may be, where its class has a size: what is larger is none that the judges allow for."""

from __future__ import annotations

import math

from msgspec import Struct

from simulation.faults import DRIFT_PPM_MAX, FaultClass
from simulation.job.event_queue import LATE_S_MAX, TWICE_S_MAX
from simulation.link import SLOW_S_MAX
from simulation.scripts import SLOW_START_S_MAX

STEP_S_MAX = 604_800.0
"""By how much the time of day steps at most: a week."""


LATE_CALL_S_MAX = 2 * SLOW_S_MAX
"""By how much a single call may be late: chance draws half of that, and the judges allow for all of it."""


class Size(Struct, frozen=True, kw_only=True):
    """What a class takes as its size.

    Attributes:
        key: Its name in a scenario.
        unit: What it is counted in.
        least: The smallest.
        most: The largest.
        may_be_zero: Whether there is a fault at all where it is 0.
    """

    key: str = "for"
    unit: str = "seconds"
    least: float = 0.0
    most: float = math.inf
    may_be_zero: bool = False

    @property
    def needed(self) -> bool:
        """Whether a scenario has to say it."""
        return not self.may_be_zero

    @property
    def expected(self) -> str:
        """The sizes that there are, in words."""
        if self.least < 0:
            return f"{self.unit} from {self.least:,.0f} to {self.most:,.0f}, and not 0"
        above = "0 or more" if self.may_be_zero else "more than 0"
        return f"{self.unit}, {above}" + (f", {self.most:g} at most" if math.isfinite(self.most) else "")

    def holds(self, size: float) -> bool:
        """Whether a fault may be of that size, be it one that does nothing."""
        return math.isfinite(size) and self.least <= size <= self.most


_LASTS = Size()
_PLACE = Size(unit="a place", most=1.0, may_be_zero=True)
_NOTICE = Size(may_be_zero=True)
_CALL = Size(most=LATE_CALL_S_MAX)

SIZES: dict[FaultClass, Size] = {
    FaultClass.OUTAGE: _LASTS,
    FaultClass.THROTTLE_BURST: _LASTS,
    FaultClass.PARTITION: _LASTS,
    FaultClass.ONE_WAY: _LASTS,
    FaultClass.CLOG: Size(most=SLOW_S_MAX),
    FaultClass.WORKER_STOP: _LASTS,
    FaultClass.SUSPEND: _LASTS,
    FaultClass.STARVED: _LASTS,
    FaultClass.DISK_FULL: _LASTS,
    FaultClass.EVENTS_OUTAGE: _LASTS,
    FaultClass.MONITOR_STOP: _LASTS,
    FaultClass.NOTICE: _NOTICE,
    FaultClass.NOTICE_WITHOUT_KILL: _NOTICE,
    FaultClass.SLOW_CALL: _CALL,
    FaultClass.EVENTS_SLOW: _CALL,
    FaultClass.SINK_SLOW: _CALL,
    FaultClass.CHILD_LINGERS: _LASTS,
    FaultClass.CHILD_SLOW_START: Size(most=SLOW_START_S_MAX),
    FaultClass.EVENT_LATE: Size(most=LATE_S_MAX),
    FaultClass.EVENT_TWICE: Size(most=TWICE_S_MAX, may_be_zero=True),
    FaultClass.REORDERED: Size(unit="a place", most=1.0),
    FaultClass.CHILD_ENDS_AT_DEADLINE: _PLACE,
    FaultClass.MONITOR_DIES: _PLACE,
    FaultClass.PRODUCER_DIES: _PLACE,
    FaultClass.CLOCK_DRIFT: Size(
        key="drift_ppm", unit="millionths", least=-DRIFT_PPM_MAX, most=DRIFT_PPM_MAX
    ),
    FaultClass.WALL_STEP: Size(key="by", least=-STEP_S_MAX, most=STEP_S_MAX),
}
"""The classes that have a size."""
