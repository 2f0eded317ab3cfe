"""Results on disk: nothing that happens to one of them harms another, and none takes a task from anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from cloud_tasks.conductor_app.form import WholeForm
from cloud_tasks.core.task import EndKind, HandBack, Json, Lease, Outcome, OutcomeKind, RunEnd
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.conductor import Carrier
from cloud_tasks.queues.conductor.carrier import Answer
from fakes.conductor.definitions import WorkflowDef, WorkflowTask
from fakes.conductor.requests import StartWorkflow
from fakes.faults import FaultKind, FaultRule
from tests.queues.conductor.world import DONE, OUTAGE, Stumbling, World

ONE_FAILS = FaultRule(FaultKind.UNAVAILABLE, "update_task", calls=(1,))
ONE_ANSWER_LOST = FaultRule(FaultKind.EFFECT_WITHOUT_REPLY, "update_task", calls=(1,))


def saying(status: str) -> Outcome:
    result: Json = {"status": status, "callbackAfterSeconds": 0, "outputData": {"step": 1}}
    return Outcome(OutcomeKind.COMPLETED, end=RunEnd(EndKind.RETURNED, result=result))


GOES_ON = saying("IN_PROGRESS")


# --- what is on disk, and what is wrong with it


async def test_what_is_no_result_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.json").mkdir()
    (tmp_path / "y.json").write_bytes(b'{"colour": "red"}')
    world = World(tmp_path, ONE_FAILS)
    queue = world.queue()
    leases = await world.leases(queue, 2)
    await world.until(1.0)
    for lease in leases:
        await queue.ack(lease, DONE)
    await world.until(15.0)
    assert [world.status_of(lease) for lease in leases] == ["COMPLETED"] * 2
    assert [path.name for path in world.kept()] == ["x.json", "y.json"]
    assert caplog.text.count("x.json is left alone") == 1
    await world.close(queue)


async def test_a_result_that_cannot_be_removed_is_told_once_and_removed_later(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "update_task", calls=(1, 2)))
    queue = world.queue()
    stuck, other = await world.leases(queue, 2)
    await queue.ack(stuck, DONE)
    (path,) = world.kept()
    path.rename(tmp_path / "moved")
    path.mkdir()
    await queue.ack(other, DONE)
    await world.until(5.0)
    assert [world.status_of(lease) for lease in (stuck, other)] == ["COMPLETED"] * 2
    assert world.kept() == [path]
    path.rmdir()
    (tmp_path / "moved").rename(path)
    await world.until(15.0)
    assert world.kept() == []
    await world.close(queue)


class WithoutLook:
    """A server that refuses to tell of a task."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        if method == "GET" and "/poll/" not in path:
            return Answer(400, b"no")
        return await self._carrier.carry(method, path, query, body, timeout_s)

    async def aclose(self) -> None:
        pass


async def test_a_server_that_tells_nothing_of_a_task_keeps_no_result(tmp_path: Path) -> None:
    world = World(tmp_path, ONE_FAILS)
    world.carrier = WithoutLook(world.carrier)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    await queue.ack(lease, DONE)
    await world.until(5.0)
    assert world.status_of(lease) == "COMPLETED"
    assert world.kept() == []
    await world.close(queue)


# --- tasks that go on


async def test_a_task_that_was_put_back_is_not_taken_from_its_new_holder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, ONE_ANSWER_LOST)
    first, second = world.queue(WholeForm()), world.queue(WholeForm())
    (lease,) = await world.leases(first)
    await first.ack(lease, GOES_ON)
    (again,) = await second.receive(1, 0.0)
    assert len(world.kept()) == 1
    await world.until(5.0)
    assert world.kept() == []
    assert world.status_of(lease) == "IN_PROGRESS"
    assert await first.receive(1, 0.0) == []
    await second.ack(again, saying("COMPLETED"))
    assert world.status_of(lease) == "COMPLETED"
    assert "too late" not in caplog.text
    await world.close(first)
    await world.close(second)


@pytest.mark.parametrize("next_start", [False, True])
async def test_a_task_that_could_not_be_put_back_is_put_back_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, next_start: bool
) -> None:
    world = World(tmp_path, ONE_FAILS)
    queue = world.queue(WholeForm())
    (lease,) = await world.leases(queue)
    await queue.ack(lease, GOES_ON)
    if next_start:
        await world.close(queue)
        queue = world.queue(WholeForm())
        assert await queue.receive(1, 0.0) == []
    await world.until(5.0)
    assert world.status_of(lease) == "SCHEDULED"
    assert world.kept() == []
    task = world.service.task(lease.task.task_id)
    assert task is not None
    assert task.output_data == {"step": 1}
    assert "too late" not in caplog.text
    await world.close(queue)


async def test_a_task_that_went_on_elsewhere_while_its_result_lay_on_disk_is_left_there(
    tmp_path: Path,
) -> None:
    """Its worker ended in an outage; meanwhile the task was put back by somebody, and handed out again."""
    world = World(tmp_path, ONE_FAILS)
    queue, other = world.queue(WholeForm()), world.queue(WholeForm())
    assert await other.receive(1, 0.0) == []
    await world.until(1.0)
    (lease,) = await world.leases(queue)
    await queue.ack(lease, GOES_ON)
    await world.close(queue)
    assert len(world.kept()) == 1
    await other.nack(lease, 0.0, HandBack.INTERRUPTED)
    (again,) = await other.receive(1, 0.0)
    await world.until(12.0)
    assert again.task.task_id == lease.task.task_id
    assert world.status_of(lease) == "IN_PROGRESS"
    assert world.kept() == []
    await world.close(other)


async def test_where_the_disk_is_broken_a_repeated_result_takes_the_task_from_nobody(tmp_path: Path) -> None:
    world = World(tmp_path / "results", ONE_ANSWER_LOST)
    first, second = world.queue(WholeForm()), world.queue(WholeForm())
    world.break_disk()
    (lease,) = await world.leases(first)
    with pytest.raises(QueueUnavailableError):
        await first.ack(lease, GOES_ON)
    (again,) = await second.receive(1, 0.0)
    await first.ack(lease, GOES_ON)
    assert world.status_of(again) == "IN_PROGRESS"
    await world.close(first)
    await world.close(second)


async def test_the_failure_of_an_optional_task_is_not_late(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, ONE_FAILS)
    world.service.define_task("jobs", retry_count=0)
    tasks = [WorkflowTask("jobs", "one", optional=True), WorkflowTask("jobs", "two")]
    world.service.start_workflow(StartWorkflow("flow", workflow_def=WorkflowDef("flow", tasks=tasks)))
    queue = world.queue(WholeForm())
    (lease,) = await queue.receive(1, 0.0)
    await queue.ack(lease, saying("FAILED"))
    await world.until(5.0)
    assert world.status_of(lease) == "COMPLETED_WITH_ERRORS"
    assert "too late" not in caplog.text
    await world.close(queue)


# --- outages, and results that only look like one


def stumbling(world: World, *leases: Lease) -> None:
    for lease in leases:
        world.carrier = Stumbling(world.carrier, b'taskId":"' + lease.task.task_id.encode(), 500)


async def test_a_result_that_the_server_stumbles_over_delays_no_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    before = world.queue()
    leases = await world.leases(before, 3)
    stumbling(world, leases[0])
    queue = world.queue()
    assert await queue.receive(1, 0.0) == []
    await queue.ack(leases[0], DONE)
    await world.until(10.0)
    await queue.ack(leases[1], DONE)
    assert world.status_of(leases[1]) == "COMPLETED"
    await world.until(20.0)
    await queue.ack(leases[2], DONE)
    assert world.status_of(leases[2]) == "COMPLETED"
    assert len(world.kept()) == 1
    await world.close(queue)
    await world.close(before)


async def test_two_that_the_server_stumbles_over_delay_another_for_seconds_at_most(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.service.define_task("jobs", response_timeout_seconds=600)
    before = world.queue()
    leases = await world.leases(before, 3)
    stumbling(world, *leases[:2])
    queue = world.queue()
    assert await queue.receive(1, 0.0) == []
    for lease in leases[:2]:
        await queue.ack(lease, DONE)
    await world.until(15.0)
    await queue.ack(leases[2], DONE)
    await world.until(21.0)
    assert world.status_of(leases[2]) == "COMPLETED"
    assert len(world.kept()) == 2
    await world.close(queue)
    await world.close(before)


@pytest.mark.parametrize("count", [1, 5])
async def test_what_waits_is_told_as_soon_as_the_server_takes_something(tmp_path: Path, count: int) -> None:
    """An extension, for instance: it shows that the outage is over."""
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "update_task", every=1, until_s=20.0))
    world.service.define_task("jobs", response_timeout_seconds=600)
    queue = world.queue()
    running, *leases = await world.leases(queue, count + 1)
    for lease in leases:
        await queue.ack(lease, DONE)
    await world.until(20.25)
    if "IN_PROGRESS" in [world.status_of(lease) for lease in leases]:
        await queue.extend(running, 600.0)
    await world.until(22.0)
    assert [world.status_of(lease) for lease in leases] == ["COMPLETED"] * count
    await world.close(queue)


async def test_what_waits_is_told_when_polls_are_answered_again(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "*", from_s=1.0, every=1, until_s=20.0))
    world.service.define_task("jobs", response_timeout_seconds=600)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    await world.until(1.0)
    await queue.ack(lease, DONE)
    await world.until(15.0)
    with pytest.raises(QueueUnavailableError):
        await queue.receive(1, 0.0)
    await world.until(20.25)
    assert await queue.receive(1, 0.0) == []
    await world.until(21.0)
    assert world.status_of(lease) == "COMPLETED"
    await world.close(queue)


async def test_in_an_outage_of_updates_that_polls_survive_the_server_is_tried_seldom(tmp_path: Path) -> None:
    world = World(tmp_path, OUTAGE)
    queue = world.queue()
    leases = await world.leases(queue, 5)
    for lease in leases:
        await queue.ack(lease, DONE)
    for second in range(1, 20):
        await world.until(float(second))
        assert await queue.receive(1, 0.0) == []
    assert len(world.faults.log) <= 15
    await world.close(queue)


# --- an end by force


@pytest.mark.parametrize("operation", ["update_task", "task"])
async def test_a_result_whose_sender_loses_patience_is_on_disk(tmp_path: Path, operation: str) -> None:
    world = World(tmp_path, FaultRule(FaultKind.DELAY, operation, every=1, delay_s=10.0, until_s=40.0))
    world.service.define_task("jobs", response_timeout_seconds=2)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    if operation == "task":
        await world.until(3.0)
    acking = asyncio.ensure_future(queue.ack(lease, DONE))
    await asyncio.sleep(0.005)
    assert not acking.done()
    acking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acking
    assert len(world.kept()) == 1
    await world.close(queue)


async def test_an_outage_while_the_disk_is_broken_is_over_when_it_is_over(tmp_path: Path) -> None:
    """Nothing waits on disk then, and nobody but a new result finds out."""
    world = World(tmp_path / "results", FaultRule(FaultKind.UNAVAILABLE, "update_task", calls=(1, 2, 3)))
    queue = world.queue()
    leases = await world.leases(queue, 3)
    world.break_disk()
    for lease in leases:
        with pytest.raises(QueueUnavailableError):
            await queue.ack(lease, DONE)
    for lease in leases:
        await queue.ack(lease, DONE)
    assert {world.status_of(lease) for lease in leases} == {"COMPLETED"}
    await world.close(queue)


async def test_a_refused_result_that_cannot_be_put_aside_is_kept_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "refused").write_text("a file where a directory should be")
    world = World(tmp_path)
    world.carrier = Stumbling(world.carrier, b'"n":1', 413)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    await queue.ack(lease, DONE)
    assert world.status_of(lease) == "FAILED_WITH_TERMINAL_ERROR"
    assert len(world.kept()) == 1
    (tmp_path / "refused").unlink()
    await world.until(5.0)
    assert world.kept() == []
    assert len(list((tmp_path / "refused").iterdir())) == 1
    await world.close(queue)
