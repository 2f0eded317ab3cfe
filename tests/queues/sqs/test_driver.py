"""Queues of SQS by name: made when they are wanted, long delays, dead letters to look at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
import pytest_asyncio

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import ConfigurationError, LeaseLostError, MessageRefusedError
from cloud_tasks.queues.sqs import SqsDriverSettings
from cloud_tasks.queues.sqs.dead_letters import SqsDeadLetters
from cloud_tasks.queues.sqs.driver import SqsDriver
from fakes.clock import VirtualClock
from fakes.sqs import SqsService
from fakes.sqs.server import SqsServer
from tests.queues.sqs.harness import PAUSE_S, connection_to
from tests.queues.sqs.scripted import FOUND, URL, Scripted, refused

T = TypeVar("T")
DONE = Outcome(OutcomeKind.COMPLETED)
HOUR_S = 3600.0


class Bench:
    """A service in virtual time, and a driver of it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.server = SqsServer(SqsService(self.clock))
        self.driver: SqsDriver

    async def open(self, *, prefix: bool = False) -> None:
        await self.server.start()
        url = self.server.url
        settings = SqsDriverSettings(
            region="us-east-1",
            endpoint_url=url,
            access_key="none",
            secret_key="none",  # noqa: S106 - a stand-in wants one, and looks at none
            queue_url_prefix=f"{url}/000000000000/" if prefix else None,
        )
        self.driver = SqsDriver(settings, self.clock)
        self.driver._connection = connection_to(url)

    async def drive(self, call: Awaitable[T]) -> T:
        """Time goes on while somebody sleeps, and nothing else has been heard for a moment."""
        task = asyncio.ensure_future(call)
        while not (await asyncio.wait({task}, timeout=PAUSE_S))[0]:
            moment = self.clock.next_deadline()
            if moment is not None:
                await self.clock.run_for(moment - self.clock.monotonic())
        return task.result()

    async def take(self, queue: str = "q", wait_s: float = 0.0) -> list[Lease]:
        tasks = self.driver.tasks(queue, 30.0)
        try:
            return await self.drive(tasks.receive(10, wait_s))
        finally:
            await self.drive(tasks.aclose())

    async def aclose(self) -> None:
        await self.driver.disconnect()
        await self.server.aclose()


@pytest_asyncio.fixture(params=[False, True], ids=["by-name", "by-address"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    bench = Bench()
    await bench.open(prefix=request.param)
    yield bench
    await bench.aclose()


async def test_a_queue_and_its_dead_letters_are_made_when_they_are_wanted(bench: Bench) -> None:
    assert await bench.driver.queue_names() == []
    await bench.driver.sender("q").send(Task("a", {"x": 1}))
    assert await bench.driver.queue_names() == ["q"]
    assert await bench.driver.inspector("q").depth() == {
        "visible": 1,
        "in_flight": 0,
        "delayed": 0,
        "dead": 0,
    }
    (lease,) = await bench.take()
    assert lease.task == Task("a", {"x": 1})


async def test_many_are_sent_and_settled(bench: Bench) -> None:
    await bench.driver.sender("q").send_many(Task(f"t{number}", {}) for number in range(25))
    queue = bench.driver.tasks("q", 30.0)
    leases = [lease for _ in range(3) for lease in await bench.drive(queue.receive(10, 0.0))]
    assert len(leases) == 25
    await bench.drive(asyncio.gather(*(queue.ack(lease, DONE) for lease in leases)))
    await bench.drive(queue.aclose())
    depth = await bench.driver.inspector("q").depth()
    assert (depth["visible"], depth["in_flight"]) == (0, 0)


async def test_a_delay_of_a_quarter_of_an_hour_is_the_queues_own(bench: Bench) -> None:
    await bench.driver.sender("q").send(Task("a", {}), 900.0)
    await bench.clock.run_for(890.0)
    assert await bench.take() == []
    await bench.clock.run_for(20.0)
    (lease,) = await bench.take()
    assert (lease.delivery_count, lease.interruptions) == (1, 0)


@pytest.mark.parametrize("delay_s", [2 * HOUR_S, 30 * HOUR_S])
async def test_a_longer_delay_is_kept_by_hiding_the_task_again(bench: Bench, delay_s: float) -> None:
    await bench.driver.sender("q").send(Task("a", {"x": 1}), delay_s)
    for _ in range(int(delay_s // HOUR_S)):
        await bench.clock.run_for(HOUR_S - 10)
        assert await bench.take() == []
    await bench.clock.run_for(delay_s % HOUR_S + 10 * (delay_s // HOUR_S) + 30.0)
    (lease,) = await bench.take()
    assert lease.task == Task("a", {"x": 1})
    assert lease.delivery_count is not None
    assert lease.delivery_count - lease.interruptions == 1, "being early is no attempt"


async def test_a_delay_longer_than_a_message_is_kept_is_refused(bench: Bench) -> None:
    sender = bench.driver.sender("q")
    with pytest.raises(ValueError, match=r"the limit of SQS is 1123200 \(13 days\)"):
        await sender.send(Task("a", {}), 14 * 24 * HOUR_S)
    await sender.send(Task("b", {}), 13 * 24 * HOUR_S)
    assert (await bench.driver.inspector("q").depth())["delayed"] == 1


async def test_what_cannot_be_hidden_again_costs_nothing_of_what_came_with_it() -> None:
    late = {"task_id": "late", "data": {}, "not_before": 4e9, "early_deliveries": 1}
    bodies = {"late": late, "due": {"task_id": "due", "data": {}}}
    script = Scripted(
        {
            **FOUND,
            "ReceiveMessage": (
                200,
                {
                    "Messages": [
                        {"MessageId": name, "ReceiptHandle": name, "Body": json.dumps(body)}
                        for name, body in bodies.items()
                    ]
                },
            ),
            "ChangeMessageVisibilityBatch": refused("RequestThrottled"),
            "CreateQueue": (200, {"QueueUrl": f"{URL}job"}),
            "SetQueueAttributes": (200, {}),
        }
    )
    with script.served() as url:
        driver = SqsDriver(SqsDriverSettings(region="us-east-1", endpoint_url=url), SystemClock())
        driver._connection = connection_to(url)
        (lease,) = await driver.tasks("job", 30.0).receive(10, 0.0)
        assert lease.task == Task("due", {})
        await driver.disconnect()


async def test_what_is_not_json_is_refused_with_any_delay(bench: Bench) -> None:
    for delay_s in (0.0, HOUR_S):
        with pytest.raises(MessageRefusedError):
            await bench.driver.sender("q").send(Task("a", {"x": float("nan")}), delay_s)


async def test_a_lease_of_nobody_settles_nothing(bench: Bench) -> None:
    queue = bench.driver.tasks("q", 30.0)
    stranger = Lease(Task("a", {}), "k", "r")
    with pytest.raises(LeaseLostError):
        await queue.ack(stranger, DONE)
    with pytest.raises(LeaseLostError):
        await queue.nack(stranger, 0.0, HandBack.RETRY)


async def bury(bench: Bench, *names: str) -> None:
    await bench.driver.sender("q").send_many(Task(name, {}) for name in names)
    queue = bench.driver.tasks("q", 30.0)
    for lease in await bench.drive(queue.receive(10, 0.0)):
        await bench.drive(queue.dead_letter(lease, f"{lease.task.task_id} is bad"))
    await bench.drive(queue.aclose())


async def test_dead_letters_are_looked_at_and_stay(bench: Bench) -> None:
    await bury(bench, "a", "b", "c")
    box = bench.driver.dead_letters("q")
    letters = await bench.drive(box.oldest(10))
    assert sorted(letter.reason for letter in letters) == ["a is bad", "b is bad", "c is bad"]
    assert len(await bench.drive(box.oldest(10))) == 3
    assert len(await bench.drive(box.oldest(2))) == 2
    found = await bench.drive(box.find(letters[1].key))
    assert found == letters[1]
    assert await bench.drive(box.find("nobody")) is None


@pytest.mark.parametrize(
    "use",
    [
        lambda box: box.oldest(5),
        lambda box: box.find("key"),
        lambda box: box.retry(None),
        lambda box: box.purge(("key",)),
    ],
    ids=["oldest", "find", "retry", "purge"],
)
async def test_who_looks_for_dead_letters_makes_no_queue(
    bench: Bench, use: Callable[[SqsDeadLetters], Awaitable[object]]
) -> None:
    await bench.driver.sender("jobs").send(Task("a", {}))
    before = await bench.driver.queue_names()
    with pytest.raises(ConfigurationError) as caught:
        await use(bench.driver.dead_letters("job"))
    (problem,) = caught.value.problems
    assert problem.message.startswith("there is no queue job in http")
    assert problem.hint == "did you mean `jobs`?"
    assert "load_queue" not in problem.helps[0]
    assert await bench.driver.queue_names() == before == ["jobs"]


async def test_a_queue_without_a_place_for_dead_letters_has_none(bench: Bench) -> None:
    connection = await bench.driver._connected()
    await connection.calls.call("create_queue", QueueName="bare")
    box = bench.driver.dead_letters("bare")
    assert (await box.oldest(5), await box.find("key"), await box.retry(None)) == ([], None, 0)
    assert await bench.driver.queue_names() == ["bare"]


async def test_dead_letters_are_retried(bench: Bench) -> None:
    await bury(bench, "a", "b")
    box = bench.driver.dead_letters("q")
    letter = next(one for one in await bench.drive(box.oldest(10)) if b'"a"' in one.body)
    assert await bench.drive(box.retry([letter.key])) == 1
    (lease,) = await bench.take()
    assert (lease.task.task_id, lease.delivery_count) == ("a", 1)
    assert [one.body for one in await bench.drive(box.oldest(10))] == [b'{"task_id":"b","data":{}}']
    assert await bench.drive(box.retry(None)) == 1
    assert await bench.drive(box.retry(None)) == 0


async def test_dead_letters_are_purged(bench: Bench) -> None:
    await bury(bench, "a", "b", "c")
    box = bench.driver.dead_letters("q")
    (first, *_) = await bench.drive(box.oldest(10))
    assert await bench.drive(box.purge([first.key])) == 1
    assert await bench.drive(box.purge(None)) == 2
    assert await bench.drive(box.oldest(10)) == []
