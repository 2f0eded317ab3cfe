"""Taking tasks: when to ask for how many, and what is done with each that comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cloud_tasks.core import actions
from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import Signal
from cloud_tasks.core.book import UNTOUCHED, Attempt
from cloud_tasks.core.policy import attempt_number
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.task import HandBack, Lease, MalformedTask
from cloud_tasks.core.timers import RECEIVE_TIMER

Fire: TypeAlias = Callable[[Attempt, Signal, got.Input], None]

POLL_SHARE = 0.25
"""Share of a lease that a long poll may take: renewal, at half of it, is not due when a task comes."""
EMPTY_RECEIVE_S = 1.0
"""Shortest time from one receive to the next when the first brought nothing to work on."""


class Intake:
    """What the worker knows of its source.

    Attributes:
        skipped: How many tasks were handed back untouched because of `tasks_to_skip`.
        started: How many tasks have been taken to be run.
    """

    def __init__(self, state: WorkerState, fire: Fire) -> None:
        """Nothing has been asked for yet."""
        self.skipped = 0
        self.started = 0
        self._state = state
        self._fire = fire
        self._over = ""
        self._retry_at = 0.0
        self._failures = 0
        self._idle_since: float | None = None
        self._room_since: float | None = None
        self._later_until = 0.0
        self._later_above = 0
        self._skipped_keys: dict[str, int] = {}
        self._serial = 0

    # -- asking ------------------------------------------------------------------------------------------

    def receive_if_room(self) -> None:
        """Issue a receive, if a task may come. A slot is free, and none is under way now."""
        state = self._state
        if state.now < self._later_until and state.occupied > self._later_above:
            return  # nothing has changed since it was better later; short tasks end by the hundred meanwhile
        if state.drain_reason or self._over or self._retry_at > state.now or self._idle_enough():
            return
        wanted = self._wanted()
        if wanted > 0 and not self._better_later(wanted):
            self._room_since, self._later_until = None, 0.0
            state.receiving = True
            state.out.append(do.Receive(wanted, self._wait_s()))

    def _better_later(self, wanted: int) -> bool:
        """Whether to wait a little: the call would bring few tasks, and more slots may be free soon."""
        state, settings = self._state, self._state.settings
        gather_s = state.capabilities.gather_s
        worth_it = min(settings.slots, state.capabilities.batch_size_max)
        if not gather_s or wanted >= worth_it or wanted == self._left_to_start():
            return False
        if self._room_since is None:
            self._room_since = state.now
            state.timers.plan(RECEIVE_TIMER, state.now + gather_s)
        until = self._room_since + gather_s
        if settings.max_num_tasks is None:
            self._later_until = until
            self._later_above = settings.slots + settings.tasks_to_skip - self.skipped - worth_it
        return state.now < until

    def _left_to_start(self) -> int | None:
        """How many more tasks may be started; None: there is no bound."""
        most = self._state.settings.max_num_tasks
        return None if most is None else most - self.started

    def _wanted(self) -> int:
        """How many tasks to ask for: no more than can be started or skipped, and none when too many wait."""
        state = self._state
        settings = state.settings
        if len(state.attempts) - state.occupied >= settings.unsettled_max:
            return 0
        most = settings.slots - state.occupied
        left = self._left_to_start()
        if left is not None:
            most = min(most, left)
            if most <= 0:
                return 0
        return min(most + settings.tasks_to_skip - self.skipped, state.capabilities.batch_size_max)

    def _wait_s(self) -> float:
        """A long poll, unless the worker is about to end for want of tasks.

        It takes a share of a lease at most. When in a poll a task was found is not told, so that its lease is
        counted from the beginning of the poll: one as long as the lease would bring tasks whose time is over.
        """
        settings, since, limits = self._state.settings, self._idle_since, self._state.capabilities
        wait_s, lease_s = settings.poll_wait_s, limits.lease_s
        if lease_s is not None:
            wait_s = min(wait_s, lease_s * POLL_SHARE)
        if settings.idle_exit_s is None:
            return wait_s
        left_s = settings.idle_exit_s
        if since is not None:
            left_s += since - self._state.now
        # A worker that ends for want of tasks has to be sure of it.
        return max(min(wait_s, max(left_s, EMPTY_RECEIVE_S)), limits.sure_wait_s)

    def end_reason(self) -> str:
        """Why nothing more will come; "" while more may."""
        if self._over:
            return self._over
        if self._state.settings.max_num_tasks == self.started:
            return "max_num_tasks"
        return "idle" if self._idle_enough() else ""

    def _idle_enough(self) -> bool:
        """Whether the queue has been empty for as long as the worker was told to wait."""
        state, since = self._state, self._idle_since
        idle_s = state.settings.idle_exit_s
        if idle_s is None or since is None or state.attempts:
            return False
        return state.now - since >= idle_s

    # -- what comes --------------------------------------------------------------------------------------

    def on_leases(self, fact: got.LeasesReceived) -> None:
        """A receive came back."""
        self._state.receiving = False
        self._failures = 0
        useful = False
        for lease in fact.leases:
            if self._admit(lease, fact):
                useful = True
        if useful:
            self._idle_since = None
        else:
            self._note_empty(fact)

    def _note_empty(self, fact: got.LeasesReceived) -> None:
        """Nothing to work on: do not ask again at once, and remember since when, unless work is under way."""
        state = self._state
        self._pause_until(fact.issued_at + EMPTY_RECEIVE_S)
        if any(attempt.outcome is not UNTOUCHED or attempt.occupies for attempt in state.attempts.values()):
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = max(fact.issued_at, state.quiet_from)

    def _pause_until(self, moment: float) -> None:
        self._retry_at = moment
        self._state.timers.plan(RECEIVE_TIMER, moment)

    def _admit(self, lease: Lease, fact: got.LeasesReceived) -> bool:
        """Take one lease in; returns whether that brings the worker forward."""
        state = self._state
        number, interruptions = 1, 0
        if state.capabilities.requeues:
            attempts, interruptions = state.ledger.of(lease.key)
            interruptions = max(interruptions, lease.interruptions)
            # A queue that decides about retries has left them out already.
            counted = 0 if state.capabilities.decides_retries else interruptions
            number = attempt_number(lease.delivery_count, counted, attempts)
        self._serial += 1
        attempt = Attempt(self._serial, lease, number, interruptions, fact.issued_at, state.now)
        state.attempts[attempt.id] = attempt
        if lease.duration_s is not None:
            attempt.wanted_s = lease.duration_s
            actions.plan_lease(state, attempt, fact)
        return self._place(attempt, fact)

    def _place(self, attempt: Attempt, fact: got.LeasesReceived) -> bool:
        """Run it, refuse it or hand it back untouched: skipped, over a limit, or too late."""
        state, key, retry = self._state, attempt.lease.key, self._state.settings.retry
        if key in self._skipped_keys:
            self._hand_back(attempt, fact, HandBack.SKIPPED, self._pause_s(key))
            return False
        if state.drain_reason or self._full() or state.runs.has_heir(key):
            self._hand_back(attempt, fact, HandBack.INTERRUPTED, 0.0)
            return False
        if self.skipped < state.settings.tasks_to_skip:
            self.skipped += 1
            if state.capabilities.requeues:
                self._skipped_keys[key] = 0
            self._hand_back(attempt, fact, HandBack.SKIPPED, 0.0)
        elif isinstance(attempt.lease.task, MalformedTask) or attempt.retry_policy(retry).exhausted(
            attempt.number - 1
        ):
            self._fire(attempt, Signal.REFUSED, fact)
        elif attempt.fence_at <= state.now:  # others may have it, and its run would be stopped at once
            self._hand_back(attempt, fact, HandBack.INTERRUPTED, 0.0)
            return False
        else:
            self._take(attempt, fact)
        return True

    def _full(self) -> bool:
        settings = self._state.settings
        return self._state.occupied >= settings.slots or self.started == settings.max_num_tasks

    def _hand_back(
        self, attempt: Attempt, fact: got.LeasesReceived, reason: HandBack, delay_s: float
    ) -> None:
        attempt.hand_back = reason
        attempt.delay_s = min(delay_s, self._state.capabilities.delay_s_max)
        self._fire(attempt, Signal.UNWANTED, fact)

    def _pause_s(self, key: str) -> float:
        """A skipped task that comes again goes back with growing pauses: the two do not chase each other."""
        self._skipped_keys[key] += 1
        return self._state.settings.receive_backoff.pause_s(self._skipped_keys[key], key)

    def _take(self, attempt: Attempt, fact: got.LeasesReceived) -> None:
        state = self._state
        self.started += 1
        attempt.occupies = True
        state.occupied += 1
        if state.runs.enter(attempt):
            actions.start(state, attempt, fact)
        else:
            self._fire(attempt, Signal.BUSY, fact)

    def on_failed(self, fact: got.ReceiveFailed) -> None:
        """The queue cannot be read; ask again after a growing pause. Nobody knows whether it is empty."""
        self._state.receiving = False
        self._idle_since = None
        self._failures += 1
        if self._failures == 1:
            self._state.tell(f"the queue cannot be read: {fact.message}", fact.stack_trace)
        pause_s = self._state.settings.receive_backoff.pause_s(self._failures, "receive")
        self._pause_until(self._state.now + pause_s)

    def on_cancelled(self, fact: got.ReceiveCancelled) -> None:
        """The receive is over."""
        self._state.receiving = False

    def on_ended(self, fact: got.SourceEnded) -> None:
        """The source has handed out everything."""
        self._state.receiving = False
        self._over = "exhausted"

    def on_broken(self, fact: got.SourceFailed) -> None:
        """The source broke: finish what it gave."""
        self._state.receiving = False
        self._over = "source_failed"
        self._state.tell(fact.message, fact.stack_trace)
