"""Whoever waits is woken soon, and asks the database seldom."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import HandBack, Task
from cloud_tasks.errors import QueueUnusableError
from cloud_tasks.interfaces import WaitableQueue
from cloud_tasks.queues.sql import SqlSettings, open_driver
from cloud_tasks.queues.sql.driver import SqlDriver
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import SqlHarness, run_sql

each_kind = pytest.mark.parametrize("kind", KINDS)
on_postgres = pytest.mark.parametrize("kind", ["postgres"])
SOON_S = 4.0
"""Soon, on a machine that has other things to do; a poll lasts five times as long."""
LOOKS_SELDOM_AFTER_S = 5.5
"""Where the database tells, a poll looks for the ninth time after 5.1 s, and not again before 10.2."""


@pytest_asyncio.fixture
async def harness(settings: SqlSettings) -> AsyncIterator[SqlHarness]:
    harness = SqlHarness(settings, lease_s=30.0)
    await harness.open()
    yield harness
    await harness.aclose()


@pytest_asyncio.fixture
async def other(settings: SqlSettings) -> AsyncIterator[SqlDriver]:
    """Another process, as far as the database can tell."""
    other = open_driver(settings, SystemClock())
    await other.connect()
    yield other
    await other.disconnect()


async def seconds_of(harness: SqlHarness, call: Awaitable[object]) -> float:
    before = harness.clock.monotonic()
    await call
    return harness.clock.monotonic() - before


def said_by(driver: SqlDriver) -> list[str]:
    """The statements that are said to SQLite from now on, as SQLite itself tells them."""
    said: list[str] = []

    def trace(connection: Any, *_: object) -> None:
        connection.run_async(lambda raw: raw.set_trace_callback(said.append))

    sa.event.listen(driver._parts.database._engine.sync_engine, "checkout", trace)
    return said


def counted(harness: SqlHarness) -> Callable[[], int]:
    """How many statements were said since."""
    if harness.driver._dialect.embedded:
        by_sqlite = said_by(harness.driver)
        return lambda: len(by_sqlite)
    said: list[str] = []
    engine = harness.driver._parts.database._engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    return lambda: len(said)


@each_kind
async def test_what_another_process_sends_is_heard_of_soon(harness: SqlHarness, other: SqlDriver) -> None:
    poll = asyncio.create_task(harness.queue.receive(1, 20.0))
    await asyncio.sleep(0.3)
    await other.sender(harness.name).send(Task("a", {}))
    assert await seconds_of(harness, poll) < SOON_S
    assert ids_of(poll.result()) == ["a"]


@each_kind
async def test_wait_ready_takes_nothing_and_ends_when_there_is_something(
    harness: SqlHarness, other: SqlDriver
) -> None:
    queue = harness.queue
    assert isinstance(queue, WaitableQueue)
    assert 0.2 <= await seconds_of(harness, queue.wait_ready(0.25)) < 10.0
    wait = asyncio.create_task(queue.wait_ready(20.0))
    await asyncio.sleep(0.1)
    await other.sender(harness.name).send_many(tasks_named("a"))
    assert await seconds_of(harness, wait) < SOON_S
    assert await seconds_of(harness, queue.wait_ready(20.0)) < SOON_S
    (lease,) = await queue.receive(1, 0.0)
    assert lease.delivery_count == 1
    cancelled = asyncio.create_task(queue.wait_ready(20.0))
    await asyncio.sleep(0.05)
    cancelled.cancel()
    await asyncio.wait((cancelled,))
    await queue.nack(lease, 0.3, HandBack.RETRY)
    assert 0.2 < await seconds_of(harness, queue.wait_ready(20.0)) < 0.3 + SOON_S


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
async def test_whoever_waits_asks_seldom(harness: SqlHarness) -> None:
    statements = counted(harness)
    assert await harness.queue.receive(1, 1.0) == []
    assert statements() <= 12


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
async def test_a_queue_of_long_leases_is_not_asked_all_the_time(harness: SqlHarness) -> None:
    """The next message is due in half a minute: the moment is known, and so is the pause."""
    await harness.send(*tasks_named("a"))
    await harness.queue.receive(1, 1.0)
    statements = counted(harness)
    assert await harness.queue.receive(1, 0.8) == []
    assert statements() <= 12


@on_postgres
async def test_news_comes_by_notify_not_by_looking(harness: SqlHarness, other: SqlDriver) -> None:
    poll = asyncio.create_task(harness.queue.receive(1, 20.0))
    await asyncio.sleep(LOOKS_SELDOM_AFTER_S)
    before = harness.clock.monotonic()
    await other.sender(harness.name).send_many(Task(f"t{number}", {}) for number in range(3_000))
    await poll
    assert harness.clock.monotonic() - before < SOON_S


@on_postgres
async def test_what_is_handed_back_at_once_is_news(harness: SqlHarness, other: SqlDriver) -> None:
    await harness.send(*tasks_named("a"))
    theirs = other.tasks(harness.name, 30.0)
    (lease,) = await theirs.receive(1, 1.0)
    poll = asyncio.create_task(harness.queue.receive(1, 20.0))
    await asyncio.sleep(LOOKS_SELDOM_AFTER_S)
    await theirs.nack(lease, 0.0, HandBack.RETRY)
    assert await seconds_of(harness, poll) < SOON_S
    await theirs.aclose()


@on_postgres
async def test_listening_begins_again_when_its_connection_was_lost(
    harness: SqlHarness, other: SqlDriver
) -> None:
    poll = asyncio.create_task(harness.queue.receive(1, 20.0))
    (lost,) = await until(lambda: listeners(harness, other), lambda there: len(there) == 1)
    await run_sql(other, f"SELECT pg_terminate_backend({lost})")
    await until(lambda: listeners(harness, other), lambda there: len(there) == 1 and there != [lost])
    await other.sender(harness.name).send(Task("a", {}))
    assert await seconds_of(harness, poll) < SOON_S


@on_postgres
async def test_nobody_listens_when_the_queue_is_closed(harness: SqlHarness, other: SqlDriver) -> None:
    await harness.queue.receive(1, 0.1)
    await until(lambda: listeners(harness, other), lambda there: len(there) == 1)
    await harness.queue.aclose()
    await until(lambda: listeners(harness, other), lambda there: not there)


async def listeners(harness: SqlHarness, driver: SqlDriver) -> list[int]:
    """The server's processes that listen for the harness's queue, as the driver sees them."""
    said = f'LISTEN "{harness.driver._parts.tables.queue.name}"'

    async def work(connection: AsyncConnection) -> list[int]:
        rows = await connection.exec_driver_sql(
            "SELECT pid FROM pg_stat_activity WHERE query = %(said)s", {"said": said}
        )
        return [int(row[0]) for row in rows]

    return await driver._parts.database.call(work)


async def until(look: Callable[[], Awaitable[list[int]]], holds: Callable[[list[int]], bool]) -> list[int]:
    async with asyncio.timeout(10.0):
        while True:
            seen = await look()
            if holds(seen):
                return seen
            await asyncio.sleep(0.02)


# --- Where the database cannot tell, one look serves all


async def test_many_queues_that_wait_cost_no_more_than_one(tmp_path: Path) -> None:
    settings = SqlSettings(dsn=str(tmp_path / "queues.db"))
    driver, other = open_driver(settings, SystemClock()), open_driver(settings, SystemClock())
    await driver.connect()
    await other.connect()
    queues = [driver.tasks(f"queue{number}", 30.0) for number in range(130)]
    said = said_by(driver)
    polls = [asyncio.create_task(queue.receive(1, 20.0)) for queue in queues]
    async with asyncio.timeout(30.0):  # each looks once by itself, which takes a busy machine seconds
        while len(said) < len(queues):  # noqa: ASYNC110 - a list sets no event
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    said.clear()
    began = time.monotonic()
    await asyncio.sleep(2.0)
    looks_max = (time.monotonic() - began) / 0.3 + 1  # a busy machine sleeps longer
    assert 4 <= len(said) <= 2 * looks_max  # two for each look
    await other.sender("queue117").send(Task("a", {}))
    await other.sender("queue4").send(Task("b", {}), delay_s=0.5)
    assert ids_of(await asyncio.wait_for(polls[117], SOON_S)) == ["a"]
    assert ids_of(await asyncio.wait_for(polls[4], 0.5 + SOON_S)) == ["b"]
    assert sum(poll.done() for poll in polls) == 2
    for poll in polls:
        poll.cancel()
    await asyncio.wait(polls)
    said.clear()
    await asyncio.sleep(1.2)
    assert len(said) <= 2  # nobody looks while nobody waits
    for queue in queues:
        await queue.aclose()
    await driver.disconnect()
    await other.disconnect()


async def test_who_waits_is_told_that_nobody_can_be_asked(tmp_path: Path) -> None:
    file = tmp_path / "queues.db"
    driver = open_driver(SqlSettings(dsn=str(file)), SystemClock())
    await driver.connect()
    queue = driver.tasks("queue", 30.0)
    poll = asyncio.create_task(queue.receive(1, 20.0))
    await asyncio.sleep(0.2)
    with sqlite3.connect(file) as rival:
        rival.execute("DROP TABLE task_queue")
    rival.close()
    with pytest.raises(QueueUnusableError, match="the table task_queue is not in"):
        await asyncio.wait_for(poll, 10.0)
    await queue.aclose()
    await driver.disconnect()
