"""In which order the steps of a workflow come."""

from __future__ import annotations

import msgspec

from fakes.conductor.definitions import TaskDef, WorkflowDef, WorkflowTask, plain
from fakes.conductor.errors import invalid_input

SIMPLE, FORK, JOIN = "SIMPLE", "FORK_JOIN", "JOIN"


class Step:
    """A step of a workflow in its place.

    Attributes:
        task: The step.
        following: The step after it; None for the last, and for the last of a branch.
        branches: The first step of each branch of a FORK_JOIN.
        takes_all: Whether its input is that of the workflow, whole.
    """

    __slots__ = ("_shown", "_shown_with", "branches", "following", "takes_all", "task")

    def __init__(self, task: WorkflowTask, following: Step | None) -> None:
        self.task = task
        self.following = following
        self.takes_all = False
        self.branches: list[Step] = []
        self._shown_with: TaskDef | None = None
        self._shown = msgspec.Raw()

    def shown(self, definition: TaskDef) -> msgspec.Raw:
        """The step with its definition, as its tasks show it."""
        if self._shown_with is not definition:
            with_definition = plain(self.task) | {"taskDefinition": plain(definition)}
            self._shown_with, self._shown = definition, msgspec.Raw(msgspec.json.encode(with_definition))
        return self._shown


class Flow:
    """The steps of a workflow in their places.

    Args:
        definition: The workflow.

    Attributes:
        definition: The workflow.
        first: Its first step.

    Raises:
        ConductorError: There is no step, two have the same name, or one is of a type that is not here.
    """

    def __init__(self, definition: WorkflowDef) -> None:
        self.definition = definition
        self._names: set[str] = set()
        first = self._chain(definition.tasks)
        if first is None:
            raise invalid_input("WorkflowTask list cannot be empty")
        self.first = first

    def _chain(self, tasks: list[WorkflowTask]) -> Step | None:
        following: Step | None = None
        for task in reversed(tasks):
            self._check(task)
            _check_fork(task, following)
            following = Step(task, following)
            following.branches = [
                branch for each in task.fork_tasks if (branch := self._chain(each)) is not None
            ]
        return following

    def _check(self, task: WorkflowTask) -> None:
        name = task.task_reference_name
        if name in self._names:
            raise invalid_input(
                f"taskReferenceName: {name} should be unique across tasks for a given workflow"
            )
        self._names.add(name)
        if task.type not in (SIMPLE, FORK, JOIN):
            raise invalid_input(f"this stand-in has no tasks of type {task.type}")


def _check_fork(task: WorkflowTask, following: Step | None) -> None:
    if task.type == FORK and (following is None or following.task.type != JOIN):
        raise invalid_input("Fork task definition is not followed by a join task")
