"""Ending: what a notice or a request to end leads to, and when nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import replace

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import Signal, State
from cloud_tasks.core.book import Attempt
from cloud_tasks.core.events import SpotTermination
from cloud_tasks.core.intake import Intake
from cloud_tasks.core.policy import (
    HAND_BACK_S_MIN,
    StopPlan,
    earlier_of,
    missed_its_end,
    plan_hand_back,
    plan_stop,
)
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.timers import ENDING_TIMER, NEVER

Fire: TypeAlias = Callable[[Attempt, Signal, got.Input], None]

_TIME = got.TimeReached()
_OVER = (State.SETTLING, State.SETTLED)


class Ending:
    """How the worker is about to end, if it is."""

    def __init__(self, state: WorkerState, intake: Intake, fire: Fire) -> None:
        """Nobody has asked for an end."""
        self._state = state
        self._intake = intake
        self._fire = fire
        self._plan = StopPlan(NEVER, NEVER, NEVER)
        self._stopped = False
        self._killed = False
        self._stayed = False
        self._noticed = False
        self._requests = 0

    def on_notice(self, fact: got.NoticeReceived) -> None:
        """The machine goes away: take no more, and let run what can finish in time."""
        state = self._state
        if not self._noticed:
            self._noticed = True
            state.out.append(do.Record(SpotTermination(instance_id=fact.instance_id)))
            state.out.append(do.NotifyRuns(termination=True))
        self._drain(state.drain_reason or "spot_termination")
        if fact.in_s is not None:
            self._adopt(plan_stop(state.now, max(fact.in_s, 0.0), state.settings.stop_s), "spot_termination")

    def on_shutdown(self, fact: got.ShutdownRequested) -> None:
        """Drain for the grace period; a second request leaves no time."""
        state = self._state
        self._requests += 1
        grace_s = 0.0
        if self._requests == 1:
            state.out.append(do.NotifyRuns(shutdown=True))
            grace_s = state.settings.grace_s
        self._drain("shutdown")
        self._adopt(plan_stop(state.now, grace_s, state.settings.stop_s), "shutdown")

    def _drain(self, reason: str) -> None:
        state = self._state
        if not state.drain_reason and state.receiving:
            state.out.append(do.CancelReceive())
        state.drain_reason = reason
        self._interrupt(lambda attempt: attempt.state is State.WAITING)

    def _adopt(self, plan: StopPlan, interruption: str) -> None:
        """Of several plans, what comes first counts."""
        state, old = self._state, self._plan
        if plan.stop_at < old.stop_at and not self._stopped:
            state.interruption = interruption
        self._plan = earlier_of(plan, old)
        self.carry_out()

    def carry_out(self) -> None:
        """Do what the plan says for this moment, and see to being called for the next."""
        plan, now = self._plan, self._state.now
        if not self._stopped and now >= plan.stop_at:
            self._stopped = True
            self._interrupt(lambda attempt: attempt.state not in _OVER)
        if not self._killed and now >= plan.kill_at:
            self._killed = True
            self._plan = plan = plan_hand_back(plan, now)
            self._kill_all()
        if not self._stayed and missed_its_end(plan, now):
            self._stayed = True  # once: who is frozen again and again is not to stay for ever
            self._plan = plan = replace(plan, exit_at=now + HAND_BACK_S_MIN)
        if now >= plan.exit_at:
            self._finish(self._state.drain_reason)
        else:
            self._state.timers.plan(ENDING_TIMER, self._next_moment())

    def _next_moment(self) -> float:
        if not self._stopped:
            return self._plan.stop_at
        return self._plan.exit_at if self._killed else self._plan.kill_at

    def _interrupt(self, concerns: Callable[[Attempt], bool]) -> None:
        for attempt in list(self._state.attempts.values()):
            if concerns(attempt):
                self._fire(attempt, Signal.INTERRUPT, _TIME)

    def _kill_all(self) -> None:
        for attempt in self._state.attempts.values():
            if attempt.occupies:
                self._state.out.append(do.KillRun(attempt.id))

    def finish_if_done(self) -> None:
        """End when nothing more will come. Nothing is under way when this is asked."""
        reason = self._state.drain_reason or self._intake.end_reason()
        if reason:
            self._finish(reason)

    def _finish(self, reason: str) -> None:
        state = self._state
        state.finished = True
        open_ones = (one for one in state.attempts.values() if one.state is not State.SETTLED or one.regained)
        left = [one.lease.task.task_id for one in open_ones]
        state.out.append(do.Finish(reason, tuple(left)))
