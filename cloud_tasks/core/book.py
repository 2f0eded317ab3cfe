"""What the machine remembers: attempts under way, and tasks that will come again."""

from __future__ import annotations

import enum

from cloud_tasks.core.attempt import State
from cloud_tasks.core.task import HandBack, Lease, Outcome

LEDGER_ENTRIES_MAX = 100_000


class StopReason(enum.Enum):
    """Why a run was asked to end."""

    TIMEOUT = "timeout"
    INTERRUPTION = "interruption"


class Verdict(enum.Enum):
    """What is done with a lease. Chosen once, never changed."""

    ACK = "ack"
    NACK = "nack"
    DEAD_LETTER = "dead_letter"


class Attempt:
    """One attempt under way.

    Moments are on the monotonic clock; None: not planned. `occupies` says whether it has a slot,
    `held_since` when the message was received, `issued_at` when the lease was last given or extended.
    """

    __slots__ = (
        "deadline",
        "delay_s",
        "ended",
        "extend_at",
        "extend_failures",
        "extending",
        "fence_at",
        "hand_back",
        "held_since",
        "id",
        "interruptions",
        "kill_at",
        "lease",
        "number",
        "occupies",
        "outcome",
        "requested_at",
        "retry_at",
        "settle_failures",
        "settle_issued",
        "settle_waits",
        "start_at",
        "start_failures",
        "state",
        "stop_reason",
        "verdict",
        "wanted_s",
    )

    def __init__(self, attempt_id: int, lease: Lease, number: int, interruptions: int, held_since: float) -> None:
        """A lease that has just been taken."""
        self.id = attempt_id
        self.lease = lease
        self.number = number
        self.interruptions = interruptions
        self.held_since = held_since
        self.wanted_s = lease.duration_s
        self.state = State.LEASED
        self.occupies = False
        self.ended = False
        self.requested_at = held_since
        self.deadline: float | None = None
        self.kill_at: float | None = None
        self.extend_at: float | None = None
        self.fence_at: float | None = None
        self.retry_at: float | None = None
        self.start_at: float | None = None
        self.extending = False
        self.settle_waits = False
        self.settle_issued = False
        self.stop_reason: StopReason | None = None
        self.outcome: Outcome | None = None
        self.verdict = Verdict.NACK
        self.hand_back = HandBack.INTERRUPTED
        self.delay_s = 0.0
        self.start_failures = 0
        self.extend_failures = 0
        self.settle_failures = 0

    def next_moment(self) -> float | None:
        """The earliest thing that is planned."""
        earliest: float | None = None
        for moment in (
            self.deadline,
            self.kill_at,
            self.extend_at,
            self.fence_at,
            self.retry_at,
            self.start_at,
        ):
            if moment is not None and (earliest is None or moment < earliest):
                earliest = moment
        return earliest


class Ledger:
    """Attempts and interruptions of tasks that this worker has handed back.

    It complements what the queue counts: a queue that counts deliveries cannot know which of them were
    interruptions, and some queues count nothing. Bounded; the oldest entries are forgotten first.
    """

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        """Nothing is known."""
        self._counts: dict[str, tuple[int, int]] = {}

    def of(self, key: str) -> tuple[int, int]:
        """Attempts and interruptions that are known of `key`."""
        return self._counts.get(key, (0, 0))

    def note(self, key: str, attempts: int, interruptions: int) -> None:
        """Remember the state of a task that is handed back."""
        self._counts.pop(key, None)
        self._counts[key] = (attempts, interruptions)
        if len(self._counts) > LEDGER_ENTRIES_MAX:
            del self._counts[next(iter(self._counts))]

    def forget(self, key: str) -> None:
        """The task will not come again."""
        self._counts.pop(key, None)
