"""The stand-in as the backend's tests use it: its clock jumps, and it can be away."""

from __future__ import annotations

import threading

from fakes.faults import FaultInjector, FaultKind, FaultPlan, FaultRule
from fakes.pubsub.threaded import ThreadedPubSubServer
from tests.queues.pubsub.jumping_clock import JumpingClock

_AWAY = FaultRule(FaultKind.UNAVAILABLE, every=1)


class Outage(FaultInjector):
    """Refuses every call while the service is away.

    Attributes:
        away: Whether it is; may be set in any thread.
        refused: How many calls were refused.
    """

    def __init__(self, clock: JumpingClock) -> None:
        super().__init__(FaultPlan(), clock)
        self.away = threading.Event()
        self.refused = 0

    def decide(self, operation: str) -> tuple[FaultRule, ...]:
        if not self.away.is_set():
            return ()
        self.refused += 1
        return (_AWAY,)


class StandIn:
    """A service with nothing in it."""

    project_id = "project"

    def __init__(self) -> None:
        self.clock = JumpingClock()
        self.outage = Outage(self.clock)
        self._server = ThreadedPubSubServer(self.clock, self.outage)

    def start(self) -> str:
        return self._server.start()

    def stop(self) -> None:
        self._server.stop()
