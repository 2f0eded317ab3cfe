"""Workflows: steps in sequence and in branches, what goes in and what comes out."""

from __future__ import annotations

import msgspec
import pytest

from fakes.conductor import ConductorError
from fakes.conductor.definitions import TaskDef, WorkflowDef, WorkflowTask
from fakes.conductor.requests import StartWorkflow
from fakes.conductor.values import TaskStatus
from fakes.history import FactKind
from tests.fakes.conductor.worlds import World, step


def test_steps_come_one_after_the_other(world: World) -> None:
    workflow_id = world.start(step("a"), step("b"), step("c"))
    for name in "abc":
        assert [each for each in "abc" if world.can_take(each)] == [name]
        world.say(world.take(name))
    execution = world.service.workflow(workflow_id)
    assert execution.status == "COMPLETED"
    assert [each.shown.seq for each in execution.tasks] == [1, 2, 3]
    assert all(each.shown.executed for each in execution.tasks)


def test_steps_get_what_was_given_and_what_came_out_before(world: World) -> None:
    parameters = {
        "n": "${workflow.input.n}",
        "deep": {"list": ["${a.output.x.y}", 1]},
        "text": "no ${workflow.input.n} of ${workflow.workflowType}, tries ${a.retryCount}",
        "none": "${workflow.input.absent.more}",
        "nobody": "${nobody.output.x}",
        "as_it_is": 7,
    }
    world.start(step("a"), step("b", input_parameters=parameters), given={"n": 5})
    world.say(world.take("a"), output_data={"x": {"y": [1, 2]}})
    assert world.take("b").input_data == {
        "n": 5,
        "deep": {"list": [[1, 2], 1]},
        "text": "no 5 of flow, tries 0",
        "none": None,
        "nobody": None,
        "as_it_is": 7,
    }


def test_templates_fill_what_is_not_given(world: World) -> None:
    world.service.define_task("a", input_template={"x": 1, "y": 2})
    world.start(step("a", input_parameters={"y": 3}))
    assert world.take().input_data == {"x": 1, "y": 3}
    definition = WorkflowDef("flow", tasks=[step("a")], input_template={"x": 1, "y": 2})
    request = StartWorkflow("flow", input={"y": 3}, workflow_def=definition)
    assert world.service.workflow(world.service.start_workflow(request)).input == {"x": 1, "y": 3}


def test_a_workflow_shows_its_own_output_or_that_of_its_last_task(world: World) -> None:
    definition = WorkflowDef("flow", tasks=[step("a")], output_parameters={"got": "${a.output.x}"})
    workflow_id = world.service.start_workflow(StartWorkflow("flow", workflow_def=definition))
    world.say(world.take(), output_data={"x": 5})
    assert world.service.workflow(workflow_id).output == {"got": 5}


def test_branches_run_at_the_same_time_and_are_joined(world: World) -> None:
    fork = WorkflowTask("fork", "fork", "FORK_JOIN", fork_tasks=[[step("a"), step("b")], [step("c")]])
    join = WorkflowTask("join", "join", "JOIN", join_on=["b", "c"])
    workflow_id = world.start(fork, join, step("d"))
    execution = world.service.workflow(workflow_id)
    assert [each for each in "abcd" if world.can_take(each)] == ["a", "c"]
    world.say(world.take("c"), output_data={"c": 1})
    world.say(world.take("a"))
    assert not world.can_take("d")
    world.say(world.take("b"), output_data={"b": 2})
    assert execution.latest["join"].shown.output_data == {"b": {"b": 2}, "c": {"c": 1}}
    world.say(world.take("d"))
    assert execution.status == "COMPLETED"
    types = [each.shown.task_type for each in execution.tasks]
    assert types == ["FORK_JOIN", "a", "c", "JOIN", "b", "d"]
    assert world.service.queue_sizes() == {"a": 0, "b": 0, "c": 0, "d": 0}


def test_a_workflow_may_end_with_a_join(world: World) -> None:
    fork = WorkflowTask("fork", "fork", "FORK_JOIN", fork_tasks=[[step("a")]])
    workflow_id = world.start(fork, WorkflowTask("join", "join", "JOIN", join_on=["a"]))
    world.say(world.take("a"), output_data={"x": 1})
    execution = world.service.workflow(workflow_id)
    assert (execution.status, execution.output) == ("COMPLETED", {"a": {"x": 1}})


def test_a_join_of_a_join_is_done_once(world: World) -> None:
    inner = WorkflowTask("inner", "inner", "FORK_JOIN", fork_tasks=[[step("a")]])
    branch = [inner, WorkflowTask("join_inner", "join_inner", "JOIN", join_on=["a"])]
    outer = WorkflowTask("outer", "outer", "FORK_JOIN", fork_tasks=[branch])
    workflow_id = world.start(
        outer, WorkflowTask("join_outer", "join_outer", "JOIN", join_on=["join_inner"]), step("b")
    )
    world.say(world.take("a"), output_data={"x": 1})
    execution = world.service.workflow(workflow_id)
    names = [each.shown.reference_task_name for each in execution.tasks]
    assert names == ["outer", "inner", "a", "join_inner", "join_outer", "b"]
    assert execution.latest["join_outer"].shown.output_data == {"join_inner": {"a": {"x": 1}}}
    world.say(world.take("b"))
    assert execution.status == "COMPLETED"


def test_a_failure_in_a_branch_cancels_the_others(world: World) -> None:
    fork = WorkflowTask("fork", "fork", "FORK_JOIN", fork_tasks=[[step("a")], [step("b")], [step("c")]])
    workflow_id = world.start(fork, WorkflowTask("join", "join", "JOIN", join_on=["a", "b", "c"]))
    busy = world.take("b")
    world.say(world.take("a"), "FAILED_WITH_TERMINAL_ERROR")
    execution = world.service.workflow(workflow_id)
    statuses = {each.shown.reference_task_name: each.shown.status.value for each in execution.tasks}
    assert statuses == {
        "fork": "COMPLETED",
        "a": "FAILED_WITH_TERMINAL_ERROR",
        "b": "CANCELED",
        "c": "CANCELED",
        "join": "CANCELED",
    }
    assert not world.can_take("c")
    world.say(busy)
    assert busy.status is TaskStatus.CANCELED


def test_an_optional_step_may_fail(world: World) -> None:
    world.start(step("a", optional=True), step("b"))
    task = world.take("a")
    world.say(task, "FAILED")
    assert task.status is TaskStatus.COMPLETED_WITH_ERRORS
    world.say(world.take("b"))
    assert world.status_of(task) == "COMPLETED"


def test_a_step_may_be_tried_more_often_than_its_type_and_later(world: World) -> None:
    world.service.define_task("a", retry_count=0, retry_delay_seconds=0)
    world.start(step("a", retry_count=1, start_delay=5))
    world.clock.advance(4.9)
    assert not world.can_take()
    world.clock.advance(0.1)
    world.say(world.take(), "FAILED")
    world.say(world.take(), "FAILED")
    assert not world.can_take()


def test_a_task_shows_the_definition_that_holds_for_it(world: World) -> None:
    metadata = world.service.metadata
    metadata.add_workflow(WorkflowDef("flow", tasks=[step("a")]))
    for retry_count in (1, 2):
        world.service.define_task("a", retry_count=retry_count)
        world.service.start_workflow(StartWorkflow("flow"))
        shown = msgspec.json.decode(world.take().workflow_task)
        assert shown["taskDefinition"]["retryCount"] == retry_count
        assert None not in [*shown.values(), *shown["taskDefinition"].values()]


def test_a_step_may_bring_its_own_definition(world: World) -> None:
    world.start(step("a", task_definition=TaskDef("a", retry_count=1, retry_delay_seconds=0)))
    world.say(world.take(), "FAILED")
    assert world.take().retry_count == 1


def test_a_workflow_is_ended_with_everything_that_it_had(world: World) -> None:
    workflow_id = world.start(step("a"))
    world.service.terminate_workflow(workflow_id, "enough")
    execution = world.service.workflow(workflow_id)
    assert (execution.status, execution.reason_for_incompletion) == ("TERMINATED", "enough")
    assert (world.can_take(), world.service.queue_size("a"), execution.open) == (False, 0, {})
    world.service.terminate_workflow(workflow_id, "again")
    assert execution.reason_for_incompletion == "enough"


def test_workflows_are_started_by_name_in_the_highest_version(world: World) -> None:
    metadata = world.service.metadata
    metadata.add_workflow(WorkflowDef("flow", 1, [step("a")]))
    metadata.put_workflows([WorkflowDef("flow", 2, [step("b")])])
    world.service.start_workflow(StartWorkflow("flow", correlation_id="c"))
    assert world.take("b").correlation_id == "c"
    world.service.start_workflow(StartWorkflow("flow", 1))
    assert world.can_take("a")
    assert [each.flow.definition.version for each in world.service.workflows("flow")] == [2, 1]
    assert world.service.workflows("other") == []


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([], "WorkflowTask list cannot be empty"),
        ([step("a"), step("a")], "taskReferenceName: a should be unique"),
        ([WorkflowTask("a", "a", "HTTP")], "no tasks of type HTTP"),
        ([WorkflowTask("f", "f", "FORK_JOIN", fork_tasks=[[step("a")]])], "not followed by a join"),
    ],
)
def test_a_workflow_that_makes_no_sense_is_refused(world: World, steps: list[WorkflowTask], why: str) -> None:
    with pytest.raises(ConductorError, match=why) as caught:
        world.service.metadata.add_workflow(WorkflowDef("flow", tasks=steps))
    assert caught.value.status == 400
    assert world.service.metadata.workflows() == []


def test_every_task_is_accounted_for(world: World) -> None:
    world.service.define_task("a", retry_delay_seconds=5, response_timeout_seconds=10, retry_count=2)
    task = world.service.start_task("a")
    key = f"{task.workflow_instance_id}/a"
    world.take()
    world.clock.advance(10.0)
    world.clock.advance(5.0)
    world.say(world.take(), "FAILED")
    world.clock.advance(5.0)
    last = world.take()
    world.say(last, "IN_PROGRESS", callback_after_seconds=7)
    world.clock.advance(7.0)
    world.take()
    world.say(last)
    assert {fact.key for fact in world.facts} == {key}
    assert [
        (fact.kind.value, fact.at, fact.delivery_count, fact.until, fact.reason) for fact in world.facts
    ] == [
        ("sent", 0.0, 0, None, ""),
        ("delivered", 0.0, 1, 10.0, ""),
        ("expired", 10.0, 1, 15.0, ""),
        ("delivered", 15.0, 2, 25.0, ""),
        ("nacked", 15.0, 2, 20.0, "retry"),
        ("delivered", 20.0, 3, 30.0, ""),
        ("nacked", 20.0, 3, 27.0, "callback"),
        ("delivered", 27.0, 4, 37.0, ""),
        ("acked", 27.0, 4, None, ""),
    ]


def test_what_is_given_up_or_cancelled_is_accounted_for(world: World) -> None:
    fork = WorkflowTask("fork", "fork", "FORK_JOIN", fork_tasks=[[step("a")], [step("b")]])
    world.start(fork, WorkflowTask("join", "join", "JOIN", join_on=["a", "b"]))
    task = world.take("a")
    world.say(task, "FAILED")
    ends = [(fact.kind, fact.key.partition("/")[2], fact.receipt, fact.reason) for fact in world.facts[3:]]
    assert ends == [
        (FactKind.DEAD_LETTERED, "a", task.task_id, "FAILED"),
        (FactKind.REMOVED, "b", "", "canceled"),
    ]
