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
    """What is done with the lease. Chosen once, never changed."""

    ACK = "ack"
    NACK = "nack"
    DEAD_LETTER = "dead_letter"


class Attempt:
    """One attempt under way. Moments are on the monotonic clock; None: not planned."""

    __slots__ = (
        "deadline",
        "delay_s",
        "ended",
        "extend_at",
        "extending",
        "fence_at",
        "hand_back",
        "id",
        "interruptions",
        "kill_at",
        "lease",
        "leased_at",
        "length_s",
        "number",
        "occupies",
        "outcome",
        "requested_at",
        "retry_at",
        "settle_issued",
        "start_at",
        "state",
        "stop_reason",
        "tries",
        "verdict",
    )

    def __init__(self, attempt_id: int, lease: Lease, number: int, interruptions: int, leased_at: float) -> None:
        self.id = attempt_id
        self.lease = lease
        self.number = number
        self.interruptions = interruptions
        self.leased_at = leased_at
        self.length_s = lease.duration_s
        self.state = State.LEASED
        self.occupies = False
        self.requested_at = leased_at
        self.deadline: float | None = None
        self.kill_at: float | None = None
        self.extend_at: float | None = None
        self.fence_at: float | None = None
        self.retry_at: float | None = None
        self.start_at: float | None = None
        self.extending = False
        self.settle_issued = False
        self.ended = False
        self.stop_reason: StopReason | None = None
        self.outcome: Outcome | None = None
        self.verdict: Verdict | None = None
        self.hand_back = HandBack.RETRY
        self.delay_s = 0.0
        self.tries = 0


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
