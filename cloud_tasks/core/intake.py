"""Taking tasks: when to ask for how many, and what is done with each that comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cloud_tasks.core import actions
from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import Signal
from cloud_tasks.core.book import Attempt
from cloud_tasks.core.policy import attempt_number
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.task import HandBack, Lease, MalformedTask

Fire: TypeAlias = Callable[[Attempt, Signal, got.Input], None]

_EMPTY_RECEIVE_S = 1.0
"""Shortest time from one receive to the next when the first brought nothing."""


class Intake:
    """What the worker knows of its source.

    Attributes:
        receiving: Whether a receive is under way.
        over: Why nothing more will come from the source; None while more may.
        skipped: How many tasks were handed back untouched because of `tasks_to_skip`.
        started: How many tasks have been taken to be run.
        retry_at: No receive before this moment.
    """

    def __init__(self, state: WorkerState, fire: Fire) -> None:
        """Nothing has been asked for yet."""
        self.receiving = False
        self.over: str | None = None
        self.skipped = 0
        self.started = 0
        self.retry_at = 0.0
        self._state = state
        self._fire = fire
        self._failures = 0
        self._idle_since: float | None = None
        self._skipped_keys: dict[str, int] = {}
        self._serial = 0

    # -- asking ------------------------------------------------------------------------------------------

    def next_receive(self) -> do.Receive | None:
        """The receive that is to be issued now, if any."""
        state = self._state
        if (
            self.receiving
            or self.over is not None
            or state.drain_reason is not None
            or self.retry_at > state.now
            or self.idle_enough()
        ):
            return None
        wanted = self._wanted()
        if wanted <= 0:
            return None
        self.receiving = True
        return do.Receive(wanted, self._wait_s())

    def _wanted(self) -> int:
        """How many tasks to ask for: no more than there are free slots, and none when too many wait."""
        state = self._state
        settings = state.settings
        if len(state.attempts) - state.occupied >= settings.unsettled_max:
            return 0
        wanted = min(settings.slots - state.occupied, state.capabilities.batch_size_max)
        left = self.tasks_left()
        if left is None:
            return wanted
        return min(wanted, left + settings.tasks_to_skip - self.skipped) if left else 0

    def _wait_s(self) -> float:
        """A long poll, unless the worker is about to end for want of tasks."""
        state = self._state
        idle_s = state.settings.idle_exit_s
        if idle_s is None:
            return state.settings.poll_wait_s
        left_s = idle_s if self._idle_since is None else self._idle_since + idle_s - state.now
        return min(state.settings.poll_wait_s, max(left_s, _EMPTY_RECEIVE_S))

    def tasks_left(self) -> int | None:
        """How many more may be started; None: no limit."""
        most = self._state.settings.max_num_tasks
        return None if most is None else max(0, most - self.started)

    def idle_enough(self) -> bool:
        """Whether the queue has been empty for as long as the worker was told to wait."""
        state = self._state
        idle_s = state.settings.idle_exit_s
        return (
            idle_s is not None
            and self._idle_since is not None
            and not state.attempts
            and state.now - self._idle_since >= idle_s
        )

    # -- what comes --------------------------------------------------------------------------------------

    def on_leases(self, fact: got.LeasesReceived) -> None:
        """A receive came back."""
        self.receiving = False
        self._failures = 0
        ran = False
        for lease in fact.leases:
            ran = self._admit(lease, fact) or ran
        if ran:
            self._idle_since = None
        elif not self._state.attempts or not fact.leases:
            self._note_empty(fact)

    def _note_empty(self, fact: got.LeasesReceived) -> None:
        """Nothing to work on: remember since when, and do not ask at once again."""
        self.retry_at = fact.issued_at + _EMPTY_RECEIVE_S
        if self._idle_since is None:
            self._idle_since = fact.issued_at

    def _admit(self, lease: Lease, fact: got.LeasesReceived) -> bool:
        """Take one lease in; returns whether it is anything to work on."""
        state = self._state
        attempts, interruptions = state.ledger.of(lease.key)
        interruptions = max(interruptions, lease.interruptions)
        number = attempt_number(lease.delivery_count, interruptions, attempts)
        self._serial += 1
        attempt = Attempt(self._serial, lease, number, interruptions, fact.issued_at)
        state.attempts[attempt.id] = attempt
        if lease.duration_s is not None:
            actions.plan_lease(state, attempt, fact)
        if self._unwanted(attempt):
            self._fire(attempt, Signal.UNWANTED, fact)
            return False
        if isinstance(lease.task, MalformedTask) or state.settings.retry.exhausted(number - 1):
            self._fire(attempt, Signal.REFUSED, fact)
            return True
        self.started += 1
        attempt.occupies = True
        state.occupied += 1
        actions.start(state, attempt, fact)
        return True

    def _unwanted(self, attempt: Attempt) -> bool:
        """Whether a lease is to be handed back untouched: skipped, over a limit, or too late."""
        state = self._state
        key = attempt.lease.key
        if key in self._skipped_keys:
            self._hand_back_again(attempt, key)
            return True
        if state.drain_reason is not None or self.tasks_left() == 0 or state.occupied >= state.settings.slots:
            attempt.hand_back = HandBack.INTERRUPTED
            return True
        if self.skipped < state.settings.tasks_to_skip:
            self.skipped += 1
            if state.capabilities.requeues:
                self._skipped_keys[key] = 0
            attempt.hand_back = HandBack.SKIPPED
            return True
        return False

    def _hand_back_again(self, attempt: Attempt, key: str) -> None:
        """A skipped task that comes again goes back with growing pauses, so that the two do not chase each other."""
        state = self._state
        self._skipped_keys[key] += 1
        attempt.hand_back = HandBack.SKIPPED
        pause_s = state.settings.receive_backoff.pause_s(self._skipped_keys[key], key)
        attempt.delay_s = min(pause_s, state.capabilities.delay_s_max)

    def on_failed(self, fact: got.ReceiveFailed) -> None:
        """The queue cannot be read; ask again after a growing pause."""
        self.receiving = False
        self._failures += 1
        if self._failures == 1:
            self._state.tell(f"the queue cannot be read: {fact.message}", fact.stack_trace)
        self.retry_at = self._state.now + self._state.settings.receive_backoff.pause_s(self._failures, "receive")

    def on_cancelled(self, fact: got.ReceiveCancelled) -> None:
        """The receive is over."""
        self.receiving = False

    def on_ended(self, fact: got.SourceEnded) -> None:
        """The source has handed out everything."""
        self.receiving = False
        self.over = "exhausted"

    def on_broken(self, fact: got.SourceFailed) -> None:
        """The source broke: finish what it gave."""
        self.receiving = False
        self.over = "source_failed"
        self._state.tell(fact.message, fact.stack_trace)
