"""Ending: what a notice or a request to end leads to, and when nothing is left to do."""

from __future__ import annotations

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import Signal, State
from cloud_tasks.core.events import SpotTermination
from cloud_tasks.core.intake import Fire, Intake
from cloud_tasks.core.policy import StopPlan, plan_stop
from cloud_tasks.core.state import WorkerState


class Ending:
    """How the worker is about to end, if it is.

    Attributes:
        finished: Whether the last command was given.
    """

    def __init__(self, state: WorkerState, intake: Intake, fire: Fire) -> None:
        """Nobody has asked for an end."""
        self.finished = False
        self._state = state
        self._intake = intake
        self._fire = fire
        self._plan: StopPlan | None = None
        self._stopped = False
        self._killed = False
        self._requests = 0

    def on_notice(self, fact: got.NoticeReceived) -> None:
        """The machine goes away: take no more, and let run what can finish in time."""
        state = self._state
        state.out.append(do.Record(SpotTermination(instance_id=fact.instance_id)))
        state.out.append(do.NotifyRuns(termination=True))
        self._drain("spot_termination")
        if fact.in_s is not None:
            self._adopt(plan_stop(state.now, fact.in_s, state.settings.stop_s), "spot_termination")

    def on_shutdown(self, fact: got.ShutdownRequested) -> None:
        """Drain for the grace period; a second request leaves no time."""
        state = self._state
        self._requests += 1
        if self._requests == 1:
            state.out.append(do.NotifyRuns(shutdown=True))
        grace_s = state.settings.grace_s if self._requests == 1 else 0.0
        self._drain("shutdown")
        self._adopt(plan_stop(state.now, grace_s, state.settings.stop_s), "shutdown")

    def _drain(self, reason: str) -> None:
        state = self._state
        if state.drain_reason is None and self._intake.receiving:
            state.out.append(do.CancelReceive())
        if state.drain_reason is None or reason == "shutdown":
            state.drain_reason = reason
        for attempt in list(state.attempts.values()):
            if attempt.state is State.WAITING:
                self._fire(attempt, Signal.INTERRUPT, got.TimeReached())

    def _adopt(self, plan: StopPlan, interruption: str) -> None:
        """Of several plans, the one that ends first counts."""
        if self._plan is None or plan.exit_at < self._plan.exit_at:
            self._plan = plan
            self._stopped = self._killed = False
            self._state.interruption = interruption

    def next_moment(self) -> float | None:
        """When `carry_out` has something to do."""
        plan = self._plan
        if plan is None or self.finished:
            return None
        if not self._stopped:
            return plan.stop_at
        return plan.exit_at if self._killed else plan.kill_at

    def carry_out(self) -> None:
        """Do what the plan says for this moment."""
        plan, now = self._plan, self._state.now
        if plan is None or self.finished:
            return
        if not self._stopped and now >= plan.stop_at:
            self._stopped = True
            self._stop_all()
        if not self._killed and now >= plan.kill_at:
            self._killed = True
            self._kill_all()
        if now >= plan.exit_at:
            self._finish(self._state.drain_reason or "shutdown")

    def _stop_all(self) -> None:
        for attempt in list(self._state.attempts.values()):
            if attempt.occupies and not attempt.ended:
                self._fire(attempt, Signal.INTERRUPT, got.TimeReached())

    def _kill_all(self) -> None:
        for attempt in self._state.attempts.values():
            if attempt.occupies:
                self._state.out.append(do.KillRun(attempt.id))

    def finish_if_done(self) -> None:
        """End when nothing is under way and nothing more will come."""
        state, intake = self._state, self._intake
        if state.attempts or intake.receiving or self.finished:
            return
        if state.drain_reason is not None:
            self._finish(state.drain_reason)
        elif intake.over is not None:
            self._finish(intake.over)
        elif intake.tasks_left() == 0:
            self._finish("max_num_tasks")
        elif intake.idle_enough():
            self._finish("idle")

    def _finish(self, reason: str) -> None:
        self.finished = True
        left = [a.lease.task.task_id for a in self._state.attempts.values() if a.state is not State.SETTLED]
        self._state.out.append(do.Finish(reason, tuple(left)))
