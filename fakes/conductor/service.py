"""Conductor's calls, on the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from cloud_tasks.interfaces import Clock
from fakes.conductor.definitions import TaskDef
from fakes.conductor.errors import conflict, invalid_input, no_workflow, not_found
from fakes.conductor.execution import COMPLETED, RUNNING, TERMINATED, Execution
from fakes.conductor.executions import Executions
from fakes.conductor.flow import Flow
from fakes.conductor.metadata import Metadata
from fakes.conductor.polling import Polling
from fakes.conductor.queues import TaskQueues, queue_name
from fakes.conductor.requests import StartWorkflow
from fakes.conductor.results import Results
from fakes.conductor.values import Json, PollData, Task, TaskLog, TaskResult
from fakes.history import Fact

_POLL_MS_MAX = 5000


def check_timeout(timeout_ms: int) -> float:
    """How long a poll waits, in s.

    Raises:
        ConductorError: That is too long.
    """
    if timeout_ms > _POLL_MS_MAX:
        raise invalid_input("Long Poll Timeout value cannot be more than 5 seconds")
    return timeout_ms / 1000


class ConductorService:
    """A model of a Conductor server, in memory and on any clock.

    Deterministic: the same calls at the same times give the same ids, answers and order. Every call raises
    `ConductorError` where the server would refuse it. Tasks are handed out as they are, not as copies: one
    changes as it goes on.

    Args:
        clock: Everything ends on its monotonic side; its time of day is read once.
        seed: Of the ids.
        poll_wait_s: How long a poll for a single task waits for one; Conductor waits 0.1 s.
        observe: Told what happens to every task of a worker; the `append` of a list, for instance.

    Attributes:
        metadata: The definitions of tasks and workflows, and the calls about them.
        polling: The queues.
        poll_wait_s: As given.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        poll_wait_s: float = 0.1,
        observe: Callable[[Fact], None] | None = None,
    ) -> None:
        self.metadata = Metadata()
        self._queues = TaskQueues(clock)
        self._executions = Executions(clock, self.metadata.tasks, self._queues, seed, observe)
        self.polling = Polling(clock, self._queues, self._executions.tasks)
        self.poll_wait_s = poll_wait_s
        self._results = Results(self._executions, self._queues)

    # Definitions

    def define_task(self, name: str, **settings: object) -> TaskDef:
        """Define a type of task.

        Args:
            name: The type.
            settings: Fields of `TaskDef`, as plain data or as values.

        Raises:
            ConductorError: The definition breaks a rule.
        """
        plain = msgspec.to_builtins(TaskDef(name, **settings))  # type: ignore[arg-type] # `convert` checks them
        definition = msgspec.convert(plain, TaskDef)
        self.metadata.put_tasks([definition])
        return definition

    # Workflows

    def start_workflow(self, request: StartWorkflow) -> str:
        """Start a workflow; returns its id."""
        self._executions.timeline.catch_up()
        inline = request.workflow_def
        flow = self.metadata.workflow(request.name, request.version) if inline is None else Flow(inline)
        return self._executions.start(flow, request).workflow_id

    def start_task(
        self, task_type: str, input_data: Json | None = None, *, domain: str | None = None
    ) -> Task:
        """Start a workflow of one task; returns the task."""
        self._executions.timeline.catch_up()
        wanted = {} if domain is None else {task_type: domain}
        request = StartWorkflow(task_type, input=input_data or {}, task_to_domain=wanted)
        return self._executions.start(self.metadata.alone(task_type), request).tasks[0].shown

    def start_tasks(self, task_type: str, inputs: Iterable[Json], *, domain: str | None = None) -> list[Task]:
        """Start a workflow of one task for each input; returns the tasks."""
        return [self.start_task(task_type, each, domain=domain) for each in inputs]

    def workflow(self, workflow_id: str) -> Execution:
        """A workflow as it is."""
        self._executions.timeline.catch_up()
        execution = self._executions.workflows.get(workflow_id)
        if execution is None:
            raise no_workflow(workflow_id)
        return execution

    def workflows(self, name: str | None = None) -> list[Execution]:
        """Every workflow, of a name if one is given, in the order in which they were started."""
        self._executions.timeline.catch_up()
        every = self._executions.workflows.values()
        return [each for each in every if name is None or each.flow.definition.name == name]

    def terminate_workflow(self, workflow_id: str, reason: str | None = None) -> None:
        """End a workflow, and cancel its tasks."""
        execution = self.workflow(workflow_id)
        if execution.status == COMPLETED:
            raise conflict("Cannot terminate a COMPLETED workflow.")
        if execution.status == RUNNING:
            self._executions.end_workflow(execution, TERMINATED, reason)

    # Tasks

    async def poll(self, task_type: str, worker: str | None = None, domain: str | None = None) -> Task | None:
        """Take one task, or wait a moment for it; None if there is none."""
        taken = await self.polling.wait_and_take(task_type, worker, domain, 1, self.poll_wait_s)
        return taken[0] if taken else None

    async def batch_poll(
        self,
        task_type: str,
        worker: str | None = None,
        domain: str | None = None,
        *,
        count: int = 1,
        timeout_ms: int = 100,
    ) -> list[Task]:
        """Take up to `count` tasks, or wait for the first; empty if there is none."""
        wait_s = check_timeout(timeout_ms)
        return await self.polling.wait_and_take(task_type, worker, domain, count, wait_s)

    def update_task(self, result: TaskResult) -> Task | None:
        """Say what has become of a task.

        Returns:
            The task, as it was if it had ended already; None where only its lease was extended.
        """
        self._executions.timeline.catch_up()
        return self._results.take(result)

    def check_result(self, result: TaskResult) -> None:
        """Refuse what `update_task` would refuse, and do nothing else."""
        self._executions.timeline.catch_up()
        self._results.check(result)

    async def update_task_v2(self, result: TaskResult) -> Task | None:
        """The same; returns the next task of the same type for the worker, None if there is none."""
        updated = self.update_task(result)
        return (
            None if updated is None else await self.poll(updated.task_type, result.worker_id, updated.domain)
        )

    def task(self, task_id: str) -> Task | None:
        """A task as it is; None if there is none."""
        self._executions.timeline.catch_up()
        live = self._executions.tasks.by_id.get(task_id)
        return None if live is None else live.shown

    def open_task(self, workflow_id: str, reference_task_name: str) -> str:
        """The id of the task of a step that has not ended."""
        live = self.workflow(workflow_id).latest.get(reference_task_name)
        if live is None or live.has_ended:
            raise not_found(
                f"Found no running task {reference_task_name} of workflow {workflow_id} to update"
            )
        return live.shown.task_id

    def add_log(self, task_id: str, line: str) -> None:
        """Keep a line about a task, whether there is such a task or not."""
        self._executions.timeline.catch_up()
        self._results.keep(task_id, TaskLog(line))

    def logs(self, task_id: str) -> list[TaskLog]:
        """The lines about a task."""
        return list(self._results.logs.get(task_id, ()))

    def queue_size(self, task_type: str, domain: str | None = None) -> int:
        """How many tasks wait, those included that cannot be polled yet."""
        self._executions.timeline.catch_up()
        return self._queues.sizes[queue_name(task_type, domain)]

    def queue_sizes(self) -> dict[str, int]:
        """The same for every queue, by its name: `domain:type`, or `type` alone."""
        self._executions.timeline.catch_up()
        return dict(self._queues.sizes)

    def poll_data(self, task_type: str | None = None) -> list[PollData]:
        """Who polled last for a type, or for any, in each domain."""
        polls = self._executions.tasks.polls
        return polls.all() if task_type is None else polls.of(task_type)

    def catch_up(self) -> float:
        """Do what is due by now; returns when something will be due by itself next, infinity for never.

        Calls do so as well: this is for those who want to be told of it at its moment.
        """
        self._executions.timeline.catch_up()
        return self._executions.timeline.next_moment()

    def counts(self, task_type: str) -> dict[str, int]:
        """How many tasks of a type that has no domains are "visible", "in_flight" and "delayed"."""
        size, visible = self.queue_size(task_type), self.polling.ready_count(task_type)
        in_flight = self._executions.tasks.in_progress[task_type]
        return {"visible": visible, "in_flight": in_flight, "delayed": size - visible}

    def close(self) -> None:
        """Let nobody wait any longer: each poll under way finds what there is. The model can be used on."""
        self._queues.send_home()
