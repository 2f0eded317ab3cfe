"""What the driver offers beside its queues."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import redis
from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.policy import RetryPolicy, TaskRules
from cloud_tasks.core.task import (
    NOTES_MAX,
    AttemptNote,
    EndKind,
    HandBack,
    Json,
    Lease,
    Outcome,
    OutcomeKind,
    RunEnd,
    Task,
)
from cloud_tasks.errors import ConfigurationError, MessageRefusedError, QueueUnavailableError, SendFailedError
from cloud_tasks.interfaces import QueueDriver, TaskQueue, WaitableQueue
from cloud_tasks.queues.redis_streams import RedisSettings, open_driver
from cloud_tasks.queues.redis_streams.driver import RedisDriver
from cloud_tasks.queues.redis_streams.keys import QueueKeys
from cloud_tasks.queues.redis_streams.leases import leases_of
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.redis_streams.harness import QUEUE, driver_at, settings_at
from tests.services.redis import RedisServer
from tests.services.server import free_port

DONE = Outcome(OutcomeKind.COMPLETED)
LONG_S = 60.0


async def taken(queue: TaskQueue, count: int = 1) -> list[Lease]:
    leases = await queue.receive(count, 5.0)
    assert len(leases) == count
    return leases


def test_no_two_queues_have_a_message_of_one_key() -> None:
    """Streams number messages by the millisecond, each for itself; a worker tells tasks apart by the key."""
    body = encode_task(Task("a", {}))
    high, low = (
        next(leases_of(f"1700000000000-0 1 {len(body)} 0".encode(), body, LONG_S, queue))
        for queue in ("high", "low")
    )
    assert high.key != low.key
    assert high.receipt == low.receipt == "1700000000000-0:1"


class TestInspector:
    async def test_depth_counts_what_is_where(self, driver: RedisDriver) -> None:
        queue = driver.tasks(QUEUE, LONG_S)
        inspector = driver.inspector(QUEUE)
        await driver.sender(QUEUE).send_many(tasks_named("a", "b", "c", "d", "e"))
        await driver.sender(QUEUE).send(Task("later", {}), delay_s=60.0)
        leases = await taken(queue, 3)
        await queue.nack(leases[0], 60.0, HandBack.RETRY)
        await queue.dead_letter(leases[1], "no")
        assert await inspector.depth() == {"visible": 2, "in_flight": 1, "delayed": 2, "dead": 1}

    async def test_peek_takes_nothing_away(self, driver: RedisDriver) -> None:
        await driver.sender(QUEUE).send_many(tasks_named("a", "b"))
        tasks = await driver.inspector(QUEUE).peek(5)
        assert tasks == tasks_named("a", "b")
        assert ids_of(await taken(driver.tasks(QUEUE, LONG_S), 2)) == ["a", "b"]

    async def test_purge_removes_all_but_dead_letters(self, driver: RedisDriver) -> None:
        queue = driver.tasks(QUEUE, LONG_S)
        await driver.sender(QUEUE).send_many(tasks_named("a", "b", "c"))
        await driver.sender(QUEUE).send(Task("later", {}), delay_s=60.0)
        dead, held = await taken(queue, 2)
        await queue.dead_letter(dead, "no")
        await driver.inspector(QUEUE).purge()
        assert await driver.inspector(QUEUE).depth() == {
            "visible": 0,
            "in_flight": 0,
            "delayed": 0,
            "dead": 1,
        }
        await driver.sender(QUEUE).send(Task("d", {}))
        (lease,) = await taken(queue)
        assert lease.task.task_id == "d"
        assert lease.key != held.key

    async def test_queues_are_known_by_name(self, driver: RedisDriver) -> None:
        await driver.inspector("zebra").create()
        await driver.sender("ä b").send(Task("a", {}))
        assert await driver.queue_names() == ["zebra", "ä b"]
        for queue in ("zebra", "ä b", "never there"):
            await driver.inspector(queue).delete()
        assert await driver.queue_names() == []
        assert await driver._connection.call(b"KEYS", f"*{driver._settings.prefix}*".encode()) == []


class TestDeadLetters:
    async def test_they_tell_why_and_what_was_tried(self, driver: RedisDriver) -> None:
        queue = driver.tasks(QUEUE, LONG_S)
        await driver.sender(QUEUE).send(Task("a", {}))
        (lease,) = await taken(queue)
        first = AttemptNote(1, "exception", 0.5, "Ünglück", "w1")
        await queue.nack(structs.replace(lease, history=(first,)), 0.0, HandBack.RETRY)
        (lease,) = await taken(queue)
        assert structs.replace(lease.history[0], at="") == first
        assert lease.history[0].at.endswith("+00:00")
        second = AttemptNote(2, "timed_out", 1.0)
        await queue.dead_letter(structs.replace(lease, history=(*lease.history, second)), "no \ud800 more")
        (letter,) = await driver.dead_letters(QUEUE).oldest(10)
        assert (letter.queue, letter.reason, letter.attempts) == (QUEUE, "no \\ud800 more", 2)
        assert letter.history == (lease.history[0], structs.replace(second, at=letter.died_at))
        assert await driver.dead_letters(QUEUE).find(letter.key) == letter

    async def test_the_newest_notes_are_kept(self, driver: RedisDriver) -> None:
        queue = driver.tasks(QUEUE, LONG_S)
        await driver.sender(QUEUE).send(Task("a", {}))
        (lease,) = await taken(queue)
        notes = tuple(AttemptNote(number, "exception", 0.0) for number in range(1, NOTES_MAX + 6))
        await queue.nack(structs.replace(lease, history=notes), 0.0, HandBack.RETRY)
        (lease,) = await taken(queue)
        assert [note.attempt for note in lease.history] == list(range(6, NOTES_MAX + 6))

    async def fill(self, driver: RedisDriver, count: int) -> list[str]:
        queue = driver.tasks(QUEUE, LONG_S)
        await driver.sender(QUEUE).send_many(tasks_named(*(f"t{number:03}" for number in range(count))))
        left = count
        while left:
            leases = await queue.receive(100, 1.0)
            left -= len(leases)
            for lease in leases:
                await queue.dead_letter(lease, "no")
        return [letter.key for letter in await driver.dead_letters(QUEUE).oldest(count)]

    async def test_some_are_tried_again_as_if_never_before(self, driver: RedisDriver) -> None:
        keys = await self.fill(driver, 3)
        box = driver.dead_letters(QUEUE)
        assert await box.retry([keys[1], keys[1], "1-1", "nonsense"]) == 1
        (lease,) = await taken(driver.tasks(QUEUE, LONG_S))
        assert (lease.task.task_id, lease.delivery_count, lease.history) == ("t001", 1, ())
        assert [letter.key for letter in await box.oldest(10)] == [keys[0], keys[2]]
        assert await box.find(keys[1]) is None
        assert await box.find("nonsense") is None

    async def test_all_are_tried_again(self, driver: RedisDriver) -> None:
        await self.fill(driver, 130)
        assert await driver.dead_letters(QUEUE).retry(None) == 130
        assert await driver.inspector(QUEUE).depth() == {
            "visible": 130,
            "in_flight": 0,
            "delayed": 0,
            "dead": 0,
        }

    async def test_they_are_removed(self, driver: RedisDriver) -> None:
        keys = await self.fill(driver, 130)
        box = driver.dead_letters(QUEUE)
        assert await box.purge(keys[:2]) == 2
        assert await box.purge(None) == 128
        assert await box.oldest(10) == []
        assert await box.retry(None) == 0


class TestWaiting:
    WAYS: ClassVar[dict[str, Callable[[RedisDriver, Lease], Awaitable[object]]]] = {
        "send": lambda driver, _: driver.sender(QUEUE).send(Task("b", {})),
        "delay": lambda driver, _: driver.sender(QUEUE).send(Task("b", {}), delay_s=0.2),
        "nack": lambda driver, lease: driver.tasks(QUEUE, 60.0).nack(lease, 0.0, HandBack.RETRY),
        "shorten": lambda driver, lease: driver.tasks(QUEUE, 60.0).extend(lease, 0.2),
    }

    @pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
    async def test_a_worker_is_woken(
        self, driver: RedisDriver, way: Callable[[RedisDriver, Lease], Awaitable[object]]
    ) -> None:
        queue = driver.tasks(QUEUE, LONG_S)
        assert isinstance(queue, WaitableQueue)
        await driver.sender(QUEUE).send(Task("a", {}))
        (lease,) = await taken(queue)
        assert await queue.receive(1, 0.0) == []
        await queue.wait_ready(0.1)
        began = time.monotonic()
        wait = asyncio.create_task(queue.wait_ready(20.0))
        await asyncio.sleep(0.1)
        assert not wait.done()
        await way(driver, lease)
        while not await queue.receive(1, 0.0):
            await queue.wait_ready(20.0)
        assert time.monotonic() - began < 4
        await wait
        await queue.aclose()

    async def test_those_who_wait_share_a_connection(self, own_redis_server: RedisServer) -> None:
        driver = driver_at(own_redis_server.url)
        queue = driver.tasks(QUEUE, LONG_S)
        waits = [asyncio.create_task(queue.receive(1, 20.0)) for _ in range(20)]
        await asyncio.sleep(0.3)
        facts = (await driver._connection.call(b"INFO", b"clients")).decode()
        assert "blocked_clients:1\r\n" in facts
        for wait in waits[1:]:
            wait.cancel()
        await asyncio.wait(waits[1:])
        await driver.sender(QUEUE).send(Task("a", {}))
        assert ids_of(await waits[0]) == ["a"]
        await queue.aclose()
        await driver.disconnect()


class TestCompleted:
    @pytest.mark.parametrize(("result", "kept"), [({"n": [1]}, {"n": [1]}), ("x" * 100_000, None)])
    async def test_records_are_kept_where_that_is_asked_for(
        self, redis_server: RedisServer, result: Json, kept: Json
    ) -> None:
        driver = driver_at(redis_server.url, keep_completed=True)
        queue = driver.tasks(QUEUE, LONG_S)
        await driver.sender(QUEUE).send(Task("a", {}))
        (lease,) = await taken(queue)
        rules = TaskRules(name="mod.f", retry=RetryPolicy(), max_runtime_s=1.0)
        end = RunEnd(EndKind.RETURNED, result=result)
        outcome = Outcome(OutcomeKind.COMPLETED, elapsed_s=1.5, end=end)
        await queue.ack(structs.replace(lease, rules=rules), outcome)
        (record,) = await driver.completed(QUEUE, 10)
        assert (record.task_id, record.name, record.queue, record.attempts) == ("a", "mod.f", QUEUE, 1)
        assert (record.elapsed_s, record.result) == (1.5, kept)
        assert record.completed_at.endswith("+00:00")
        await driver.inspector(QUEUE).delete()
        await driver.disconnect()

    async def test_none_are_kept_otherwise(self, driver: RedisDriver) -> None:
        queue = driver.tasks(QUEUE, LONG_S)
        await driver.sender(QUEUE).send(Task("a", {}))
        await queue.ack((await taken(queue))[0], DONE)
        assert await driver.completed(QUEUE, 10) == []


class TestSending:
    async def test_what_comes_before_a_refused_task_is_sent(self, driver: RedisDriver) -> None:
        tasks = [*tasks_named("a"), Task("bad", {"x": float("nan")}), *tasks_named("z")]
        with pytest.raises(MessageRefusedError, match="bad"):
            await driver.sender(QUEUE).send_many(tasks)
        assert ids_of(await driver.tasks(QUEUE, LONG_S).receive(5, 1.0)) == ["a"]

    async def test_an_iterator_is_read_as_it_is_sent(
        self, driver: RedisDriver, redis_server: RedisServer
    ) -> None:
        stream = QueueKeys(driver._settings.prefix, QUEUE).stream
        there: list[object] = []

        def tasks() -> Iterator[Task]:
            with redis.Redis.from_url(redis_server.url) as client:
                for number in range(2500):
                    yield Task(f"t{number}", {})
                    if number % 1000 == 500:
                        there.append(client.xlen(stream))

        await driver.sender(QUEUE).send_many(tasks())
        assert there == [0, 1000]
        assert (await driver.inspector(QUEUE).depth())["visible"] == 2500

    async def test_it_is_known_what_was_not_sent(self) -> None:
        driver = driver_at(f"redis://127.0.0.1:{free_port()}")
        with pytest.raises(SendFailedError) as caught:
            await driver.sender(QUEUE).send_many(tasks_named(*(f"t{number}" for number in range(1002))))
        assert (len(caught.value.in_doubt), caught.value.unsent) == (1000, ("t1000", "t1001"))

    async def test_there_are_no_more_connections_than_allowed(self, own_redis_server: RedisServer) -> None:
        driver = driver_at(own_redis_server.url, max_connections=2)
        await asyncio.gather(*(driver.sender(QUEUE).send(Task(f"t{number}", {})) for number in range(30)))
        facts = (await driver._connection.call(b"INFO", b"clients")).decode()
        assert "connected_clients:2\r\n" in facts
        assert (await driver.inspector(QUEUE).depth())["visible"] == 30
        await driver.disconnect()


@pytest.fixture(scope="module")
def locked_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    directory = tmp_path_factory.mktemp("locked")
    server = RedisServer(directory, os.getpid(), options=("--requirepass", "open sesame"))
    server.start()
    yield server
    server.remove()


class TestMistakes:
    async def problem_of(self, driver: QueueDriver) -> str:
        with pytest.raises(ConfigurationError) as caught:
            await driver.connect()
        await driver.disconnect()
        (problem,) = caught.value.problems
        return f"{problem.message} | {problem.helps[0]}"

    @pytest.mark.parametrize("password", [None, "wrong"])
    async def test_the_password_is_wrong(self, locked_server: RedisServer, password: str | None) -> None:
        text = await self.problem_of(driver_at(locked_server.url, password=password))
        assert "refuses the credentials" in text
        assert "--redis-password" in text

    async def test_the_password_is_right(self, locked_server: RedisServer) -> None:
        for url, password in (
            (locked_server.url, "open sesame"),
            (locked_server.url.replace("//", "//:wrong@"), "open sesame"),
            (locked_server.url.replace("//", "//:open%20sesame@"), None),
        ):
            driver = driver_at(url, password=password)
            await driver.connect()
            await driver.connect()
            await driver.disconnect()
            await driver.disconnect()

    async def test_there_is_no_such_database(self, redis_server: RedisServer) -> None:
        assert "has no database 99" in await self.problem_of(driver_at(redis_server.url, db=99))

    async def test_databases_are_apart(self, redis_server: RedisServer) -> None:
        one, other = (
            RedisDriver(
                structs.replace(settings_at(redis_server.url, prefix="test-db"), db=db), SystemClock()
            )
            for db in (1, 2)
        )
        await one.sender(QUEUE).send(Task("a", {}))
        assert await other.queue_names() == []
        assert await one.queue_names() == [QUEUE]
        for driver in (one, other):
            await driver.inspector(QUEUE).delete()
            await driver.disconnect()

    async def test_nobody_knows_the_host(self) -> None:
        text = await self.problem_of(driver_at("redis://no-such-host.invalid:6379"))
        assert "there is no host no-such-host.invalid" in text

    @pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", "redis://localhost:port"])
    def test_the_address_is_none(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="address of Redis"):
            driver_at(url)

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("unix://", "names no path from the root, as in unix:///run/redis.sock"),
            ("unix://run/redis.sock", "names no path from the root"),
            ("redis://localhost?foo=1", "has no parameter `foo`"),
            ("redis://localhost?ssl_ca_certs=x", "has no parameter `ssl_ca_certs`"),
            ("rediss://localhost?ssl_cert_reqs=maybe", "maybe"),
            ("redis://me:secret#x@localhost", "host and its port cannot be made out"),
            ("redis://[::1", "host and its port cannot be made out"),
        ],
    )
    def test_what_is_wrong_with_an_address_is_told_before_anybody_connects(
        self, url: str, words: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            driver_at(url)
        (problem,) = caught.value.problems
        assert words in problem.message
        assert "secret" not in f"{problem.message} {problem.helps} {problem.notes}"

    @pytest.mark.parametrize(
        "option", ["socket_timeout=5", "protocol=3", "socket_keepalive=True", "decode_responses=True"]
    )
    async def test_the_address_says_what_is_ours_to_say(self, redis_server: RedisServer, option: str) -> None:
        driver = driver_at(f"{redis_server.url}?{option}")
        await driver.connect()
        await driver.sender(QUEUE).send(Task("a", {}))
        (lease,) = await taken(driver.tasks(QUEUE, LONG_S))
        await driver.tasks(QUEUE, LONG_S).ack(lease, DONE)
        await driver.inspector(QUEUE).delete()
        await driver.disconnect()

    async def test_nobody_is_there(self) -> None:
        with pytest.raises(QueueUnavailableError, match=r"127\.0\.0\.1"):
            await driver_at(f"redis://127.0.0.1:{free_port()}").connect()

    @pytest.mark.parametrize(
        "values", [{"db": -1}, {"max_connections": 0}, {"prefix": ""}, {"call_s": 0.0}], ids=str
    )
    def test_settings_that_cannot_be_are_refused(self, values: dict[str, object]) -> None:
        (name,) = values
        with pytest.raises(ValueError, match=name):
            settings_at("redis://localhost", **values)

    def test_a_password_is_not_shown(self) -> None:
        settings = RedisSettings(url="redis://:secret@localhost", password="secret")  # noqa: S106 - none
        assert "secret" not in repr(settings)

    def test_a_missing_package_is_named(self) -> None:
        program = (
            "import sys; sys.modules['redis'] = None\n"
            "from cloud_tasks.clock import SystemClock\n"
            "from cloud_tasks.errors import ConfigurationError\n"
            "from cloud_tasks.queues.redis_streams import RedisSettings, open_driver\n"
            "try: open_driver(RedisSettings(), SystemClock())\n"
            "except ConfigurationError as error: print(error.problems[0].helps[0])\n"
        )
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "pip install 'cloud-tasks[redis]'\n"

    def test_the_driver_is_one(self) -> None:
        driver: QueueDriver = open_driver(RedisSettings(), SystemClock())
        assert isinstance(driver, RedisDriver)
