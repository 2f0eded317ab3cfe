"""What happened: the facts that the shell reports to the machine.

`attempt_id` is the machine's own number for an attempt, unique within one worker.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from cloud_tasks.core.task import Lease, RunEnd


class Opened(Struct, frozen=True, gc=False):
    """The worker is ready: queue, runner and sinks are open."""


class LeasesReceived(Struct, frozen=True, gc=False):
    """A receive came back.

    Attributes:
        leases: What it brought; empty when there was nothing.
        issued_at: When the call was issued, on the monotonic clock; leases count from there.
    """

    leases: list[Lease]
    issued_at: float


class ReceiveFailed(Struct, frozen=True, gc=False):
    """A receive failed; the queue may be back later.

    Attributes:
        message: Why.
        stack_trace: Where.
    """

    message: str
    stack_trace: str = ""


class ReceiveCancelled(Struct, frozen=True, gc=False):
    """The receive that was to be cancelled is over and brought nothing."""


class SourceEnded(Struct, frozen=True, gc=False):
    """A finite source has handed out everything."""


class SourceFailed(Struct, frozen=True, gc=False):
    """The source broke for good; what it handed out before is still valid.

    Attributes:
        message: Why.
        stack_trace: Where.
    """

    message: str
    stack_trace: str = ""


class RunStarted(Struct, frozen=True, gc=False):
    """The user's function is about to be called."""

    attempt_id: int


class RunStartFailed(Struct, frozen=True, gc=False):
    """The run could not be started, and nothing is left of it."""

    attempt_id: int
    reason: str


class RunEnded(Struct, frozen=True, gc=False):
    """The run is over."""

    attempt_id: int
    end: RunEnd


class RunFinished(RunEnded, frozen=True, gc=False):
    """The run is over, and nothing is left of it: `RunEnded` and `RunGone` at once."""


class RunGone(Struct, frozen=True, gc=False):
    """Nothing is left of the run: its process group and all it started have ended."""

    attempt_id: int


class EventsStored(Struct, frozen=True, gc=False):
    """Events that end attempts are durable.

    Attributes:
        attempt_ids: The attempts, in the order in which their events were stored.
    """

    attempt_ids: list[int]


class Settled(Struct, frozen=True, gc=False):
    """The queue has taken the ack, nack or dead-letter."""

    attempt_id: int


class SettleFailed(Struct, frozen=True, gc=False):
    """The queue did not answer, or refused for now; whether it took effect is not known."""

    attempt_id: int
    message: str
    stack_trace: str = ""


class Extended(Struct, frozen=True, gc=False):
    """The lease was extended.

    Attributes:
        lease: The lease with its newest receipt and its new length.
        issued_at: When the call was issued.
    """

    attempt_id: int
    lease: Lease
    issued_at: float


class ExtendFailed(Struct, frozen=True, gc=False):
    """The lease was not extended, or nobody knows."""

    attempt_id: int
    message: str
    stack_trace: str = ""


class LeaseLost(Struct, frozen=True, gc=False):
    """The queue says that the lease is no longer ours."""

    attempt_id: int
    message: str
    stack_trace: str = ""


class LeasesLost(Struct, frozen=True, gc=False):
    """The queue has heard by itself that leases are no longer ours.

    Attributes:
        receipts: Theirs; some may be of leases that nobody here knows.
        message: Why.
    """

    receipts: frozenset[str]
    message: str


class NoticeReceived(Struct, frozen=True, gc=False):
    """The machine is about to be taken away.

    Attributes:
        in_s: Seconds from now; None where nobody tells.
        instance_id: The provider's name for the machine.
    """

    in_s: float | None
    instance_id: str


class ShutdownRequested(Struct, frozen=True, gc=False):
    """Somebody asked the worker to end: the first time it drains, the second time it kills."""


class TimeReached(Struct, frozen=True, gc=False):
    """Nothing happened but that time went by."""


Input: TypeAlias = (
    Opened
    | LeasesReceived
    | ReceiveFailed
    | ReceiveCancelled
    | SourceEnded
    | SourceFailed
    | RunStarted
    | RunStartFailed
    | RunEnded
    | RunFinished
    | RunGone
    | EventsStored
    | Settled
    | SettleFailed
    | Extended
    | ExtendFailed
    | LeaseLost
    | LeasesLost
    | NoticeReceived
    | ShutdownRequested
    | TimeReached
)
