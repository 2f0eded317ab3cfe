"""Mutants of leases: how they are prolonged, how they are measured, and what happens when one is over."""

# ruff: noqa: ARG001 - a mutant takes whatever the original takes

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

from cloud_tasks.core import actions
from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import Signal, State
from cloud_tasks.core.book import Attempt
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.timers import NEVER
from simulation.clocks import START_UTC, HostClock
from simulation.mutants.patching import instead_of, rewired, swapped

_TICK_S = 1e-6
"""The time of day has no finer parts."""


@contextmanager
def extends_after_ack() -> Generator[None, None, None]:
    """One more extension follows every settlement."""

    def extend_once_more(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        if attempt.wanted_s:
            state.out.append(do.Extend(attempt.id, attempt.lease, attempt.wanted_s))

    late = (actions.forget, extend_once_more, actions.close)
    with rewired(State.SETTLING, Signal.SETTLED, State.SETTLED, *late):
        yield


def renews_too_late() -> AbstractContextManager[None]:
    """A lease is renewed once it is over, and nothing keeps watch over its end."""
    plan = actions.plan_lease

    def plan_late(state: WorkerState, attempt: Attempt, fact: got.LeasesReceived | got.Extended) -> None:
        plan(state, attempt, fact)
        attempt.fence_at = NEVER
        if attempt.lease.duration_s is not None:
            attempt.extend_at = attempt.lease_end + 0.01 * attempt.lease.duration_s

    return swapped(actions, "plan_lease", plan_late)


def never_renews() -> AbstractContextManager[None]:
    """Leases are left to run out."""

    def let_it_run_out(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        attempt.extend_at = NEVER

    return instead_of("extend", let_it_run_out)


def extends_too_far() -> AbstractContextManager[None]:
    """An extension asks for twice the lease, whatever the queue can give."""

    def twice_s(
        wanted_s: float, lease_s_max: float | None, held_s: float, lease_total_s_max: float | None
    ) -> float:
        return 2 * wanted_s if lease_total_s_max is None else min(2 * wanted_s, lease_total_s_max - held_s)

    return swapped(actions, "extension_s", twice_s)


def lets_go_too_late() -> AbstractContextManager[None]:
    """A run whose lease cannot be renewed is stopped when the lease ends, and has no time to heed that."""

    def at_the_end(issued_at: float, duration_s: float, stop_s: float) -> float:
        return issued_at + duration_s

    return swapped(actions, "plan_fence", at_the_end)


def gives_up_renewing() -> AbstractContextManager[None]:
    """A lease that could not be extended at once is left to run out."""

    def give_up(state: WorkerState, attempt: Attempt, fact: got.ExtendFailed) -> None:
        attempt.extending = False
        attempt.extend_at = NEVER

    return instead_of("plan_extend_again", give_up)


@contextmanager
def outlives_its_lease() -> Generator[None, None, None]:
    """A run goes on when its lease cannot be renewed, and when it is known to be lost."""

    def go_on(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        attempt.fence_at = attempt.extend_at = NEVER

    with (
        rewired(State.RUNNING, Signal.FENCE, State.RUNNING, go_on),
        rewired(State.RUNNING, Signal.LEASE_LOST, State.RUNNING, go_on),
    ):
        yield


@contextmanager
def measures_in_wall_time() -> Generator[None, None, None]:
    """Leases, and all else that lasts, are measured by the time of day."""

    def by_the_wall(self: HostClock) -> float:
        return (self.utc_now() - START_UTC).total_seconds()

    async def sleep(self: HostClock, moment: float) -> None:
        await asyncio.sleep(0)
        while (left_s := moment - by_the_wall(self)) > 0:  # noqa: ASYNC110 - the wall may step meanwhile
            await asyncio.sleep(left_s + _TICK_S)

    with swapped(HostClock, "monotonic", by_the_wall), swapped(HostClock, "sleep_until", sleep):
        yield
