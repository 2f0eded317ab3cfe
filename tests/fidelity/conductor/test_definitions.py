"""Facts about domains, ends and definitions, each with its source in the server, conductor-oss/conductor.

[OPS] core/.../core/execution/WorkflowExecutorOps.java
[PROPS] core/.../core/config/ConductorProperties.java
[META] core/.../service/MetadataServiceImpl.java
[DEF] common/.../common/metadata/tasks/TaskDef.java, constraints/TaskTimeoutConstraint.java
"""

from __future__ import annotations

import pytest

from fakes.conductor import ConductorError
from fakes.conductor.definitions import TaskDef, WorkflowDef
from fakes.conductor.requests import StartWorkflow
from tests.fakes.conductor.worlds import World, step


@pytest.mark.parametrize(
    ("wanted", "domain"),
    [
        ({}, None),
        ({"a": "d"}, "d"),
        ({"*": "d"}, "d"),
        ({"*": "d", "a": "e"}, "e"),
        ({"b": "d"}, None),
        ({"a": "busy, d"}, "busy"),
        ({"a": "d, busy"}, "busy"),
        ({"a": "d, gone"}, "gone"),
        ({"a": "gone, d"}, "d"),
        ({"a": "d, NO_DOMAIN"}, None),
    ],
)
def test_a_task_goes_to_the_first_domain_whose_workers_poll_or_to_the_last(
    world: World, wanted: dict[str, str], domain: str | None
) -> None:
    """[OPS] getActiveDomain: NO_DOMAIN is none; [PROPS] activeWorkerLastPollTimeout is 10 s."""
    world.service.polling.take("a", "w", "gone")
    world.clock.advance(10.0)
    world.service.polling.take("a", "w", "busy")
    world.start(step("a"), task_to_domain=wanted)
    assert world.take(domain=domain).domain == domain


def test_a_completed_workflow_cannot_be_ended(world: World) -> None:
    """[OPS] terminateWorkflow: ConflictException."""
    workflow_id = world.start(step("a"))
    world.say(world.take())
    with pytest.raises(ConductorError, match="Cannot terminate a COMPLETED workflow") as caught:
        world.service.terminate_workflow(workflow_id)
    assert caught.value.status == 409


def test_definitions_are_kept_changed_and_forgotten(world: World) -> None:
    """[META] NotFoundException for what is not there; ConflictException for a workflow that is."""
    metadata = world.service.metadata
    world.service.define_task("a", retry_count=1)
    metadata.change_task(TaskDef("a", retry_count=2))
    assert metadata.task("a").retry_count == 2
    metadata.drop_task("a")
    metadata.add_workflow(WorkflowDef("flow", tasks=[step("a")]))
    with pytest.raises(ConductorError, match="already exists") as caught:
        metadata.add_workflow(WorkflowDef("flow", tasks=[step("a")]))
    assert caught.value.status == 409
    metadata.drop_workflow("flow", 1)
    for missing in (
        lambda: metadata.task("a"),
        lambda: metadata.drop_task("a"),
        lambda: metadata.change_task(TaskDef("a")),
        lambda: metadata.workflow("flow"),
        lambda: metadata.drop_workflow("flow", 1),
        lambda: world.service.workflow("nobody"),
        lambda: world.service.terminate_workflow("nobody"),
        lambda: world.service.start_workflow(StartWorkflow("flow")),
        lambda: world.service.open_task(world.start(step("a")), "b"),
    ):
        with pytest.raises(ConductorError) as caught:
            missing()
        assert caught.value.status == 404


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"retry_count": -1}, "retryCount"),
        ({"response_timeout_seconds": 0}, "responseTimeoutSeconds"),
        ({"timeout_seconds": 60}, "responseTimeoutSeconds"),
    ],
)
def test_a_definition_of_a_task_that_breaks_a_rule_is_refused(
    world: World, settings: dict[str, int], path: str
) -> None:
    """[DEF] @Min, TaskTimeoutConstraint."""
    with pytest.raises(ConductorError) as caught:
        world.service.define_task("a", **settings)
    assert [each.path for each in caught.value.violations] == [path]
    assert caught.value.status == 400


def test_what_a_definition_does_not_say(world: World) -> None:
    """[DEF] The defaults of the fields."""
    definition = world.service.define_task("a")
    assert (definition.retry_count, definition.retry_delay_seconds) == (3, 60)
    assert (definition.response_timeout_seconds, definition.timeout_seconds) == (3600, 0)
    assert (definition.retry_logic.value, definition.timeout_policy.value) == ("FIXED", "TIME_OUT_WF")
    assert (definition.poll_timeout_seconds, definition.concurrent_exec_limit) == (None, None)
