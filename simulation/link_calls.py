"""Calls over a link: what is asked, how long it takes, what may go wrong, and one that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cloud_tasks.core.task import Lease, Outcome
from simulation.faults import FaultClass

if TYPE_CHECKING:
    from simulation.link import Link

TAIL_FROM = 0.99


class Latency(Struct, frozen=True):
    """How long a call takes, there and back: a body around the median, and a tail.

    Attributes:
        median_s: Half of the calls take less.
        p99_s: One in a hundred takes longer, by a power law.
    """

    median_s: float = 0.015
    p99_s: float = 0.3

    def at(self, share: float) -> float:
        """The latency that `share` of all calls stay below."""
        if share < TAIL_FROM:
            return self.median_s * (0.5 + share)
        beyond = max((1.0 - share) / (1.0 - TAIL_FROM), 1e-4)
        return self.p99_s / float(beyond**0.5)


class Asked(Struct, frozen=True, kw_only=True):
    """What a worker asks of a service; the fields are those of `CallIssued`."""

    operation: str
    task_id: str = ""
    receipt: str = ""
    seconds: float = 0.0
    tasks_max: int = 0
    reason: str = ""
    outcome: Outcome | None = None


class LinkFaults(Struct, frozen=True, kw_only=True):
    """Which classes of faults strike on a way; as they are, those of the task queue.

    Attributes:
        slow: A call takes very long.
        throttled: It is refused at once.
        request_lost: It fails before its effect.
        reply_lost: It fails after its effect.
        outage: None has any effect for a while, whoever makes it.
    """

    slow: FaultClass = FaultClass.SLOW_CALL
    throttled: FaultClass = FaultClass.THROTTLED
    request_lost: FaultClass = FaultClass.REQUEST_LOST
    reply_lost: FaultClass = FaultClass.REPLY_LOST
    outage: FaultClass = FaultClass.OUTAGE


OF_TASKS = LinkFaults()


def about(
    operation: str, lease: Lease, *, seconds: float = 0.0, reason: str = "", outcome: Outcome | None = None
) -> Asked:
    """A call about a lease."""
    return Asked(
        operation=operation,
        task_id=lease.task.task_id,
        receipt=lease.receipt,
        seconds=seconds,
        reason=reason,
        outcome=outcome,
    )


class Call(Struct, eq=False):
    """One call under way."""

    link: Link
    operation: str
    task_id: str
    number: int
    late: Callable[[Any], None] | None
    answer: asyncio.Future[Any]
    back_s: float = 0.0
    reply_lost: bool = False

    def reply(self, answer: object) -> None:
        """The service has answered."""
        self.link.reply(self, answer)
