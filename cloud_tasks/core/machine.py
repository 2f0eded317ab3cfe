"""`WorkerMachine`: every decision of a worker, as a pure function of what happened and when.

    commands = machine.handle(something_that_happened, now)

The machine knows no clock, no socket and no process. `now` never goes back. What the shell is asked to do
comes back as commands; what became of them comes in as further inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.actions import ACTIONS, Action, wake
from cloud_tasks.core.attempt import TRANSITIONS, Signal, State
from cloud_tasks.core.book import Attempt
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.ending import Ending
from cloud_tasks.core.intake import Intake
from cloud_tasks.core.state import MachineSettings, WorkerState
from cloud_tasks.core.timers import ENDING_TIMER, NEVER, RECEIVE_TIMER

__all__ = ["MachineSettings", "WorkerMachine"]

_Cell: TypeAlias = tuple[State, tuple[Action, ...]]
_Handler: TypeAlias = Callable[[Any], None]


class WorkerMachine:
    """One worker's decisions."""

    def __init__(self, settings: MachineSettings, capabilities: QueueCapabilities) -> None:
        """A worker that has not begun.

        Args:
            settings: What the worker was told.
            capabilities: What its queue can do.
        """
        self._opened = False
        self._slots = settings.slots
        self._state = WorkerState(settings, capabilities)
        self._intake = Intake(self._state, self._fire)
        self._ending = Ending(self._state, self._intake, self._fire)
        self._handlers = self._make_handlers()

    def handle(self, happened: got.Input, now: float) -> list[do.Command]:
        """Take in one fact and say what to do.

        What happened counts before the time at which it is told: a result that comes in at the very moment of
        its deadline is a result (F17).

        Args:
            happened: The fact.
            now: The monotonic clock, never less than at the call before.

        Returns:
            Commands, to be carried out in this order.
        """
        state = self._state
        if state.finished:
            return []
        state.now = now
        out: list[do.Command] = []
        state.out = out
        fact: Any = happened
        signal = _SIGNAL_OF_FACT.get(type(fact))
        if signal is None:
            self._handlers[type(fact)](fact)
        elif fact.attempt_id in state.attempts:  # one that is over and forgotten takes no more
            self._fire(state.attempts[fact.attempt_id], signal, fact)
        if state.timers.soonest <= now:
            self._fire_due(now)
        if state.occupied < self._slots and not state.receiving and self._opened:
            self._go_on()
        return out

    def next_wakeup(self) -> float | None:
        """When `handle(TimeReached())` is due if nothing else happens; None: never.

        It may be too early, never too late.
        """
        soonest = self._state.timers.soonest
        return None if soonest == NEVER or self._state.finished else soonest

    @property
    def running(self) -> int:
        """How many slots are taken."""
        return self._state.occupied

    @property
    def started(self) -> int:
        """How many tasks were taken to be run."""
        return self._intake.started

    @property
    def skipped(self) -> int:
        """How many tasks were handed back untouched because of `tasks_to_skip`."""
        return self._intake.skipped

    def _go_on(self) -> None:
        """Ask for tasks, and end if nothing is left. A slot is free, and no receive is under way."""
        state = self._state
        self._intake.receive_if_room()
        if not state.attempts and not state.receiving and not state.finished:
            self._ending.finish_if_done()

    # -- signals -----------------------------------------------------------------------------------------

    def _make_handlers(self) -> dict[type, _Handler]:
        intake, ending = self._intake, self._ending
        return {
            got.Opened: self._on_opened,
            got.LeasesReceived: intake.on_leases,
            got.ReceiveFailed: intake.on_failed,
            got.ReceiveCancelled: intake.on_cancelled,
            got.SourceEnded: intake.on_ended,
            got.SourceFailed: intake.on_broken,
            got.RunStartFailed: self._on_start_failed,
            got.RunFinished: self._on_finished,
            got.Extended: self._on_extended,
            got.LeasesLost: self._on_leases_lost,
            got.EventsStored: self._on_stored,
            got.NoticeReceived: ending.on_notice,
            got.ShutdownRequested: ending.on_shutdown,
            got.TimeReached: self._on_time,
        }

    def _fire(self, attempt: Attempt, signal: Signal, fact: got.Input) -> None:
        cell = _TABLE[signal].get(attempt.state)
        if cell is None:
            message = f"attempt {attempt.id}: {signal.name} cannot happen in state {attempt.state.name}"
            raise AssertionError(message)
        state = self._state
        attempt.state, actions = cell
        for act in actions:
            act(state, attempt, fact)

    def _on_opened(self, fact: got.Opened) -> None:
        self._opened = True

    def _on_time(self, fact: got.TimeReached) -> None:
        """Time alone: `handle` looks for what is due."""

    def _on_stored(self, fact: got.EventsStored) -> None:
        attempts = self._state.attempts
        for attempt_id in fact.attempt_ids:
            attempt = attempts.get(attempt_id)
            if attempt is not None:
                self._fire(attempt, _STORED, fact)

    def _on_finished(self, fact: got.RunFinished) -> None:
        attempt = self._state.attempts.get(fact.attempt_id)
        if attempt is not None:
            self._fire(attempt, _ENDED, fact)
            self._fire(attempt, _GONE, fact)

    def _on_extended(self, fact: got.Extended) -> None:
        """The lease is extended. Of one that was given up, an answer after its end may prove nothing."""
        attempt = self._state.attempts.get(fact.attempt_id)
        if attempt is None:
            return
        late = attempt.state in _GIVEN_UP and self._state.now >= attempt.lease_end
        unproved = late and not self._state.capabilities.fenced
        self._fire(attempt, Signal.EXTEND_FAILED if unproved else Signal.EXTENDED, fact)

    def _on_leases_lost(self, fact: got.LeasesLost) -> None:
        """Runs end whose tasks are somebody else's. What is settled already hears it as its answer."""
        for attempt in list(self._state.attempts.values()):
            if attempt.state in _WITH_A_RUN and attempt.lease.receipt in fact.receipts:
                self._fire(attempt, Signal.LEASE_LOST, got.LeaseLost(attempt.id, fact.message))

    def _on_start_failed(self, fact: got.RunStartFailed) -> None:
        state = self._state
        attempt = state.attempts.get(fact.attempt_id)
        if attempt is None:
            return
        attempt.start_failures += 1
        again = (
            attempt.state is State.LEASED
            and attempt.start_failures < state.settings.starts_max
            and not state.drain_reason
        )
        self._fire(attempt, Signal.START_AGAIN if again else Signal.START_FAILED, fact)

    # -- time --------------------------------------------------------------------------------------------

    def _fire_due(self, now: float) -> None:
        timers, attempts = self._state.timers, self._state.attempts
        while not self._state.finished and (key := timers.pop_due(now)) is not None:
            if key == ENDING_TIMER:
                self._ending.carry_out()
            elif key != RECEIVE_TIMER:
                self._wake(attempts[key], now)

    def _wake(self, attempt: Attempt, now: float) -> None:
        """Fire whatever is due for one attempt, what ends it before what prolongs it."""
        for name, signal in _SIGNAL_OF_MOMENT:
            if getattr(attempt, name) <= now:
                setattr(attempt, name, NEVER)
                self._fire(attempt, signal, _TIME)
        attempt.wake_at = NEVER
        moment = attempt.next_moment()
        if moment < NEVER:
            wake(self._state, attempt, moment)


_TIME = got.TimeReached()
_STORED, _ENDED, _GONE = Signal.STORED, Signal.ENDED, Signal.GONE
"""Of every attempt: to fetch a member from its enum takes as long as a call."""
_GIVEN_UP = (State.LOST, State.SETTLED)
_WITH_A_RUN = (State.LEASED, State.WAITING, State.RUNNING, State.STOPPING)

_SIGNAL_OF_MOMENT: tuple[tuple[str, Signal], ...] = (
    ("deadline", Signal.DEADLINE),
    ("kill_at", Signal.KILL_DUE),
    ("fence_at", Signal.FENCE),
    ("extend_at", Signal.RENEW_DUE),
    ("retry_at", Signal.RETRY_DUE),
    ("start_at", Signal.START_DUE),
)

_SIGNAL_OF_FACT: dict[type, Signal] = {
    got.RunStarted: Signal.STARTED,
    got.RunEnded: Signal.ENDED,
    got.RunGone: Signal.GONE,
    got.Settled: Signal.SETTLED,
    got.SettleFailed: Signal.SETTLE_FAILED,
    got.ExtendFailed: Signal.EXTEND_FAILED,
    got.LeaseLost: Signal.LEASE_LOST,
}


def _compile() -> dict[Signal, dict[State, _Cell]]:
    """The table, by signal and state."""
    table: dict[Signal, dict[State, _Cell]] = {signal: {} for signal in Signal}
    for row in TRANSITIONS:
        table[row.signal][row.state] = (row.next, tuple(ACTIONS[name] for name in row.does))
    return table


_TABLE = _compile()
