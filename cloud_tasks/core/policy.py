"""Arithmetic and rules: when to retry, how long to wait, when to renew a lease. Pure functions of values."""

from __future__ import annotations

import zlib

from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.core.task import EndKind, RunEnd

FENCE_SHARE = 0.1
"""Share of a lease that is kept in hand for stopping the run when the lease cannot be renewed."""
RENEW_SHARE = 0.5
"""A lease is renewed when this share of it has gone by: an outage of the other half can be ridden out."""
SETTLE_MARGIN_S = 60.0
"""Kept in hand at most, of a lease that nothing extends, for stopping the run and settling the task."""
HAND_BACK_S_MIN = 1.0


class Backoff(Struct, frozen=True):
    """Growing pauses between tries.

    Attributes:
        base_s: The first pause.
        cap_s: The longest pause.
        factor: Each pause is this many times the one before.
        jitter: Share of a pause that varies (0 to 1), so that many workers do not come back at once.
    """

    base_s: float
    cap_s: float
    factor: float = 2.0
    jitter: float = 0.5

    def pause_s(self, tries: int, salt: str) -> float:
        """Seconds to wait after `tries` failures (from 1).

        The jitter is a hash of `salt` and the count: different from task to task, the same in every replay.
        """
        exponent = min(max(tries - 1, 0), 60)
        full = min(self.cap_s, self.base_s * self.factor**exponent)
        share = zlib.crc32(f"{salt}:{tries}".encode("utf-8", "surrogatepass")) / 0xFFFFFFFF
        return full * (1.0 - self.jitter * share)


class RetryPolicy(Struct, frozen=True):
    """Which ends are tried again, how often and when.

    Attributes:
        on_exit: Retry a task whose process ended without a result.
        on_exception: Retry a task that raised.
        on_timeout: Retry a task that ran too long.
        attempts_max: Attempts in all, across workers and crashes; None: no limit.
        interruptions_max: How often a task may be interrupted before it is put aside; a task that can never
            finish within the life of a machine would otherwise circulate for ever.
        keep_failed: Whether a task that failed for good goes to the dead letters, where the queue has them,
            rather than being settled.
        backoff: Pause before a retry.
    """

    on_exit: bool = False
    on_exception: bool = False
    on_timeout: bool = False
    attempts_max: int | None = None
    interruptions_max: int | None = None
    keep_failed: bool = False
    backoff: Backoff = Backoff(base_s=0.0, cap_s=0.0)

    def wants_retry(self, end: RunEnd, *, timed_out: bool) -> bool:
        """Whether this end asks for another attempt, budget apart.

        A wrong return value, a result that JSON cannot hold and a memory limit would only happen again.
        """
        if end.kind is EndKind.RETURNED:
            return end.retry
        if timed_out:
            return self.on_timeout
        if end.kind is EndKind.RAISED:
            return self.on_exception
        return end.kind is EndKind.EXITED and self.on_exit

    def exhausted(self, attempts: int) -> bool:
        """Whether `attempts` have used up the budget."""
        return self.attempts_max is not None and attempts >= self.attempts_max

    def too_often_interrupted(self, interruptions: int) -> bool:
        """Whether a task was interrupted so often that it is put aside."""
        return self.interruptions_max is not None and interruptions >= self.interruptions_max


class TaskRules(Struct, frozen=True, kw_only=True):
    """What holds for one task instead of the worker's own settings.

    Attributes:
        name: The task's name, for events; "" where it has none.
        retry: What is tried again, how often and when.
        max_runtime_s: How long it may run; infinite: for as long as it likes.
        lease_s: Length of its lease; None: as the queue gives it.
    """

    name: str = ""
    retry: RetryPolicy
    max_runtime_s: float
    lease_s: float | None = None


class StopPlan(Struct, frozen=True):
    """When what happens once the worker has to end, on the monotonic clock.

    Attributes:
        stop_at: Tasks that still run get SIGTERM.
        kill_at: Those that are left get SIGKILL.
        exit_at: The worker ends, whatever is still open.
    """

    stop_at: float
    kill_at: float
    exit_at: float


def plan_stop(now: float, grace_s: float, stop_s: float) -> StopPlan:
    """Fit SIGTERM, SIGKILL and handing back into the grace period.

    A supervisor that gives the worker the same period kills it at the end, so all is over by then, unless
    the worker comes late to what it has planned. At least `HAND_BACK_S_MIN` is left for handing back, even
    when the grace period is shorter.
    """
    lead = min(stop_s, grace_s / 5)
    end = now + grace_s
    return StopPlan(stop_at=end - lead, kill_at=end - lead / 2, exit_at=now + max(grace_s, HAND_BACK_S_MIN))


def plan_hand_back(plan: StopPlan, now: float) -> StopPlan:
    """The plan of a worker that comes to SIGKILL now, which may be late: it was frozen, or its loop blocked.

    Handing back has as long as was planned, and `HAND_BACK_S_MIN` where all should have been over by now:
    what is cut short is told, however late.
    """
    hand_back_s = plan.exit_at - plan.kill_at
    if now >= plan.exit_at:
        hand_back_s = max(hand_back_s, HAND_BACK_S_MIN)
    return replace(plan, exit_at=max(plan.exit_at, now + hand_back_s))


def missed_its_end(plan: StopPlan, now: float) -> bool:
    """Whether the worker stood still when it was to end, for longer than handing back takes."""
    return now >= plan.exit_at + HAND_BACK_S_MIN


def earlier_of(one: StopPlan, other: StopPlan) -> StopPlan:
    """Both plans are kept: whatever comes first in either."""
    return StopPlan(
        stop_at=min(one.stop_at, other.stop_at),
        kill_at=min(one.kill_at, other.kill_at),
        exit_at=min(one.exit_at, other.exit_at),
    )


def plan_renewal(issued_at: float, duration_s: float) -> float:
    """When to renew a lease that was asked for at `issued_at` and lasts `duration_s`."""
    return issued_at + duration_s * RENEW_SHARE


def plan_fence(issued_at: float, duration_s: float, stop_s: float) -> float:
    """When to stop the run of a lease that could not be renewed, so that it is over when the lease is."""
    return issued_at + duration_s - min(2 * stop_s, duration_s * FENCE_SHARE)


def longest_run_s(lease_total_s_max: float) -> float:
    """How long a task may take under a lease that nothing extends, from the receive on, to be settled in it.

    Args:
        lease_total_s_max: Longest time that the message can be held in all.
    """
    return lease_total_s_max - min(SETTLE_MARGIN_S, lease_total_s_max * FENCE_SHARE)


def extension_s(
    wanted_s: float, lease_s_max: float | None, held_s: float, lease_total_s_max: float | None
) -> float:
    """How long an extension to ask for, within what the backend can give.

    Args:
        wanted_s: Length of the lease as it was given or configured.
        lease_s_max: Longest single extension.
        held_s: How long the message has been held already.
        lease_total_s_max: Longest time it can be held in all.

    Returns:
        Seconds; 0 or less when the backend's limit is reached and no extension is possible.
    """
    seconds = wanted_s if lease_s_max is None else min(wanted_s, lease_s_max)
    if lease_total_s_max is not None:
        seconds = min(seconds, lease_total_s_max - held_s)
    return seconds


def attempt_number(delivery_count: int | None, interruptions: int, seen_before: int) -> int:
    """Which attempt a delivery is, from 1.

    Args:
        delivery_count: As counted by the queue, this one included; None if it does not count.
        interruptions: Deliveries that are known to have been handed back through no fault of the task.
        seen_before: Attempts that this worker itself remembers.
    """
    by_queue = 0 if delivery_count is None else delivery_count - interruptions
    return max(1, by_queue, seen_before + 1)
