"""Mutants of taking and running tasks, and of retrying calls."""

# ruff: noqa: ARG001 - a mutant takes whatever the original takes

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core import intake
from cloud_tasks.core.actions import ACTIONS, conclude, record, wake
from cloud_tasks.core.attempt import Signal, State
from cloud_tasks.core.book import Attempt, Runs
from cloud_tasks.core.intake import Intake
from cloud_tasks.core.policy import Backoff
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.task import HandBack
from cloud_tasks.core.timers import NEVER
from cloud_tasks.shell.calls import QueueCalls
from simulation.mutants.patching import instead_of, rewired, swapped


def counts_in_memory() -> AbstractContextManager[None]:
    """Attempts are counted by what this worker remembers alone."""

    def by_memory(delivery_count: int | None, interruptions: int, seen_before: int) -> int:
        return seen_before + 1

    return swapped(intake, "attempt_number", by_memory)


def interruptions_use_up_attempts() -> AbstractContextManager[None]:
    """What the queue counts apart is taken for attempts all the same."""

    def with_interruptions(delivery_count: int | None, interruptions: int, seen_before: int) -> int:
        return max(1, delivery_count or 0, seen_before + 1)

    return swapped(intake, "attempt_number", with_interruptions)


def forgets_its_hand_backs() -> AbstractContextManager[None]:
    """What was handed back untried is remembered as attempts, where the queue counts nothing apart."""

    def note_nothing_more(state: WorkerState, attempt: Attempt, fact: got.Input | None) -> None:
        key, (_, interruptions) = attempt.lease.key, state.ledger.of(attempt.lease.key)
        counts = attempt.hand_back is HandBack.RETRY
        state.ledger.note(key, attempt.number - (not counts), max(interruptions, attempt.interruptions))

    return instead_of("note_hand_back", note_nothing_more)


def retries_at_once() -> AbstractContextManager[None]:
    """Nothing pauses between tries."""

    def no_pause_s(self: Backoff, tries: int, salt: str) -> float:
        return 0.0

    return swapped(Backoff, "pause_s", no_pause_s)


def recovers_slowly() -> AbstractContextManager[None]:
    """Receives that failed are tried again after six times the pause."""
    pause_s = Backoff.pause_s

    def longer_pause_s(self: Backoff, tries: int, salt: str) -> float:
        return pause_s(self, tries, salt) * (6.0 if salt == "receive" else 1.0)

    return swapped(Backoff, "pause_s", longer_pause_s)


@contextmanager
def polls_without_pause() -> Generator[None, None, None]:
    """An empty queue is asked again and again."""
    note = Intake._note_empty  # noqa: SLF001 - what is to be changed

    def note_without_pause(self: Any, fact: got.LeasesReceived) -> None:
        note(self, fact)
        self._retry_at = 0.0

    def no_wait_s(self: Intake) -> float:
        return 0.0

    with swapped(Intake, "_note_empty", note_without_pause), swapped(Intake, "_wait_s", no_wait_s):
        yield


@contextmanager
def runs_beside_the_old() -> Generator[None, None, None]:
    """A task that comes again is started while its older run still dies."""

    def enter(self: Any, attempt: Attempt) -> bool:
        self._holders[attempt.lease.key] = attempt
        return True

    def leave(self: Any, attempt: Attempt) -> None:
        if self._holders.get(attempt.lease.key) is attempt:
            del self._holders[attempt.lease.key]

    with swapped(Runs, "enter", enter), swapped(Runs, "leave", leave):
        yield


@contextmanager
def takes_one_too_many() -> Generator[None, None, None]:
    """One task more than there are slots."""
    wanted = Intake._wanted  # noqa: SLF001 - what is to be changed

    def wanted_more(self: Any) -> int:
        return wanted(self) + 1

    def never_full(self: Any) -> bool:
        return bool(self._state.occupied > self._state.settings.slots)

    with swapped(Intake, "_wanted", wanted_more), swapped(Intake, "_full", never_full):
        yield


def starts_more_than_its_number() -> AbstractContextManager[None]:
    """It asks for as many tasks as there are slots, however many it may still start."""

    def no_bound(self: Intake) -> None:
        """None is left to count."""

    return swapped(Intake, "_left_to_start", no_bound)


def ends_before_it_is_idle() -> AbstractContextManager[None]:
    """It counts from when it was first told that the queue is empty, whatever has come since."""
    on_leases = Intake.on_leases

    def remember(self: Any, fact: got.LeasesReceived) -> None:
        since = self._idle_since
        on_leases(self, fact)
        self._idle_since = since if self._idle_since is None else self._idle_since

    return swapped(Intake, "on_leases", remember)


def never_idle_enough() -> AbstractContextManager[None]:
    """It waits for more, although it is to end when there is nothing."""

    def never(self: Intake) -> bool:
        return False

    return swapped(Intake, "_idle_enough", never)


@contextmanager
def takes_late_arrivals() -> Generator[None, None, None]:
    """A long poll goes on when the worker was asked to end, and what it brings is started."""
    place = Intake._place  # noqa: SLF001 - what is to be changed

    def place_anyway(self: Any, attempt: Attempt, fact: got.LeasesReceived) -> bool:
        state = self._state
        state.drain_reason, reason = "", state.drain_reason
        try:
            return place(self, attempt, fact)
        finally:
            state.drain_reason = reason

    def go_on(self: QueueCalls, command: do.CancelReceive) -> None:
        """Nothing."""

    with swapped(Intake, "_place", place_anyway), swapped(QueueCalls, "cancel_receive", go_on):
        yield


@contextmanager
def reuses_slots_too_soon() -> Generator[None, None, None]:
    """A slot is free when the process has ended, whatever it has left behind."""
    free, close = ACTIONS["free_slot"], ACTIONS["close"]
    with (
        rewired(State.RUNNING, Signal.ENDED, State.SETTLING, conclude, record, free),
        rewired(State.STOPPING, Signal.ENDED, State.SETTLING, conclude, record, free),
        rewired(State.LEASED, Signal.ENDED, State.SETTLING, conclude, record, free),
        rewired(State.SETTLING, Signal.GONE, State.SETTLING),
        rewired(State.SETTLED, Signal.GONE, State.SETTLED, _free_if_held, close),
    ):
        yield


def _free_if_held(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    if attempt.occupies:
        ACTIONS["free_slot"](state, attempt, fact)


def starts_what_is_over() -> AbstractContextManager[None]:
    """A task is started although its lease was over when it came."""
    place = Intake._place  # noqa: SLF001 - what is to be changed

    def place_late(self: Any, attempt: Attempt, fact: got.LeasesReceived) -> bool:
        fence_at, attempt.fence_at = attempt.fence_at, NEVER
        placed = bool(place(self, attempt, fact))
        if attempt.occupies:
            attempt.fence_at = fence_at
        return placed

    return swapped(Intake, "_place", place_late)


def starts_again_at_once() -> AbstractContextManager[None]:
    """What could not be started is tried again without a pause."""

    def plan_at_once(state: WorkerState, attempt: Attempt, fact: got.RunStartFailed) -> None:
        attempt.deadline = NEVER
        attempt.start_at = state.now
        wake(state, attempt, attempt.start_at)

    return instead_of("plan_start_again", plan_at_once)


def never_kills() -> AbstractContextManager[None]:
    """What ignores SIGTERM is left alone."""

    def leave_alone(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        attempt.kill_at = NEVER

    return instead_of("kill", leave_alone)


def forgets_deadlines() -> AbstractContextManager[None]:
    """A run may last for ever."""

    def no_deadline(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        attempt.deadline = NEVER

    return instead_of("plan_deadline", no_deadline)
