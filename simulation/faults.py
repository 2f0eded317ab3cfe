"""Faults, each by itself: what it is, whom it strikes, and how often."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct


class FaultClass(enum.Enum):
    """What can go wrong."""

    __hash__ = object.__hash__  # that of enums is Python code, and this is looked up on every occasion

    REQUEST_LOST = "request_lost"
    """A call fails before its effect."""
    REPLY_LOST = "reply_lost"
    """A call has its effect, and fails."""
    SLOW_CALL = "slow_call"
    """A call takes very long."""
    THROTTLED = "throttled"
    """A call is refused at once."""
    DUPLICATE = "duplicate"
    """A message that was delivered stays visible to others."""
    EMPTY_RECEIVE = "empty_receive"
    """A receive brings nothing although there is something."""
    REORDERED = "reordered"
    """A receive brings another message than the oldest."""
    ACK_FORGOTTEN = "ack_forgotten"
    """An ack is confirmed, and the message comes again all the same."""
    OUTAGE = "outage"
    """No call to the queue succeeds for a while."""
    THROTTLE_BURST = "throttle_burst"
    """Most calls to the queue are refused for a while."""
    PARTITION = "partition"
    """No call of one host succeeds for a while."""
    ONE_WAY = "one_way"
    """All calls of one host have their effect for a while, and no answer comes back."""
    CLOG = "clog"
    """No call of one host gets through for a while, and then all do at once."""
    SINK_FAILS = "sink_fails"
    """Events cannot be stored."""
    SINK_SLOW = "sink_slow"
    """Events take long to be stored."""
    SINK_REPLY_LOST = "sink_reply_lost"
    """Events are stored, and the call fails."""
    DISK_FULL = "disk_full"
    """No event of one host can be stored for a while."""
    CHILD_RAISES = "child_raises"
    """The function raises."""
    CHILD_EXITS = "child_exits"
    """The process exits with a status."""
    CHILD_KILLED = "child_killed"
    """A signal ends the process."""
    CHILD_ASKS_AGAIN = "child_asks_again"
    """The function returns, and asks for another attempt."""
    CHILD_RETURNS_WRONG = "child_returns_wrong"
    """The function returns something else than `(retry, result)`."""
    CHILD_RESULT_UNFIT = "child_result_unfit"
    """The function returns what JSON cannot hold."""
    CHILD_HITS_LIMIT = "child_hits_limit"
    """The function runs into its memory limit."""
    CHILD_HANGS = "child_hangs"
    """The function never returns."""
    CHILD_IGNORES_STOP = "child_ignores_stop"
    """SIGTERM makes no impression."""
    CHILD_LINGERS = "child_lingers"
    """What it started outlives it."""
    CHILD_CANNOT_START = "child_cannot_start"
    """There is no process to be had."""
    CHILD_SLOW_START = "child_slow_start"
    """It takes long until the function is called."""
    CHILD_ENDS_AT_DEADLINE = "child_ends_at_deadline"
    """The function returns within a tick of its deadline, or of the end of its lease."""
    WORKER_CRASH = "worker_crash"
    """SIGKILL to a worker."""
    WORKER_STOP = "worker_stop"
    """SIGSTOP to a worker, and SIGCONT later."""
    SUSPEND = "suspend"
    """A machine stands still with all that runs on it, its clock included, and goes on later."""
    STARVED = "starved"
    """A worker gets a tenth of the processor for a while."""
    SIGTERM = "sigterm"
    """Somebody ends a worker."""
    NOTICE = "notice"
    """The provider takes the machine away, and says so."""
    NOTICE_WITHOUT_KILL = "notice_without_kill"
    """The provider says so, and does not."""
    CLOCK_DRIFT = "clock_drift"
    """A clock runs fast or slow."""
    WALL_STEP = "wall_step"
    """The time of day steps."""
    EVENT_TWICE = "event_twice"
    """A message of the event queue is there two times."""
    EVENT_LATE = "event_late"
    """A message of the event queue is not to be seen for a while."""
    EVENTS_DISORDERED = "events_disordered"
    """The event queue hands messages out in another order."""
    EVENT_REFUSED = "event_refused"
    """One event of a batch is not accepted."""
    EVENTS_REQUEST_LOST = "events_request_lost"
    """A call to the event queue fails before its effect."""
    EVENTS_REPLY_LOST = "events_reply_lost"
    """A call to the event queue has its effect, and fails."""
    EVENTS_SLOW = "events_slow"
    """A call to the event queue takes very long."""
    EVENTS_THROTTLED = "events_throttled"
    """A call to the event queue is refused at once."""
    EVENTS_OUTAGE = "events_outage"
    """No call to the event queue succeeds for a while."""
    MONITOR_DIES = "monitor_dies"
    """SIGKILL to the monitor while it stores events."""
    MONITOR_CRASH = "monitor_crash"
    """SIGKILL to the monitor."""
    MONITOR_STOP = "monitor_stop"
    """SIGSTOP to the monitor, and SIGCONT later."""
    MONITOR_SIGTERM = "monitor_sigterm"
    """Somebody ends the monitor, and starts it again."""
    SEND_REFUSED = "send_refused"
    """One task of a batch is not accepted by the queue."""
    PRODUCER_DIES = "producer_dies"
    """SIGKILL to the producer while it writes its progress down."""
    PRODUCER_CRASH = "producer_crash"
    """SIGKILL to the producer."""


DRIFT_PPM_MAX = 500.0
"""How many millionths a clock runs fast or slow at most."""


class Fault(Struct, frozen=True, kw_only=True, gc=False):
    """One fault.

    Attributes:
        kind: What goes wrong.
        whom: A worker, a task or an operation, by name.
        which: Number of the occasion, from 1: the second ack of that task.
        at_s: When, for faults that strike at a time; else 0.
        size: How large it is: seconds, or another measure of its class.
    """

    kind: FaultClass
    whom: str = ""
    which: int = 1
    at_s: float = 0.0
    size: float = 0.0


class Chances(Struct, frozen=True):
    """How often each class strikes, where it is a matter of chance.

    Attributes:
        seed: Of every decision.
        odds: Probability on each occasion.
    """

    seed: int = 0
    odds: Mapping[FaultClass, float] = {}
