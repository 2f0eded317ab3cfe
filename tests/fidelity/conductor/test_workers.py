"""The two published clients run their own workers against the stand-in, unchanged.

[SWIFT] `swift-conductor-client` 1.2.0, of the singular layout
[OSS] `conductor-python` 2.0.0, of the plural layout

What the programs of `programs/` do is what a user of these packages writes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.conductor import ConductorService
from fakes.conductor.definitions import TaskDef, WorkflowDef, WorkflowTask
from fakes.conductor.requests import StartWorkflow
from fakes.conductor.values import Json, TaskStatus
from tests.conductor_servers import ThreadedConductor, serving
from tests.fidelity.conductor.processes import ended, run_one, tries, workers

LENGTH_S, SILENCE_S = 7, 6
"""The client looks once a second whether 0.8 of the time to answer are over: 5 s may be too short for it."""
_LONG_STEP = WorkflowTask(
    "scripted",
    "long",
    input_parameters={"do": "take long", "number": LENGTH_S},
    task_definition=TaskDef("scripted", response_timeout_seconds=SILENCE_S),
)
LONG = StartWorkflow("long", workflow_def=WorkflowDef("long", tasks=[_LONG_STEP]))


def define(service: ConductorService) -> None:
    service.define_task("scripted", retry_delay_seconds=0, retry_count=2)


def served(name: str, directory: pytest.TempPathFactory) -> Iterator[ThreadedConductor]:
    """A server, and the workers of a client."""
    with serving() as one:
        one.run(define)
        with workers(name, one, directory.mktemp(name)):
            yield one


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedConductor]:
    """The workers of [SWIFT]."""
    yield from served("swift", tmp_path_factory)


@pytest.fixture(scope="module")
def oss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedConductor]:
    """The workers of [OSS]; one of them has a task that takes longer than all the tests."""
    for one in served("oss", tmp_path_factory):
        one.run(lambda service: service.start_workflow(LONG))
        yield one


@pytest.fixture(params=["swift", "oss"])
def server(request: pytest.FixtureRequest) -> ThreadedConductor:
    """Both, one after the other."""
    one: ThreadedConductor = request.getfixturevalue(request.param)
    return one


def test_twenty_tasks_of_a_workflow_are_done(server: ThreadedConductor) -> None:
    names = [f"s{number}" for number in range(20)]
    given: Json = {"number": "${workflow.input.number}"}
    branches = [[WorkflowTask("scripted", name, input_parameters=given)] for name in names]
    steps = [
        WorkflowTask("fork", "fork", "FORK_JOIN", fork_tasks=branches),
        WorkflowTask("join", "join", "JOIN", join_on=names),
        WorkflowTask("scripted", "last", input_parameters={"number": "${s7.retryCount}"}),
    ]
    request = StartWorkflow("wide", input={"number": 5}, workflow_def=WorkflowDef("wide", tasks=steps))
    execution = ended(server, server.run(lambda service: service.start_workflow(request)))
    assert (execution.status, len(execution.tasks)) == ("COMPLETED", 23)
    assert set(tries(execution)) == {TaskStatus.COMPLETED}
    done = [each.shown for each in execution.tasks if each.shown.task_type == "scripted"]
    assert {task.input_data["number"] for task in done[:-1]} == {5}
    assert all(task.worker_id and task.poll_count == 1 and task.output_data for task in done)


def test_a_task_that_raises_is_tried_again_by_the_servers_definition(server: ThreadedConductor) -> None:
    execution = run_one(server, {"do": "raise once"})
    assert tries(execution) == [TaskStatus.FAILED, TaskStatus.COMPLETED]
    failed = execution.tasks[0].shown
    assert failed.reason_for_incompletion == "not yet"
    (log,) = server.run(lambda service: service.logs(failed.task_id))
    assert "ValueError: not yet" in log.log
    assert log.created_time is not None
    assert log.created_time < 10_000_000_000, "both clients send seconds where the server has ms"


def test_a_task_that_is_hopeless_fails_its_workflow(server: ThreadedConductor) -> None:
    execution = run_one(server, {"do": "give up"})
    assert (execution.status, tries(execution)) == ("FAILED", [TaskStatus.FAILED_WITH_TERMINAL_ERROR])
    assert execution.tasks[0].shown.reason_for_incompletion == "hopeless"


def test_a_task_in_progress_comes_back_to_a_worker(server: ThreadedConductor) -> None:
    execution = run_one(server, {"do": "call back"})
    assert tries(execution) == [TaskStatus.COMPLETED]
    task = execution.tasks[0].shown
    assert (task.poll_count, task.end_time - task.start_time >= 1000) == (2, True)


def test_logs_go_with_the_result(server: ThreadedConductor) -> None:
    execution = run_one(server, {"do": "log"})
    logs = server.run(lambda service: service.logs(execution.tasks[0].shown.task_id))
    assert [each.log for each in logs] == ["a line"]


def test_a_worker_of_a_domain_gets_the_tasks_of_that_domain(server: ThreadedConductor) -> None:
    outside = server.run(lambda service: service.start_task("in_domain", {"number": 1}))
    execution = run_one(server, {"number": 2}, "in_domain", domain="d")
    assert (execution.status, execution.tasks[0].shown.domain) == ("COMPLETED", "d")
    assert outside.status is TaskStatus.SCHEDULED


def test_a_swift_worker_of_several_types_polls_them_in_turn(swift: ThreadedConductor) -> None:
    """[SWIFT] worker_abc.py, compute_task_definition_name."""
    assert [run_one(swift, {}, name).status for name in ("left", "right")] == ["COMPLETED"] * 2


def test_swift_functions_are_given_the_task(swift: ThreadedConductor) -> None:
    """[SWIFT] worker_impl.py, execute: its annotations say whether it returns the output or the result."""
    plain = run_one(swift, {"x": 1}, "plain").tasks[0].shown
    assert plain.output_data == {"id": plain.task_id}
    assert run_one(swift, {"x": 1}, "whole").tasks[0].shown.output_data == {"seen": {"x": 1}}


def test_a_worker_defines_its_type(oss: ThreadedConductor) -> None:
    """[OSS] task_runner.py, __register_task_definition: changes it, or makes it if it is not there."""
    oss.wait_until(lambda service: "in_domain" in service.metadata.tasks)
    assert oss.run(lambda service: service.metadata.task("in_domain")).retry_count == 7


def test_a_long_task_keeps_its_lease(oss: ThreadedConductor) -> None:
    """[OSS] lease_tracker.py: `extendLease` at 0.8 of the time to answer."""
    (workflow,) = oss.run(lambda service: service.workflows("long"))
    execution = ended(oss, workflow.workflow_id)
    assert tries(execution) == [TaskStatus.COMPLETED]
    task = execution.tasks[0].shown
    assert task.end_time - task.start_time >= 1000 * LENGTH_S
