"""What the machine remembers: attempts under way, and tasks that will come again."""

from __future__ import annotations

import enum

from msgspec import Struct

from cloud_tasks.core.attempt import State
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind
from cloud_tasks.core.timers import NEVER

LEDGER_ENTRIES_MAX = 100_000

UNTOUCHED = Outcome(kind=OutcomeKind.SKIPPED)


class StopReason(enum.Enum):
    """Why a run was asked to end."""

    TIMEOUT = "timeout"
    INTERRUPTION = "interruption"
    UNSTARTED = "unstarted"
    LATE_START = "late_start"
    LEASE = "lease"


class Verdict(enum.Enum):
    """What is done with a lease. Chosen once, never changed."""

    ACK = "ack"
    NACK = "nack"
    DEAD_LETTER = "dead_letter"


class Attempt(Struct, gc=False):
    """One attempt under way. Moments are on the monotonic clock.

    Attributes:
        id: The machine's own number for it.
        lease: With the newest receipt.
        number: Which attempt at the task it is, from 1.
        interruptions: How often the task has been handed back through no fault of its own.
        held_since: When the receive that brought it was issued.
        requested_at: When the run was asked for; before that, when the lease came in.
        wanted_s: Length of the lease as it was given.
        lease_end: When the lease ends.
        state: Where it is.
        occupies: Whether it has a slot.
        extending: Whether an extension is under way.
        settle_waits: Whether the settlement waits for that.
        stored: Whether the event that ended it is durable; known of attempts that were given up.
        regained: Whether its lease was extended after it had been given up.
        stop_reason: Why the run was asked to end.
        outcome: What became of it; `UNTOUCHED` until something has.
        verdict: What is done with the lease.
        hand_back: Why it is handed back.
        delay_s: How long the task stays out of sight then.
        wake_at: The moment that the timers know of; none of the following is earlier.
        deadline: When the run has lasted for too long.
        kill_at: When it is killed.
        fence_at: When the run must end, because the lease does.
        extend_at: When the lease is to be extended.
        retry_at: When the settlement is tried again.
        start_at: When the start is tried again.
        start_failures: How often it could not be started.
        extend_failures: How often in a row the lease could not be extended.
        settle_failures: How often it could not be settled.
    """

    id: int
    lease: Lease
    number: int
    interruptions: int
    held_since: float
    requested_at: float
    wanted_s: float = 0.0
    lease_end: float = NEVER
    state: State = State.LEASED
    occupies: bool = False
    extending: bool = False
    settle_waits: bool = False
    stored: bool = False
    regained: bool = False
    stop_reason: StopReason | None = None
    outcome: Outcome = UNTOUCHED
    verdict: Verdict = Verdict.NACK
    hand_back: HandBack = HandBack.INTERRUPTED
    delay_s: float = 0.0
    wake_at: float = NEVER
    deadline: float = NEVER
    kill_at: float = NEVER
    fence_at: float = NEVER
    extend_at: float = NEVER
    retry_at: float = NEVER
    start_at: float = NEVER
    start_failures: int = 0
    extend_failures: int = 0
    settle_failures: int = 0

    def retry_policy(self, usual: RetryPolicy) -> RetryPolicy:
        """What is tried again: as the task itself says, else as usual."""
        rules = self.lease.rules
        return usual if rules is None else rules.retry

    def next_moment(self) -> float:
        """The earliest thing that is planned."""
        return min(self.deadline, self.kill_at, self.fence_at, self.extend_at, self.retry_at, self.start_at)


class Ledger:
    """Attempts and interruptions of tasks that this worker has not seen the end of.

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
        """Remember what has become of a task so far."""
        self._counts.pop(key, None)
        self._counts[key] = (attempts, interruptions)
        if len(self._counts) > LEDGER_ENTRIES_MAX:
            del self._counts[next(iter(self._counts))]

    def begin(self, key: str, attempts: int, interruptions: int) -> None:
        """An attempt begins. While it waited for an older run, the task may have been handed back."""
        self.note(key, attempts, max(interruptions, self.of(key)[1]))

    def forget(self, key: str) -> None:
        """The task will not come again."""
        self._counts.pop(key, None)


class Runs:
    """Which tasks have a run here: never two of the same, even while the older one is dying.

    A task that is delivered to us again before its older run has gone waits for that as the *heir*.
    """

    __slots__ = ("_heirs", "_holders")

    def __init__(self) -> None:
        """Nothing runs."""
        self._holders: dict[str, Attempt] = {}
        self._heirs: dict[str, Attempt] = {}

    def has_heir(self, key: str) -> bool:
        """Whether the task waits already for its older run to go."""
        return key in self._heirs

    def enter(self, attempt: Attempt) -> bool:
        """It has a run from now on; False if an older run of the same task has not gone yet."""
        return self._holders.setdefault(attempt.lease.key, attempt) is attempt

    def wait(self, attempt: Attempt) -> None:
        """It is the heir."""
        self._heirs[attempt.lease.key] = attempt

    def leave(self, attempt: Attempt) -> Attempt | None:
        """Its run has gone, or will never be; returns the heir that may start now, if there is one."""
        key = attempt.lease.key
        if self._holders[key] is not attempt:
            del self._heirs[key]
            return None
        heir = self._heirs.pop(key, None)
        if heir is None:
            del self._holders[key]
        else:
            self._holders[key] = heir
        return heir
