"""A model in virtual time, and short ways to speak to it."""

from __future__ import annotations

from fakes.clock import VirtualClock
from fakes.conductor import ConductorService
from fakes.conductor.definitions import WorkflowDef, WorkflowTask
from fakes.conductor.requests import StartWorkflow
from fakes.conductor.values import Json, ResultStatus, Task, TaskResult, TaskStatus
from fakes.history import Fact


def result_of(task: Task, status: str = "COMPLETED", **more: object) -> TaskResult:
    """What a worker says about a task."""
    base = TaskResult(task.workflow_instance_id, task.task_id, ResultStatus(status), worker_id="w")
    for name, value in more.items():
        setattr(base, name, value)
    return base


class World:
    """The model, its clock, and what happened to its tasks."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.facts: list[Fact] = []
        self.service = ConductorService(self.clock, observe=self.facts.append)

    def take(self, task_type: str = "a", *, domain: str | None = None, worker: str = "w") -> Task:
        (task,) = self.service.polling.take(task_type, worker, domain)
        return task

    def can_take(self, task_type: str = "a", *, domain: str | None = None) -> bool:
        return bool(self.service.polling.ready_count(task_type, domain))

    def say(self, task: Task, status: str = "COMPLETED", **more: object) -> None:
        self.service.update_task(result_of(task, status, **more))

    def status_of(self, task: Task) -> str:
        return self.service.workflow(task.workflow_instance_id).status

    def tries(self, task: Task) -> list[TaskStatus]:
        """How each task of a workflow ended, in the order in which they were scheduled."""
        return [each.shown.status for each in self.service.workflow(task.workflow_instance_id).tasks]

    def start(self, *steps: WorkflowTask, given: Json | None = None, **more: object) -> str:
        """Start a workflow of these steps."""
        definition = WorkflowDef("flow", tasks=list(steps))
        request = StartWorkflow("flow", input=given or {}, workflow_def=definition)
        for name, value in more.items():
            setattr(request, name, value)
        return self.service.start_workflow(request)


def step(name: str, **more: object) -> WorkflowTask:
    """A step of the type that it is called after."""
    made = WorkflowTask(name, name)
    for each, value in more.items():
        setattr(made, each, value)
    return made
