"""Results in outages: none is dropped, and none that is late passes for one that counts."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from cloud_tasks.core.task import EndKind, HandBack, Outcome, OutcomeKind, RunEnd
from cloud_tasks.errors import LeaseLostError, NotYetError, QueueUnavailableError
from cloud_tasks.interfaces import TaskQueue
from cloud_tasks.queues.conductor import ConductorSettings, open_queue
from cloud_tasks.queues.conductor.api import ConductorApi
from cloud_tasks.queues.conductor.carrier import Answer
from cloud_tasks.queues.conductor.forms import Update
from fakes.clock import VirtualClock
from fakes.conductor import ConductorService
from fakes.faults import FaultKind, FaultRule
from simulation.backends.conductor.carrier import InProcessCarrier
from tests.contracts.task_queue import USES
from tests.queues.conductor.world import DONE, OUTAGE, Stumbling, World


async def test_a_result_that_does_not_arrive_is_kept_and_told_again(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "update_task", calls=(1, 2, 3)))
    queue = world.queue()
    (lease,) = await world.leases(queue)
    await queue.ack(lease, DONE)
    assert len(world.kept()) == 1
    assert world.status_of(lease) == "IN_PROGRESS"
    assert world.watcher.failures == ["jobs: QueueUnavailableError"]
    await world.until(5.0)
    assert world.status_of(lease) == "COMPLETED"
    assert world.kept() == []
    await world.close(queue)


async def test_an_answer_that_is_lost_costs_nothing_but_another_telling(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.EFFECT_WITHOUT_REPLY, "update_task", calls=(1,)))
    queue = world.queue()
    (lease,) = await world.leases(queue)
    await queue.ack(lease, DONE)
    assert world.status_of(lease) == "COMPLETED"
    await world.until(5.0)
    assert world.kept() == []
    workflows = world.service.workflows()
    assert [len(each.tasks) for each in workflows] == [1]
    await world.close(queue)


async def test_in_an_outage_results_wait_on_disk_and_the_server_is_tried_seldom(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "update_task", every=1, until_s=20.0))
    queue = world.queue()
    leases = await world.leases(queue, 20)
    for lease in leases:
        await queue.ack(lease, DONE)
    assert len(world.kept()) == 20
    await world.until(15.0)
    assert len(world.faults.log) <= 10
    await world.until(45.0)
    assert world.kept() == []
    assert {world.status_of(lease) for lease in leases} == {"COMPLETED"}
    await world.close(queue)


async def test_what_waits_on_disk_is_told_by_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "update_task", every=1, until_s=5.0))
    queue = world.queue()
    (lease,) = await world.leases(queue)
    await queue.ack(lease, DONE)
    await world.close(queue)
    assert f"1 results that the server could not be told wait in {tmp_path}" in caplog.text
    assert len(world.kept()) == 1
    await world.until(10.0)
    again = world.queue()
    assert await again.receive(1, 0.0) == []
    await world.until(12.0)
    assert world.status_of(lease) == "COMPLETED"
    assert world.kept() == []
    await world.close(again)


async def test_a_result_that_was_kept_for_too_long_is_said_to_be_late(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, OUTAGE)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    await queue.ack(lease, DONE)
    await world.until(100.0)
    assert world.status_of(lease) == "TIMED_OUT"
    assert world.kept() == []
    assert f"the result of {lease.task.task_id} came too late: it is TIMED_OUT there" in caplog.text
    await world.close(queue)


async def test_one_result_that_the_server_stumbles_over_holds_up_no_other(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "update_task", calls=(1, 2)))
    before = world.queue()
    leases = await world.leases(before, 3)
    world.carrier = Stumbling(world.carrier, leases[0].task.task_id.encode(), 500)
    queue = world.queue()
    assert await queue.receive(1, 0.0) == []
    for lease in leases:
        await queue.ack(lease, DONE)
    await world.until(20.0)
    assert [world.status_of(lease) for lease in leases] == ["IN_PROGRESS", "COMPLETED", "COMPLETED"]
    assert len(world.kept()) == 1
    await world.close(queue)
    await world.close(before)


async def test_what_the_server_refuses_for_good_is_kept_for_people(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    world.carrier = Stumbling(world.carrier, b"precious", 413)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    end = RunEnd(EndKind.RETURNED, result={"precious": 1})
    with caplog.at_level(logging.ERROR):
        await queue.ack(lease, Outcome(OutcomeKind.COMPLETED, end=end))
    assert world.status_of(lease) == "FAILED_WITH_TERMINAL_ERROR"
    (path,) = (tmp_path / "refused").iterdir()
    assert b"precious" in path.read_bytes()
    assert str(path) in caplog.text
    task = world.service.task(lease.task.task_id)
    assert task is not None
    assert str(task.reason_for_incompletion).startswith("the result was refused: POST /task: HTTP 413: no")
    await world.close(queue)


async def test_a_task_that_the_server_does_not_know_is_lost(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    world.service = ConductorService(world.clock)
    world.carrier = InProcessCarrier(world.service)
    other = world.queue()
    assert await other.receive(1, 0.0) == []
    with pytest.raises(LeaseLostError):
        await other.ack(lease, DONE)
    assert world.kept() == []
    await world.close(other)
    await world.close(queue)


async def test_a_task_whose_workflow_was_removed_meanwhile_is_lost(tmp_path: Path) -> None:
    """The server answers the question about it with nothing at all."""
    world = World(tmp_path)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    gone = msgspec.structs.replace(lease, receipt=f"{lease.receipt}0")
    with pytest.raises(LeaseLostError, match="no such task"):
        await queue.nack(gone, 0.0, HandBack.INTERRUPTED)
    await world.close(queue)


async def test_where_neither_server_nor_disk_takes_a_result_it_is_not_settled(tmp_path: Path) -> None:
    world = World(tmp_path / "results", OUTAGE)
    queue = world.queue()
    world.break_disk()
    (lease,) = await world.leases(queue)
    with pytest.raises(QueueUnavailableError, match="cannot be kept"):
        await queue.ack(lease, DONE)
    await world.close(queue)


async def test_an_update_after_the_response_time_out_is_asked_for_and_not_believed(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue = world.queue()
    for use in ("ack", "nack", "extend", "dead_letter"):
        (lease,) = await world.leases(queue)
        await world.clock.run_for(31.0)
        with pytest.raises(LeaseLostError, match="TIMED_OUT"):
            await USES[use](queue, lease)
        (again,) = await queue.receive(1, 0.0)
        await queue.ack(again, DONE)
    await world.close(queue)


# --- polls


class Recorded:
    """A carrier that answers as it is told, and notes what it is asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        self.asked.append((method, path, dict(query)))
        return self.answers.pop(0) if self.answers else Answer(200, b"[]")

    async def aclose(self) -> None:
        pass


def polling(carrier: Recorded, clock: VirtualClock, tmp_path: Path, **settings: object) -> TaskQueue:
    told = {"task_types": ("a/b",), "results_dir": str(tmp_path), "worker_id": "me", **settings}
    return open_queue(ConductorSettings(**told), clock, carrier=carrier)  # type: ignore[arg-type] # as given


async def test_the_layout_is_found_out_at_the_first_poll(tmp_path: Path) -> None:
    carrier = Recorded(Answer(404), Answer(200, b"[]"), Answer(200, b"[]"))
    queue = polling(carrier, VirtualClock(), tmp_path)
    assert await queue.receive(3, 0.0) == []
    assert await queue.receive(3, 0.0) == []
    assert [path for _, path, _ in carrier.asked] == [
        "/task/poll/batch/a%2Fb",
        "/tasks/poll/batch/a%2Fb",
        "/tasks/poll/batch/a%2Fb",
    ]
    assert carrier.asked[0][2] == {"workerid": "me", "count": "3", "timeout": "0"}
    await queue.aclose()


async def test_where_there_is_no_task_api_it_says_so(tmp_path: Path) -> None:
    queue = polling(Recorded(Answer(404), Answer(404)), VirtualClock(), tmp_path)
    with pytest.raises(QueueUnavailableError, match="no task API of Conductor at http://localhost:8080/api"):
        await queue.receive(1, 0.0)
    await queue.aclose()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(503, b"busy"), QueueUnavailableError, "HTTP 503: busy"),
        (Answer(401), QueueUnavailableError, "HTTP 401"),
        (Answer(429, b"", "7"), NotYetError, "HTTP 429"),
        (Answer(429), QueueUnavailableError, "HTTP 429"),
        (Answer(200, b"<html>"), QueueUnavailableError, "not a list of tasks"),
    ],
    ids=["503", "401", "429-after", "429", "no-json"],
)
async def test_a_poll_that_fails_can_be_made_again(
    answer: Answer, error: type[Exception], words: str, tmp_path: Path
) -> None:
    queue = polling(Recorded(answer), VirtualClock(), tmp_path, layout="oss")
    with pytest.raises(error, match=words):
        await queue.receive(1, 0.0)
    assert await queue.receive(1, 0.0) == []
    await queue.aclose()


async def test_each_type_is_polled_in_its_domain(tmp_path: Path) -> None:
    carrier = Recorded()
    types, domains = ("a", "b"), {"b": "cool"}
    queue = polling(carrier, VirtualClock(), tmp_path, task_types=types, domains=domains, layout="swift")
    for _ in range(3):
        await queue.receive(1, 0.0)
    assert [(path[-1], query.get("domain")) for _, path, query in carrier.asked] == [
        ("a", None),
        ("b", "cool"),
        ("a", None),
    ]
    await queue.aclose()


async def test_a_worker_that_is_paused_asks_for_nothing(tmp_path: Path) -> None:
    carrier, clock, pause = Recorded(), VirtualClock(), [True]
    settings = ConductorSettings(task_types=("a",), results_dir=str(tmp_path), layout="swift")
    queue = open_queue(settings, clock, carrier=carrier, paused=lambda: pause[0])
    receiving = asyncio.ensure_future(queue.receive(1, 5.0))
    while clock.monotonic() < 4.0:
        await asyncio.sleep(0.005)
        await clock.run_for(0.05)
    assert carrier.asked == []
    pause[0] = False
    while not receiving.done():
        await asyncio.sleep(0.005)
        await clock.run_for(0.05)
    assert receiving.result() == []
    assert carrier.asked
    await queue.aclose()


async def test_idle_polls_become_as_rare_as_the_interval_says(tmp_path: Path) -> None:
    carrier, clock = Recorded(), VirtualClock()
    queue = polling(carrier, clock, tmp_path, layout="swift", polling_interval_s=2.0)
    receiving = asyncio.ensure_future(queue.receive(1, 20.0))
    await clock.run_for(20.0)
    assert await receiving == []
    assert 15 <= len(carrier.asked) <= 25
    await queue.aclose()


async def test_a_lease_is_counted_from_the_beginning_of_the_receive(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue = world.queue()
    receiving = asyncio.ensure_future(queue.receive(1, 20.0))
    await world.clock.run_for(9.95)
    world.service.start_task("jobs")
    await world.clock.run_for(0.5)
    (lease,) = await receiving
    assert lease.duration_s is not None
    assert 39.0 <= lease.duration_s <= 40.1
    await world.close(queue)


async def test_what_a_receive_brings_that_was_given_up_is_handed_back(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.DELAY, "batch_poll", every=1, delay_s=2.0))
    world.service.start_task("jobs")
    queue = world.queue()
    receiving = asyncio.ensure_future(queue.receive(1, 20.0))
    await world.clock.run_for(1.0)
    receiving.cancel()
    await world.clock.run_for(5.0)
    assert receiving.cancelled()
    again = await world.service.poll("jobs", "another")
    assert again is not None
    assert (again.retry_count, again.poll_count) == (0, 2)
    await world.close(queue)


async def test_a_hand_back_keeps_what_the_task_has_said_so_far(tmp_path: Path) -> None:
    """The server puts the output of each update in the place of the one before."""
    world = World(tmp_path)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    so_far: Update = {"status": "IN_PROGRESS", "outputData": {"step": 1}, "callbackAfterSeconds": 0}
    told = {"taskId": lease.task.task_id, "workflowInstanceId": lease.key.partition("/")[0], **so_far}
    await ConductorApi(ConductorSettings(task_types=("jobs",), layout="swift"), world.carrier).update(told)
    (again,) = await queue.receive(1, 0.0)
    await queue.nack(again, 0.0, HandBack.INTERRUPTED)
    (third,) = await queue.receive(1, 0.0)
    task = world.service.task(third.task.task_id)
    assert task is not None
    assert task.output_data == {"step": 1}
    await world.close(queue)


async def test_a_hand_back_that_is_repeated_takes_the_task_from_nobody(tmp_path: Path) -> None:
    """Its answer was lost, and somebody else has the task meanwhile: the server does not ask who sends it."""
    world = World(tmp_path, FaultRule(FaultKind.EFFECT_WITHOUT_REPLY, "update_task", calls=(1,)))
    first, second = world.queue(), world.queue()
    (lease,) = await world.leases(first)
    with pytest.raises(QueueUnavailableError):
        await first.nack(lease, 0.0, HandBack.INTERRUPTED)
    (again,) = await second.receive(1, 0.0)
    assert again.key == lease.key
    await first.nack(lease, 0.0, HandBack.INTERRUPTED)
    assert world.status_of(lease) == "IN_PROGRESS"
    assert await first.receive(1, 0.0) == []
    await second.ack(again, DONE)
    assert world.status_of(lease) == "COMPLETED"
    await world.close(first)
    await world.close(second)


async def test_a_hand_back_that_did_not_arrive_is_repeated(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.UNAVAILABLE, "update_task", calls=(1, 2)))
    queue = world.queue()
    (lease,) = await world.leases(queue)
    for _ in range(2):
        with pytest.raises(QueueUnavailableError):
            await queue.nack(lease, 0.0, HandBack.INTERRUPTED)
    await queue.nack(lease, 0.0, HandBack.INTERRUPTED)
    assert world.status_of(lease) == "SCHEDULED"
    await world.close(queue)


async def test_an_extension_of_what_has_ended_is_not_believed(tmp_path: Path) -> None:
    """By our clock there is time left: its workflow was ended by somebody, or the machine has slept."""
    world = World(tmp_path)
    queue = world.queue()
    (lease,) = await world.leases(queue)
    world.service.terminate_workflow(lease.key.partition("/")[0])
    with pytest.raises(LeaseLostError, match="CANCELED"):
        await queue.extend(lease, 30.0)
    await world.close(queue)


async def test_an_extension_of_what_somebody_else_has_is_not_believed(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue, other = world.queue(), world.queue()
    (lease,) = await world.leases(queue)
    await queue.nack(lease, 0.0, HandBack.INTERRUPTED)
    (again,) = await other.receive(1, 0.0)
    with pytest.raises(LeaseLostError):
        await queue.extend(lease, 30.0)
    await other.extend(again, 30.0)
    await world.close(queue)
    await world.close(other)


async def test_who_loses_patience_with_the_last_poll_leaves_nothing_running(tmp_path: Path) -> None:
    world = World(tmp_path, FaultRule(FaultKind.DELAY, "batch_poll", every=1, delay_s=10.0))
    before = asyncio.all_tasks()
    queue = world.queue()
    polling = asyncio.ensure_future(queue.receive(1, 1.0))
    await asyncio.sleep(0.005)
    polling.cancel()
    closing = asyncio.ensure_future(queue.aclose())
    await asyncio.sleep(0.005)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - before == set()


async def test_a_disk_that_cannot_be_written_is_of_no_concern_once_the_server_is_back(tmp_path: Path) -> None:
    world = World(tmp_path / "results", FaultRule(FaultKind.UNAVAILABLE, "update_task", calls=(1,)))
    queue = world.queue()
    world.break_disk()
    (lease,) = await world.leases(queue)
    with pytest.raises(QueueUnavailableError):
        await queue.ack(lease, DONE)
    await queue.ack(lease, DONE)
    assert world.status_of(lease) == "COMPLETED"
    await world.close(queue)


async def test_one_who_asks_a_server_whether_to_pause_holds_up_nobody(tmp_path: Path) -> None:
    asked, answered = threading.Event(), threading.Event()

    def paused() -> bool:
        asked.set()
        return answered.wait(10.0)

    settings = ConductorSettings(task_types=("a",), results_dir=str(tmp_path), layout="swift")
    queue = open_queue(settings, VirtualClock(), carrier=Recorded(), paused=paused)
    receiving = asyncio.ensure_future(queue.receive(1, 0.0))
    assert await asyncio.to_thread(asked.wait, 10.0)
    assert not receiving.done()
    answered.set()
    assert await receiving == []
    await queue.aclose()


async def test_the_result_of_an_older_delivery_does_not_end_the_newer_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    queue = world.queue()
    (old,) = await world.leases(queue)
    await queue.nack(old, 0.0, HandBack.INTERRUPTED)
    (new,) = await queue.receive(1, 0.0)
    with pytest.raises(LeaseLostError):
        await queue.ack(old, DONE)
    await queue.extend(new, 30.0)
    await queue.ack(new, DONE)
    await world.close(queue)
