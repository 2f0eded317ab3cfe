"""Tasks as the model has them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from fakes.conductor.definitions import TaskDef, TimeoutPolicy
from fakes.conductor.flow import Step
from fakes.conductor.values import ENDED, Task, TaskStatus
from fakes.deadlines import Deadline

if TYPE_CHECKING:
    from fakes.conductor.execution import Execution


class Live:
    """A task, and what it takes to know when something happens to it. Moments are on the monotonic clock.

    Attributes:
        shown: The task as it is handed out.
        workflow: What it belongs to.
        step: What it does there.
        definition: How it is handled.
        retries_max: How often it may be tried again.
        queue: The queue that it waits in, or that it came from.
        scheduled_at: When it was scheduled.
        started_at: When it was first polled; None for not yet.
        updated_at: When its worker was last heard of.
        visible_at: When it can be polled; None while it can, and while somebody works on it.
        alarm: When something is to be done about it.
        delivery_count: How often it was polled, all its tries together.
    """

    __slots__ = (
        "alarm",
        "definition",
        "delivery_count",
        "queue",
        "retries_max",
        "scheduled_at",
        "shown",
        "started_at",
        "step",
        "updated_at",
        "visible_at",
        "workflow",
    )

    def __init__(self, shown: Task, workflow: Execution, step: Step, definition: TaskDef) -> None:
        self.shown = shown
        self.workflow = workflow
        self.step = step
        self.definition = definition
        self.retries_max = definition.retry_count
        self.queue = ""
        self.scheduled_at = 0.0
        self.started_at: float | None = None
        self.updated_at = 0.0
        self.visible_at: float | None = None
        self.alarm: Deadline[Live] | None = None
        self.delivery_count = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.shown.status in ENDED

    def response_due_at(self) -> float:
        """When its worker has been silent for too long.

        The server adds `callbackAfterSeconds`, which is 0 while a worker has the task.
        """
        silence_s = self.definition.response_timeout_seconds
        if self.shown.status is not TaskStatus.IN_PROGRESS or not silence_s:
            return math.inf
        return self.updated_at + silence_s

    def poll_due_at(self) -> float:
        """When it has waited for a worker for too long."""
        wait_s = self.definition.poll_timeout_seconds
        if self.shown.status is not TaskStatus.SCHEDULED or not wait_s or self._only_alerts:
            return math.inf
        shown = self.shown
        return self.scheduled_at + shown.start_delay_in_seconds + wait_s + shown.callback_after_seconds

    def end_due_at(self) -> float:
        """When it has taken too long in all."""
        length_s = self.definition.timeout_seconds
        if self.started_at is None or not length_s or self._only_alerts:
            return math.inf
        return self.started_at + self.shown.start_delay_in_seconds + length_s

    def next_due_at(self) -> float:
        """When something has to be done about it."""
        visible_at = math.inf if self.visible_at is None else self.visible_at
        return min(visible_at, self.response_due_at(), self.poll_due_at(), self.end_due_at())

    @property
    def _only_alerts(self) -> bool:
        return self.definition.timeout_policy is TimeoutPolicy.ALERT_ONLY


class Overdue(Struct):
    """Why a task has timed out.

    Attributes:
        reason: In words.
        is_final: Whether it is not to be tried again.
    """

    reason: str
    is_final: bool = False


def why_overdue(live: Live, now: float) -> Overdue | None:
    """Why a task has timed out; None if it has not."""
    definition, shown = live.definition, live.shown
    policy = definition.timeout_policy
    end = f"Timeout policy configured to {policy.value}"
    is_final = policy is TimeoutPolicy.TIME_OUT_WF
    if live.end_due_at() <= now:
        return Overdue(f"Task timed out after {definition.timeout_seconds} seconds. {end}", is_final)
    if live.poll_due_at() <= now:
        return Overdue(
            f"Task poll timed out after {definition.poll_timeout_seconds} seconds. {end}", is_final
        )
    if live.response_due_at() <= now:
        what = (
            f"responseTimeout: {definition.response_timeout_seconds} exceeded for the taskId: {shown.task_id}"
        )
        return Overdue(f"{what} with Task Definition: {shown.task_def_name}")
    return None
