"""A worker in a program of one's own, on the embedded driver: what it takes, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from cloud_tasks.compose.queue_config import usual_defaults
from cloud_tasks.compose.task_program import open_outbox
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import QueueDriver
from cloud_tasks.tasks import (
    Config,
    DriverFactory,
    EventsConfig,
    MySQLConfig,
    PostgresConfig,
    ProcessPoolConfig,
    RedisConfig,
    SQLiteConfig,
    TaskDefaultsConfig,
    Worker,
    close,
    close_sync,
    configure,
    current_worker_data,
    task,
)

ran: list[tuple[str, int]] = []


@task
async def note(text: str) -> str:
    ran.append((text, current_worker_data().attempt))
    await asyncio.sleep(0)
    return text


@task
async def pass_on(text: str) -> None:
    await note.dispatch(f"{text}, passed on")


@task
def pass_on_from_a_thread(text: str) -> None:
    note.dispatch_sync(text)


@task(mode="pool")
def tell_process(path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.05)


@task(max_attempts=2, retry_delay=0)
def stumble(text: str) -> None:
    ran.append((text, current_worker_data().attempt))
    raise RuntimeError(text)


release = threading.Event()


@task(timeout=0.1)
def hang() -> None:
    release.wait(60)


@pytest_asyncio.fixture
async def driver(tmp_path: Path) -> AsyncIterator[QueueDriver]:
    config = Config(sqlite=SQLiteConfig(path=str(tmp_path / "queues.db")))
    made = DriverFactory.create("sqlite", config)
    await made.connect()
    configure(config)
    ran.clear()
    yield made
    configure(None)
    await close()
    await made.disconnect()


async def test_it_ends_after_exactly_so_many_tasks(driver: QueueDriver) -> None:
    for number in range(7):
        await note.dispatch(f"{number}")
    summary = await Worker(driver, concurrency=4, max_tasks=5).start()
    assert (summary.counts.completed, summary.reason) == (5, "max_num_tasks")
    assert len(ran) == 5
    assert (await driver.inspector("default").depth())["visible"] == 2


async def test_it_leaves_the_driver_connected_and_can_be_followed_by_another(driver: QueueDriver) -> None:
    for number in range(2):
        await note.dispatch(f"{number}")
        await Worker(driver, max_tasks=1).start()
    assert [text for text, _ in ran] == ["0", "1"]


async def test_two_workers_of_one_program_stand_side_by_side(driver: QueueDriver) -> None:
    for queue in ("high", "low"):
        for number in range(3):
            await note.dispatch(f"{queue} {number}", queue=queue)
    workers = [Worker(driver, [queue], max_tasks=3) for queue in ("high", "low")]
    await asyncio.gather(*(worker.start() for worker in workers))
    assert len(ran) == 6
    assert workers[0].worker_id != workers[1].worker_id


async def test_what_its_tasks_dispatch_goes_to_its_driver(driver: QueueDriver) -> None:
    await pass_on.dispatch("a")
    await Worker(driver, max_tasks=2).start()
    assert ran == [("a, passed on", 1)]


async def test_attempts_and_their_history(driver: QueueDriver) -> None:
    await stumble.dispatch("oh")
    await Worker(driver, max_tasks=2, worker_id="w").start()
    assert ran == [("oh", 1), ("oh", 2)]
    (letter,) = await driver.dead_letters("default").oldest(5)
    assert [(one.attempt, one.outcome, one.worker_id) for one in letter.history] == [
        (1, "exception", "w"),
        (2, "exception", "w"),
    ]
    assert all("RuntimeError: oh" in one.error and one.at for one in letter.history)


async def test_a_message_that_names_no_function_is_put_aside(driver: QueueDriver) -> None:
    from cloud_tasks.core.task import Task

    await driver.sender("default").send(Task("stray", {"x": 1}))
    await note.dispatch("after it")
    await Worker(driver, max_tasks=1).start()
    (letter,) = await driver.dead_letters("default").oldest(5)
    assert letter.reason == "its data names no task function: there is no text under `task`"
    assert letter.body == b'{"task_id":"stray","data":{"x":1}}'


async def test_a_function_that_is_not_known_is_tried_again_and_then_put_aside(driver: QueueDriver) -> None:
    from cloud_tasks.core.task import Task

    await driver.sender("default").send(Task("new", {"task": "later.function", "args": [], "kwargs": {}}))
    defaults = TaskDefaultsConfig(max_attempts=2, retry_delay=0)
    await Worker(driver, max_tasks=2, task_defaults=defaults).start()
    (letter,) = await driver.dead_letters("default").oldest(5)
    assert "no task function is called 'later.function' here" in letter.history[-1].error


async def test_functions_that_hold_every_slot_and_do_not_return_end_the_worker(driver: QueueDriver) -> None:
    release.clear()
    for _ in range(3):
        await hang.dispatch()
    try:
        summary = await Worker(driver, concurrency=2, shutdown_grace_period=0.3).start()
    finally:
        release.set()
    assert summary.exit_status == 1
    assert f"all 2 slots are held by what was to end and does not return ({hang.name})" in summary.problems[0]
    assert summary.counts.timed_out == 2
    assert (await driver.inspector("default").depth())["in_flight"] == 0


async def test_a_driver_of_ones_own_making_will_do(driver: QueueDriver, tmp_path: Path) -> None:
    from cloud_tasks.clock import SystemClock
    from cloud_tasks.queues.sql import SqlSettings, open_driver

    await note.dispatch("x")
    own = open_driver(SqlSettings(dsn=str(tmp_path / "queues.db")), SystemClock())
    await own.connect()
    try:
        summary = await Worker(own, max_tasks=1).start()
    finally:
        await own.disconnect()
    assert summary.counts.completed == 1


async def test_the_settings_of_the_pool_are_those_of_the_driver(tmp_path: Path) -> None:
    pool = ProcessPoolConfig(size=1, max_tasks_per_child=1)
    config = Config(sqlite=SQLiteConfig(path=str(tmp_path / "queues.db")), process_pool=pool)
    made = DriverFactory.create("sqlite", config)
    await made.connect()
    configure(config)
    try:
        for said, processes in (({}, 4), ({"process_pool_max_tasks_per_child": 4}, 1)):
            path = tmp_path / f"{processes}"
            for _ in range(4):
                await tell_process.dispatch(str(path))
            await Worker(made, max_tasks=4, **said).start()  # type: ignore[arg-type] # whole numbers
            assert len(set(path.read_text().split())) == processes
    finally:
        configure(None)
        await close()
        await made.disconnect()


def test_attempts_are_those_of_the_driver_where_it_has_its_own() -> None:
    own = Config(postgres=PostgresConfig(max_attempts=1), mysql=MySQLConfig(max_attempts=2))
    usual = [
        usual_defaults(msgspec.structs.replace(own, driver=name)) for name in ("postgres", "mysql", "redis")
    ]
    assert [one.max_attempts for one in usual] == [1, 2, 3]


async def test_tasks_in_threads_dispatch_by_the_workers_own_defaults(driver: QueueDriver) -> None:
    await pass_on_from_a_thread.dispatch("x")
    defaults = TaskDefaultsConfig(queue="elsewhere")
    await Worker(driver, max_tasks=1, task_defaults=defaults).start()
    close_sync()
    assert (await driver.inspector("elsewhere").depth())["visible"] == 1


def test_what_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    made = DriverFactory.create("sqlite", Config(sqlite=SQLiteConfig(path=str(tmp_path / "queues.db"))))
    with pytest.raises(ConfigurationError) as caught:
        Worker(made, [], concurrency=0, max_tasks=0, process_pool_size=0)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"queues": "emails"}, 'queues: expected a list of names, got "emails"'),
        ({"queues": None}, "queues: expected a list of names, got None"),
        ({"queues": ["a", 5]}, "queues: expected names, got 5"),
        ({"queues": ["a", ""]}, "a worker needs the name of at least one queue"),
        ({"concurrency": "10"}, 'concurrency: expected an integer >= 1, got "10"'),
        ({"concurrency": 2.5}, "concurrency: expected an integer >= 1, got 2.5"),
        ({"concurrency": True}, "concurrency: expected an integer >= 1, got True"),
        ({"concurrency": 10**6}, "concurrency: expected an integer <= 10000, got 1000000"),
        ({"max_tasks": -1}, "max_tasks: expected an integer >= 1, got -1"),
        ({"worker_id": ""}, 'worker_id: expected a text, got ""'),
        (
            {"heartbeat_interval": float("nan")},
            "heartbeat_interval: expected a number of seconds >= 0, got nan",
        ),
        ({"heartbeat_interval": "60s"}, 'heartbeat_interval: expected a number of seconds >= 0, got "60s"'),
        ({"shutdown_grace_period": -1}, "shutdown_grace_period: expected a number of seconds >= 0, got -1"),
        ({"starvation_guard": -1.0}, "starvation_guard: expected a number of seconds >= 0, got -1.0"),
        ({"process_pool_size": 0}, "process_pool_size: expected an integer >= 1, got 0"),
        ({"queue_driver": None}, "queue_driver: expected a driver, got a value of type NoneType"),
    ],
)
def test_an_argument_that_cannot_be_is_told_in_words(
    tmp_path: Path, said: dict[str, Any], words: str
) -> None:
    made = DriverFactory.create("sqlite", Config(sqlite=SQLiteConfig(path=str(tmp_path / "queues.db"))))
    with pytest.raises(ConfigurationError) as caught:
        Worker(**{"queue_driver": made, **said})
    assert [problem.message for problem in caught.value.problems] == [words]


WRONG_DEFAULTS: list[tuple[dict[str, Any], str]] = [
    ({"timeout": 0}, "timeout: expected a number of seconds > 0, got 0"),
    ({"max_attempts": 0}, "max_attempts: expected an integer >= 1, got 0"),
    ({"visibility_timeout": 0}, "visibility_timeout: expected a number of seconds > 0, got 0"),
    ({"retry_strategy": "expo"}, 'retry_strategy: expected fixed or exponential, got "expo"'),
    ({"retry_strategy": "Fixed"}, "retry_strategy: expected 'fixed', got \"Fixed\""),
    ({"retry_delay": -5}, "retry_delay: expected a number of seconds >= 0, got -5"),
    ({"queue": ""}, 'queue: expected a text, got ""'),
]


@pytest.mark.parametrize(("said", "words"), WRONG_DEFAULTS)
def test_defaults_that_cannot_be_are_told_in_words(tmp_path: Path, said: dict[str, Any], words: str) -> None:
    sqlite, defaults = SQLiteConfig(path=str(tmp_path / "queues.db")), TaskDefaultsConfig(**said)
    made = DriverFactory.create("sqlite", Config(sqlite=sqlite))
    with pytest.raises(ConfigurationError) as caught:
        Worker(made, task_defaults=defaults)
    assert [problem.message for problem in caught.value.problems] == [f"task_defaults.{words}"]
    with pytest.raises(ConfigurationError) as caught:
        DriverFactory.create("sqlite", Config(sqlite=sqlite, task_defaults=defaults))
    assert [problem.message for problem in caught.value.problems] == [f"task_defaults.{words}"]


def test_every_setting_that_cannot_be_is_told_at_once_and_no_secret() -> None:
    config = Config(
        redis=RedisConfig(db="1", password=b"hush"),  # type: ignore[arg-type] # wrong, on purpose
        rabbitmq="amqp://me:hush@localhost",  # type: ignore[arg-type] # wrong, on purpose
        events=EventsConfig(format="xml"),
        process_pool=ProcessPoolConfig(size=0),
    )
    with pytest.raises(ConfigurationError) as caught:
        DriverFactory.create("redis", config)
    assert len(caught.value.problems) == 5
    assert "hush" not in str(caught.value)


async def test_settings_of_who_only_dispatches_are_checked_as_well() -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite\.path: expected a path as text, got 5"):
        await open_outbox(Config(sqlite=SQLiteConfig(path=5)), {})  # type: ignore[arg-type] # wrong, on purpose


def test_a_driver_that_is_not_known_is_told() -> None:
    with pytest.raises(ConfigurationError, match="there is no driver 'kafka'"):
        DriverFactory.create("kafka", Config())
