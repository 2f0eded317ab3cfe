"""What the driver offers beside its queues."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import AttemptNote, HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import ConfigurationError, MessageRefusedError, QueueUnavailableError, SendFailedError
from cloud_tasks.interfaces import QueueDriver, TaskQueue, WaitableQueue
from cloud_tasks.queues.priority import PriorityQueues
from cloud_tasks.queues.rabbitmq import RabbitSettings, open_driver
from cloud_tasks.queues.rabbitmq.driver import RabbitDriver
from cloud_tasks.queues.rabbitmq.task_queue import FIRST_S
from cloud_tasks.queues.rabbitmq.topology import DELAY_S_MAX, delay_ms
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.rabbitmq.harness import driver_at, new_name, settings_at
from tests.queues.test_priority import same_for_all
from tests.services.rabbitmq import RabbitmqServer
from tests.services.server import free_port

DONE = Outcome(OutcomeKind.COMPLETED)
LEASE_S = 60.0


async def taken(queue: TaskQueue, count: int = 1) -> list[Lease]:
    leases: list[Lease] = []
    async with asyncio.timeout(20):
        while len(leases) < count:
            leases += await queue.receive(count - len(leases), 5.0)
    return leases


async def count_of(driver: RabbitDriver, name: str, **counts: int) -> None:
    """The broker may take a moment to count."""
    for _ in range(100):
        if await driver.inspector(name).depth() == counts:
            return
        await asyncio.sleep(0.05)
    assert await driver.inspector(name).depth() == counts


class TestInspector:
    async def test_depth_counts_what_the_protocol_tells(self, driver: RabbitDriver, name: str) -> None:
        assert await driver.inspector(name).depth() == {"visible": 0, "dead": 0}
        await driver.sender(name).send_many(tasks_named("a", "b", "c"))
        queue = driver.tasks(name, LEASE_S)
        (lease,) = await taken(queue)
        await queue.dead_letter(lease, "no")
        await queue.aclose()
        await count_of(driver, name, visible=2, dead=1)

    async def test_peek_takes_nothing_away(self, driver: RabbitDriver, name: str) -> None:
        await driver.sender(name).send_many(tasks_named("a", "b"))
        assert await driver.inspector(name).peek(5) == tasks_named("a", "b")
        assert ids_of(await taken(driver.tasks(name, LEASE_S), 2)) == ["a", "b"]

    async def test_purge_removes_what_waits(self, driver: RabbitDriver, name: str) -> None:
        await driver.sender(name).send_many(tasks_named("a", "b"))
        await driver.inspector(name).purge()
        await count_of(driver, name, visible=0, dead=0)

    async def test_the_names_are_those_that_were_asked_for(self, driver: RabbitDriver, name: str) -> None:
        assert await driver.queue_names() == []
        await driver.inspector(name).create()
        await driver.inspector(name).create()
        assert await driver.queue_names() == [name]


class TestDeadLetters:
    async def test_they_tell_why_and_what_was_tried(self, driver: RabbitDriver, name: str) -> None:
        queue = driver.tasks(name, LEASE_S)
        await driver.sender(name).send(Task("a", {}))
        (lease,) = await taken(queue)
        first = AttemptNote(1, "exception", 0.5, "Ünglück", "w1")
        await queue.nack(structs.replace(lease, history=(first,)), 0.0, HandBack.RETRY)
        (lease,) = await taken(queue)
        assert structs.replace(lease.history[0], at="") == first
        assert lease.history[0].at.endswith("+00:00")
        second = AttemptNote(2, "timed_out", 1.0)
        await queue.dead_letter(structs.replace(lease, history=(*lease.history, second)), "no \ud800 more")
        (letter,) = await driver.dead_letters(name).oldest(10)
        assert (letter.queue, letter.reason, letter.attempts) == (name, "no \\ud800 more", 2)
        assert letter.history == (lease.history[0], structs.replace(second, at=letter.died_at))
        assert await driver.dead_letters(name).find(letter.key) == letter
        assert await driver.dead_letters(name).find("nonsense") is None

    async def fill(self, driver: RabbitDriver, name: str, count: int) -> list[str]:
        queue = driver.tasks(name, LEASE_S)
        await driver.sender(name).send_many(tasks_named(*(f"t{number}" for number in range(count))))
        for lease in await taken(queue, count):
            await queue.dead_letter(lease, "no")
        await queue.aclose()
        return [letter.key for letter in await driver.dead_letters(name).oldest(count)]

    async def test_who_looks_right_after_somebody_else_sees_all_of_them(
        self, driver: RabbitDriver, name: str
    ) -> None:
        keys = await self.fill(driver, name, 3)
        box = driver.dead_letters(name)
        for _ in range(40):
            assert len(await box.oldest(10)) == 3
            assert await box.find(keys[0]) is not None

    async def test_some_are_tried_again_as_if_never_before(self, driver: RabbitDriver, name: str) -> None:
        keys = await self.fill(driver, name, 3)
        box = driver.dead_letters(name)
        assert await box.retry([keys[1], "nonsense"]) == 1
        (lease,) = await taken(driver.tasks(name, LEASE_S))
        assert (lease.task.task_id, lease.delivery_count, lease.history) == ("t1", 1, ())
        assert lease.key != keys[1], "workers may remember its earlier attempts by the key"
        assert [letter.key for letter in await box.oldest(10)] == [keys[0], keys[2]]
        assert await box.retry(None) == 2
        assert await box.oldest(10) == []

    async def test_they_are_removed(self, driver: RabbitDriver, name: str) -> None:
        keys = await self.fill(driver, name, 4)
        box = driver.dead_letters(name)
        assert await box.purge(keys[1:3]) == 2
        assert [letter.key for letter in await box.oldest(1)] == [keys[0]]
        assert await box.purge(None) == 2
        assert await box.oldest(10) == []


class TestWaiting:
    async def test_a_worker_of_several_queues_is_woken(self, driver: RabbitDriver, name: str) -> None:
        queue = driver.tasks(name, LEASE_S)
        assert isinstance(queue, WaitableQueue)
        await queue.wait_ready(0.1)
        wait = asyncio.create_task(queue.wait_ready(20.0))
        await asyncio.sleep(0.1)
        assert not wait.done()
        began = time.monotonic()
        await driver.sender(name).send(Task("a", {}))
        await wait
        assert time.monotonic() - began < 5
        assert ids_of(await queue.receive(1, 0.0)) == ["a"]

    @pytest.mark.parametrize(
        ("asked_s", "given_ms"),
        [(0.001, 1), (0.1, 100), (1.0, 1000), (1.01, 1123), (60.0, 63_096), (1e9, None)],
    )
    def test_a_delay_is_no_shorter_and_little_longer(self, asked_s: float, given_ms: int | None) -> None:
        ms = delay_ms(asked_s)
        assert given_ms is None or ms == given_ms
        wanted_ms = min(asked_s, DELAY_S_MAX) * 1000
        assert wanted_ms <= ms <= wanted_ms * 1.13 + 1
        assert ms + 600_000 < 2**32


class TestSending:
    async def test_what_comes_before_a_refused_task_is_sent(self, driver: RabbitDriver, name: str) -> None:
        tasks = [*tasks_named("a"), Task("bad", {"x": float("nan")}), *tasks_named("z")]
        with pytest.raises(MessageRefusedError, match="bad"):
            await driver.sender(name).send_many(tasks)
        assert ids_of(await driver.tasks(name, LEASE_S).receive(5, 1.0)) == ["a"]

    async def test_it_is_known_what_was_not_sent(self) -> None:
        driver = driver_at(f"amqp://guest:guest@127.0.0.1:{free_port()}/")
        with pytest.raises(SendFailedError) as caught:
            await driver.sender("q").send_many(tasks_named(*(f"t{number}" for number in range(502))))
        assert (len(caught.value.in_doubt), caught.value.unsent) == (500, ("t500", "t501"))


class TestMistakes:
    async def problem_of(self, driver: QueueDriver) -> str:
        with pytest.raises(ConfigurationError) as caught:
            await driver.connect()
        await driver.disconnect()
        (problem,) = caught.value.problems
        return f"{problem.message} | {problem.helps[0]}"

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            (lambda url: url.replace("guest:guest", "guest:wrong"), "refuses the credentials"),
            (lambda url: f"{url}nowhere", "does not open the virtual host"),
            (lambda _: "amqp://guest:guest@no-such-host.invalid/", "there is no host no-such-host.invalid"),
        ],
        ids=["password", "virtual host", "host"],
    )
    async def test_the_address_names_what_is_not_there(
        self, rabbitmq_server: RabbitmqServer, change: Callable[[str], str], text: str
    ) -> None:
        told = await self.problem_of(driver_at(change(rabbitmq_server.url)))
        assert text in told
        assert "--rabbitmq-url" in told

    async def test_the_exchange_is_of_another_kind(self, rabbitmq_server: RabbitmqServer) -> None:
        driver = driver_at(rabbitmq_server.url, exchange_name="amq.fanout")
        assert "--rabbitmq-exchange-name" in await self.problem_of(driver)

    async def test_connecting_twice_is_no_error(self, driver: RabbitDriver) -> None:
        await driver.connect()
        await driver.connect()
        await driver.disconnect()
        await driver.disconnect()

    async def test_nobody_is_there(self) -> None:
        with pytest.raises(QueueUnavailableError, match=r"127\.0\.0\.1"):
            await driver_at(f"amqp://guest:guest@127.0.0.1:{free_port()}/").connect()

    @pytest.mark.parametrize(
        "url", ["http://localhost", "localhost:5672", "amqp://", "amqp://localhost:port/"]
    )
    def test_the_address_is_none(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="address of RabbitMQ"):
            driver_at(url)

    @pytest.mark.parametrize(
        "values",
        [
            {"prefetch_count": 0},
            {"prefetch_count": 70_000},
            {"exchange_name": ""},
            {"held_s_max": 0.0},
            {"call_s": 0.0},
        ],
        ids=str,
    )
    def test_settings_that_cannot_be_are_refused(self, values: dict[str, object]) -> None:
        (setting,) = values
        with pytest.raises(ValueError, match=setting):
            settings_at("amqp://localhost/", **values)

    def test_a_password_is_not_shown(self) -> None:
        assert "secret" not in repr(RabbitSettings(url="amqp://me:secret@localhost/"))

    def test_a_missing_package_is_named(self) -> None:
        program = (
            "import sys; sys.modules['aiormq'] = None\n"
            "from cloud_tasks.clock import SystemClock\n"
            "from cloud_tasks.errors import ConfigurationError\n"
            "from cloud_tasks.queues.rabbitmq import RabbitSettings, open_driver\n"
            "try: open_driver(RabbitSettings(), SystemClock())\n"
            "except ConfigurationError as error: print(error.problems[0].helps[0])\n"
        )
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "pip install 'cloud-tasks[rabbitmq]'\n"

    async def test_the_driver_is_one(self) -> None:
        driver: QueueDriver = open_driver(RabbitSettings(), SystemClock())
        assert isinstance(driver, RabbitDriver)


async def test_a_worker_with_one_slot_gets_each_task_once_and_in_order(
    driver: RabbitDriver, name: str
) -> None:
    """A broker counts as delivered what it has meant for a consumer that is cancelled before it is sent."""
    queue, names = driver.tasks(name, LEASE_S), [f"t{number:02}" for number in range(40)]
    await driver.sender(name).send_many(tasks_named(*names[:2]))

    async def send_the_others() -> None:
        for one in names[2:]:
            await driver.sender(name).send(tasks_named(one)[0])
            await asyncio.sleep(0.005)

    sending = asyncio.create_task(send_the_others())
    (lease,) = await taken(queue)
    leases = [lease]
    while len(leases) < len(names):
        await asyncio.sleep(0.01)
        (more, _) = await asyncio.gather(taken(queue), queue.ack(leases[-1], DONE))
        leases += more
    await sending
    assert ids_of(leases) == names
    assert {(one.delivery_count, one.interruptions) for one in leases} == {(1, 0)}
    await queue.ack(leases[-1], DONE)
    await queue.aclose()


@pytest_asyncio.fixture
async def other(driver: RabbitDriver) -> AsyncIterator[str]:
    """A queue that counts less."""
    one = new_name()
    yield one
    await driver.inspector(one).delete()


class TestPriority:
    """The broker hands out what follows a moment after the ack: until then a queue only looks empty."""

    def both(self, driver: RabbitDriver, name: str, other: str) -> PriorityQueues:
        queues = {one: driver.tasks(one, LEASE_S) for one in (name, other)}
        return PriorityQueues(queues, same_for_all, SystemClock())

    @pytest.mark.parametrize("concurrency", [1, 4])
    async def test_all_of_the_first_queue_come_before_any_of_the_second(
        self, driver: RabbitDriver, name: str, other: str, concurrency: int
    ) -> None:
        await driver.sender(name).send_many(tasks_named(*(f"t{number}" for number in range(30))))
        await driver.sender(other).send_many(tasks_named(*(f"t{number}" for number in range(10))))
        queue = self.both(driver, name, other)
        came, running = list[str](), set[asyncio.Task[None]]()

        async def work(lease: Lease) -> None:
            await asyncio.sleep(0.01)
            await queue.ack(lease, DONE)

        async with asyncio.timeout(30):
            while len(came) < 40:
                leases = await queue.receive(concurrency - len(running), 5.0)
                came += [lease.queue for lease in leases]
                running |= {asyncio.create_task(work(lease)) for lease in leases}
                _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        if running:
            await asyncio.wait(running)
        await queue.aclose()
        assert came == [name] * 30 + [other] * 10

    async def test_an_empty_queue_holds_up_nobody(self, driver: RabbitDriver, name: str, other: str) -> None:
        await driver.sender(other).send_many(tasks_named(*(f"t{number}" for number in range(41))))
        queue = self.both(driver, name, other)
        (lease,) = await taken(queue)
        began = time.monotonic()
        for _ in range(40):
            await queue.ack(lease, DONE)
            (lease,) = await queue.receive(1, 5.0)
        assert time.monotonic() - began < 40 * FIRST_S
        await queue.ack(lease, DONE)
        await queue.aclose()

    async def test_one_task_does_not_wait_for_others(
        self, driver: RabbitDriver, name: str, other: str
    ) -> None:
        queue, waits_s = self.both(driver, name, other), list[float]()
        assert await queue.receive(4, 0.1) == []
        for number in range(10):
            poll = asyncio.create_task(queue.receive(4, 5.0))
            await asyncio.sleep(0.05)
            await driver.sender(name).send(Task(f"t{number}", {}))
            began = time.monotonic()
            (lease,) = await poll
            waits_s.append(time.monotonic() - began)
            await queue.ack(lease, DONE)
        await queue.aclose()
        assert min(waits_s) < FIRST_S / 2
