"""Workflows under way: which tasks they schedule, and what becomes of them when tasks end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cloud_tasks.interfaces import Clock
from fakes.conductor import execution as states
from fakes.conductor.definitions import TaskDef
from fakes.conductor.execution import Execution
from fakes.conductor.flow import FORK, JOIN, Flow, Step
from fakes.conductor.inputs import fill
from fakes.conductor.live import Live, why_overdue
from fakes.conductor.making import new_task, retry_of
from fakes.conductor.queues import TaskQueues
from fakes.conductor.requests import StartWorkflow
from fakes.conductor.tasks import Tasks
from fakes.conductor.timeline import Timeline
from fakes.conductor.values import Json, TaskStatus
from fakes.history import Fact, FactKind

_RETRIED = (TaskStatus.FAILED, TaskStatus.TIMED_OUT)
_SUCCESSFUL = (TaskStatus.COMPLETED, TaskStatus.COMPLETED_WITH_ERRORS)


class Executions:
    """Workflows and their tasks.

    Args:
        clock: Everything ends on its monotonic side.
        definitions: The definitions of tasks.
        queues: Where tasks wait.
        seed: Of the ids.
        observe: Told what happens to every task of a worker.

    Attributes:
        workflows: Every workflow that was started, by its id.
        tasks: Their tasks.
        timeline: What time it is.
    """

    def __init__(
        self,
        clock: Clock,
        definitions: Mapping[str, TaskDef],
        queues: TaskQueues,
        seed: int,
        observe: Callable[[Fact], None] | None,
    ) -> None:
        self.workflows: dict[str, Execution] = {}
        self.timeline = Timeline(clock, self._ring)
        self.tasks = Tasks(self.timeline, queues, seed, observe)
        self._definitions = definitions
        self._queues = queues
        self._ad_hoc: dict[str, TaskDef] = {}

    def start(self, flow: Flow, request: StartWorkflow) -> Execution:
        """Start a workflow."""
        now_ms = self.timeline.now_ms
        execution = Execution(
            workflow_id=self.tasks.new_id(),
            flow=flow,
            input=flow.definition.input_template | request.input,
            create_time=now_ms,
            update_time=now_ms,
            correlation_id=request.correlation_id,
            priority=request.priority or 0,
            task_to_domain=request.task_to_domain,
        )
        self.workflows[execution.workflow_id] = execution
        self._begin(execution, flow.first)
        return execution

    def end_task(self, live: Live, status: TaskStatus, reason: str | None) -> None:
        """A task has ended: go on with the workflow, try the task again, or end the workflow."""
        self.tasks.remove(live, status)
        live.shown.reason_for_incompletion = reason
        if status is TaskStatus.COMPLETED:
            self.tasks.tell(FactKind.ACKED, live)
            self._go_on(live)
        elif status in _RETRIED and live.shown.retry_count < live.retries_max:
            self._retry(live)
        elif live.step.task.optional:
            live.shown.status = TaskStatus.COMPLETED_WITH_ERRORS
            self.tasks.tell(FactKind.DEAD_LETTERED, live, reason=status.value)
            self._go_on(live)
        else:
            self.tasks.tell(FactKind.DEAD_LETTERED, live, reason=status.value)
            self._fail(live, status, reason)

    def end_workflow(self, execution: Execution, status: str, reason: str | None) -> None:
        """End a workflow, and cancel what it still had open."""
        execution.status = status
        execution.reason_for_incompletion = reason
        execution.end_time = execution.update_time = self.timeline.now_ms
        for live in execution.open.values():
            self.tasks.remove(live, TaskStatus.CANCELED)
            self.tasks.tell(FactKind.REMOVED, live, reason="canceled")
        execution.open.clear()

    def _begin(self, execution: Execution, step: Step) -> None:
        """Schedule a step."""
        task = step.task
        if task.type == FORK:
            self._note_step(execution, step, TaskStatus.COMPLETED)
            for branch in step.branches:
                self._begin(execution, branch)
            if step.following is not None:
                self._begin(execution, step.following)
        elif task.type == JOIN:
            self._note_step(execution, step, TaskStatus.IN_PROGRESS)
            self._look_at_joins(execution)
        else:
            self._schedule(execution, step)

    def _schedule(self, execution: Execution, step: Step) -> None:
        task = step.task
        known = task.task_definition or self._definitions.get(task.name)
        definition = known or self._undefined(task.name)
        given = execution.input if step.takes_all else fill(task.input_parameters, execution.look_up)
        filled = definition.input_template | given if definition.input_template else given
        live = self._add(execution, step, definition, filled, task.start_delay)
        if known is not None and task.retry_count is not None:
            live.retries_max = task.retry_count
        self.tasks.enqueue(live, task.start_delay)
        self.tasks.tell(FactKind.SENT, live, until=live.visible_at)

    def _undefined(self, name: str) -> TaskDef:
        """How tasks of a type are handled that nobody has defined: they are not tried again."""
        definition = self._ad_hoc.get(name)
        if definition is None:
            definition = self._ad_hoc[name] = TaskDef(name, retry_count=0)
        return definition

    def _note_step(self, execution: Execution, step: Step, status: TaskStatus) -> None:
        """Have a task for a step that no worker does."""
        definition = TaskDef(step.task.name, response_timeout_seconds=0)
        live = self._add(execution, step, definition, {}, 0)
        live.shown.start_time = live.shown.scheduled_time
        live.shown.status = status
        if status is TaskStatus.COMPLETED:
            live.shown.end_time = live.shown.start_time
            live.shown.executed = True
            del execution.open[live.shown.task_id]

    def _add(self, execution: Execution, step: Step, definition: TaskDef, filled: Json, delay_s: int) -> Live:
        shown = new_task(execution, step, definition, filled, delay_s)
        live = Live(shown, execution, step, definition)
        self.tasks.add(live)
        return live

    def _go_on(self, live: Live) -> None:
        """A task is done: schedule what comes after it, or end the workflow."""
        execution = live.workflow
        live.shown.executed = True
        execution.open.pop(live.shown.task_id, None)
        if live.step.following is not None:
            self._begin(execution, live.step.following)
        self._look_at_joins(execution)
        if not execution.open and execution.status == states.RUNNING:
            execution.output = self._output_of(execution, live)
            self.end_workflow(execution, states.COMPLETED, None)

    def _look_at_joins(self, execution: Execution) -> None:
        for live in list(execution.open.values()):
            # A join that is done may have let others be done, which were looked at then.
            is_open = live.shown.task_id in execution.open
            if is_open and live.step.task.type == JOIN and _is_joined(live):
                live.shown.output_data = {
                    name: execution.latest[name].shown.output_data for name in live.step.task.join_on
                }
                live.shown.status = TaskStatus.COMPLETED
                live.shown.end_time = self.timeline.now_ms
                self._go_on(live)

    def _output_of(self, execution: Execution, last: Live) -> Json:
        parameters = execution.flow.definition.output_parameters
        return fill(parameters, execution.look_up) if parameters else last.shown.output_data

    def _retry(self, live: Live) -> None:
        """Schedule a task once more, as another one."""
        execution = live.workflow
        delay_s = live.definition.retry_delay_s(live.shown.retry_count)
        live.shown.retried = True
        del execution.open[live.shown.task_id]
        again = Live(retry_of(live.shown, delay_s), execution, live.step, live.definition)
        again.retries_max, again.delivery_count = live.retries_max, live.delivery_count
        self.tasks.add(again)
        self.tasks.enqueue(again, delay_s)
        timed_out = live.shown.status is TaskStatus.TIMED_OUT
        kind, reason = (FactKind.EXPIRED, "") if timed_out else (FactKind.NACKED, "retry")
        self.tasks.tell(kind, live, until=again.visible_at, reason=reason)

    def _fail(self, live: Live, status: TaskStatus, reason: str | None) -> None:
        """A task failed for good, and the workflow with it."""
        execution = live.workflow
        ended = states.TIMED_OUT if status is TaskStatus.TIMED_OUT else states.FAILED
        live.shown.executed = True
        del execution.open[live.shown.task_id]
        execution.output = self._output_of(execution, live)
        execution.failed_reference_task_names.append(live.shown.reference_task_name)
        why = f"Task {live.shown.task_id} failed with status: {ended} and reason: '{reason}'"
        self.end_workflow(execution, ended, why)

    def _ring(self, live: Live) -> None:
        """Do about a task what is due."""
        now = self.timeline.now
        if live.visible_at is not None and live.visible_at <= now:
            live.visible_at = None
            self._queues.push(live, expected=True)
        overdue = why_overdue(live, now)
        if overdue is None:
            self.tasks.arm(live)
            return
        if overdue.is_final:
            live.retries_max = 0
        self.end_task(live, TaskStatus.TIMED_OUT, overdue.reason)


def _is_joined(join: Live) -> bool:
    """Whether all is done that a join waits for."""
    latest = (join.workflow.latest.get(name) for name in join.step.task.join_on)
    return all(each is not None and each.shown.status in _SUCCESSFUL for each in latest)
