"""The definitions that a server has."""

from __future__ import annotations

from fakes.conductor.definitions import (
    TaskDef,
    WorkflowDef,
    WorkflowTask,
    check_task_def,
    no_task_def,
    no_workflow_def,
)
from fakes.conductor.errors import conflict
from fakes.conductor.flow import Flow


class Metadata:
    """Definitions by their names.

    Attributes:
        tasks: How tasks of a type are handled.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, TaskDef] = {}
        self._flows: dict[str, dict[int, Flow]] = {}
        self._alone: dict[str, Flow] = {}

    def put_tasks(self, definitions: list[TaskDef]) -> None:
        """Define types of tasks, in place of what was known about them.

        Raises:
            ConductorError: One breaks a rule; none is defined then.
        """
        for definition in definitions:
            check_task_def(definition)
        self.tasks.update({definition.name: definition for definition in definitions})

    def change_task(self, definition: TaskDef) -> None:
        """Define a type of task that is there already.

        Raises:
            ConductorError: It is not, or the definition breaks a rule.
        """
        self.task(definition.name)
        self.put_tasks([definition])

    def task(self, name: str) -> TaskDef:
        """How tasks of a type are handled.

        Raises:
            ConductorError: There is no such type.
        """
        if name not in self.tasks:
            raise no_task_def(name)
        return self.tasks[name]

    def drop_task(self, name: str) -> None:
        """Forget a type of task.

        Raises:
            ConductorError: There is no such type.
        """
        self.task(name)
        del self.tasks[name]

    def add_workflow(self, definition: WorkflowDef) -> None:
        """Define a workflow.

        Raises:
            ConductorError: It is there already, or makes no sense.
        """
        if definition.version in self._flows.get(definition.name, {}):
            raise conflict(f"Workflow with {definition.name}.{definition.version} already exists!")
        self.put_workflows([definition])

    def put_workflows(self, definitions: list[WorkflowDef]) -> None:
        """Define workflows, in place of what was known about them.

        Raises:
            ConductorError: One makes no sense; none is defined then.
        """
        for flow in [Flow(definition) for definition in definitions]:
            name, version = flow.definition.name, flow.definition.version
            self._flows.setdefault(name, {})[version] = flow

    def workflow(self, name: str, version: int | None = None) -> Flow:
        """A workflow; its highest version unless told otherwise.

        Raises:
            ConductorError: There is no such workflow.
        """
        versions = self._flows.get(name, {})
        found = versions.get(max(versions, default=0) if version is None else version)
        if found is None:
            raise no_workflow_def(name, version)
        return found

    def workflows(self) -> list[WorkflowDef]:
        """Every workflow in every version."""
        return [flow.definition for versions in self._flows.values() for flow in versions.values()]

    def drop_workflow(self, name: str, version: int) -> None:
        """Forget a workflow.

        Raises:
            ConductorError: There is no such workflow.
        """
        self.workflow(name, version)
        del self._flows[name][version]

    def alone(self, task_type: str) -> Flow:
        """A workflow of one task and nothing else, whose input is that of the workflow."""
        flow = self._alone.get(task_type)
        if flow is None:
            flow = Flow(WorkflowDef(task_type, tasks=[WorkflowTask(task_type, task_type)]))
            flow.first.takes_all = True
            self._alone[task_type] = flow
        return flow
