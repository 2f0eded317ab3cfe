"""`Weather`: what lies on the way between the workers and their services for a while."""

from __future__ import annotations

REFUSED_SHARE = 0.8
"""Of the calls in a burst of refusals."""


class Weather:
    """Until when each trouble lasts, on true time. What concerns one host is kept by its name.

    Attributes:
        outage_until: No call to the queue succeeds.
        refusing_until: The queue refuses most calls.
        cut_until: No call of the host gets through.
        deaf_until: Calls of the host get through, and no answer comes back.
        clogged_until: Calls of the host are held, and all get through when that is over.
        full_until: The host cannot store anything.
    """

    def __init__(self) -> None:
        self.outage_until = self.refusing_until = 0.0
        self.cut_until: dict[str, float] = {}
        self.deaf_until: dict[str, float] = {}
        self.clogged_until: dict[str, float] = {}
        self.full_until: dict[str, float] = {}

    @property
    def is_fair(self) -> bool:
        """Whether nothing is in the way of any call."""
        return not (
            self.outage_until
            or self.refusing_until
            or self.cut_until
            or self.deaf_until
            or self.clogged_until
        )

    def clear(self) -> None:
        """All of it is over."""
        self.outage_until = self.refusing_until = 0.0
        for troubles in (self.cut_until, self.deaf_until, self.clogged_until, self.full_until):
            troubles.clear()

    def no_way_until(self, host: str) -> float:
        """Until when no call of a host reaches the queue."""
        return max(self.outage_until, self.cut_until.get(host, 0.0))
