"""What the workers of `programs/` are to do, and how it must have ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from fakes.conductor import ConductorService
from fakes.conductor.definitions import TaskDef, WorkflowDef, WorkflowTask
from fakes.conductor.execution import Execution
from fakes.conductor.requests import StartWorkflow
from fakes.conductor.values import Json, Task, TaskLog, TaskStatus

LENGTH_S, SILENCE_S = 7, 6
"""[OSS] looks once a second whether 0.8 of the time to answer are over: 5 s may be too short for it."""


class Done(Struct):
    """A workflow that has ended.

    Attributes:
        execution: The workflow.
        logs: The lines about its first task.
    """

    execution: Execution
    logs: list[TaskLog]

    @property
    def first(self) -> Task:
        return self.execution.tasks[0].shown

    @property
    def tries(self) -> list[TaskStatus]:
        return [each.shown.status for each in self.execution.tasks]


def start_one(task_type: str, given: Json, domain: str | None = None) -> Callable[[ConductorService], str]:
    """What starts a workflow of one task."""
    return lambda service: service.start_task(task_type, given, domain=domain).workflow_instance_id


def start_wide(service: ConductorService) -> str:
    """Twenty tasks at a time, and one after them."""
    names = [f"s{number}" for number in range(20)]
    given: Json = {"number": "${workflow.input.number}"}
    branches = [[WorkflowTask("scripted", name, input_parameters=given)] for name in names]
    steps = [
        WorkflowTask("fork", "fork", "FORK_JOIN", fork_tasks=branches),
        WorkflowTask("join", "join", "JOIN", join_on=names),
        WorkflowTask("scripted", "last", input_parameters={"number": "${s7.retryCount}"}),
    ]
    wide = StartWorkflow("wide", input={"number": 5}, workflow_def=WorkflowDef("wide", tasks=steps))
    return service.start_workflow(wide)


def start_long(service: ConductorService) -> str:
    """A task that takes longer than a worker may be silent."""
    step = WorkflowTask(
        "scripted",
        "long",
        input_parameters={"do": "take long", "number": LENGTH_S},
        task_definition=TaskDef("scripted", response_timeout_seconds=SILENCE_S),
    )
    return service.start_workflow(StartWorkflow("long", workflow_def=WorkflowDef("long", tasks=[step])))


def check_wide(done: Done) -> None:
    """Each is done, once, with what was given."""
    assert (done.execution.status, len(done.tries)) == ("COMPLETED", 23)
    assert set(done.tries) == {TaskStatus.COMPLETED}
    tasks = [each.shown for each in done.execution.tasks if each.shown.task_type == "scripted"]
    assert {task.input_data["number"] for task in tasks[:-1]} == {5}
    assert all(task.worker_id and task.poll_count == 1 and task.output_data for task in tasks)


def check_raised(done: Done) -> None:
    """A task that raises is tried again by the server's definition, and its traceback is kept."""
    assert done.tries == [TaskStatus.FAILED, TaskStatus.COMPLETED]
    assert done.first.reason_for_incompletion == "not yet"
    (log,) = done.logs
    assert "ValueError: not yet" in log.log
    assert log.created_time is not None
    assert log.created_time < 10_000_000_000, "both clients send seconds where the server has ms"


def check_given_up(done: Done) -> None:
    """A terminal error fails the workflow."""
    assert (done.execution.status, done.tries) == ("FAILED", [TaskStatus.FAILED_WITH_TERMINAL_ERROR])
    assert done.first.reason_for_incompletion == "hopeless"


def check_called_back(done: Done) -> None:
    """A task in progress comes back to a worker."""
    assert (done.tries, done.first.poll_count) == ([TaskStatus.COMPLETED], 2)
    assert done.first.end_time - done.first.start_time >= 1000


def check_logged(done: Done) -> None:
    """Lines go with the result."""
    assert [each.log for each in done.logs] == ["a line"]


def check_domain(done: Done) -> None:
    """A worker of a domain gets the tasks of that domain."""
    assert (done.execution.status, done.first.domain) == ("COMPLETED", "d")


def check_done(done: Done) -> None:
    """[SWIFT] worker_abc.py: a worker of several types polls them in turn."""
    assert done.execution.status == "COMPLETED"


def check_plain(done: Done) -> None:
    """[SWIFT] worker_impl.py: a function without annotations is given the task, and returns the output."""
    assert done.first.output_data == {"id": done.first.task_id}


def check_whole(done: Done) -> None:
    """[SWIFT] worker_impl.py: one that says so returns the result."""
    assert done.first.output_data == {"seen": {"x": 1}}


def check_long(done: Done) -> None:
    """[OSS] lease_tracker.py: `extendLease` at 0.8 of the time to answer."""
    assert done.tries == [TaskStatus.COMPLETED]
    assert done.first.end_time - done.first.start_time >= 1000 * LENGTH_S


class Scenario(Struct):
    """A workflow to start, and how it must have ended."""

    start: Callable[[ConductorService], str]
    check: Callable[[Done], None]


EITHER: Final = [
    Scenario(start_wide, check_wide),
    Scenario(start_one("scripted", {"do": "raise once"}), check_raised),
    Scenario(start_one("scripted", {"do": "give up"}), check_given_up),
    Scenario(start_one("scripted", {"do": "call back"}), check_called_back),
    Scenario(start_one("scripted", {"do": "log"}), check_logged),
    Scenario(start_one("in_domain", {"number": 2}, "d"), check_domain),
]
SWIFT: Final = [
    Scenario(start_one("left", {}), check_done),
    Scenario(start_one("right", {}), check_done),
    Scenario(start_one("plain", {}), check_plain),
    Scenario(start_one("whole", {"x": 1}), check_whole),
]
OSS: Final = [Scenario(start_long, check_long)]
