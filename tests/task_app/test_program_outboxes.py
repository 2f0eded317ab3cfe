"""Where dispatched tasks go in a program with workers: to the queues of their worker, or as configured."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import QueueDriver
from cloud_tasks.queues.sql import SqlSettings, open_driver
from cloud_tasks.tasks import (
    Config,
    DriverFactory,
    SQLiteConfig,
    TaskDefinition,
    Worker,
    close,
    close_sync,
    configure,
    task,
)

started, go_on = threading.Event(), threading.Event()


@task(queue="children")
async def child(text: str) -> None: ...


@task
async def on_the_loop(text: str) -> None:
    await asyncio.sleep(0.05)
    await child.dispatch(text)


@task
async def in_an_asyncio_task(text: str) -> None:
    await asyncio.create_task(child.dispatch(text))


@task
async def without_awaiting(text: str) -> None:
    child.dispatch_sync(text)


@task
def in_a_thread(text: str) -> None:
    child.dispatch_sync(text)


@task
def on_a_loop_of_its_own(text: str) -> None:
    async def body() -> None:
        try:
            await child.dispatch(text)
        finally:
            await close()

    asyncio.run(body())


@task(mode="thread")
async def begun_in_a_thread(text: str) -> None:
    await child.dispatch(text)


@task
async def waiting() -> None:
    started.set()
    await asyncio.to_thread(go_on.wait, 30)


WAYS = [
    on_the_loop,
    in_an_asyncio_task,
    without_awaiting,
    in_a_thread,
    on_a_loop_of_its_own,
    begun_in_a_thread,
]


class Place:
    """A database with queues."""

    def __init__(self, path: Path) -> None:
        self.config = Config(sqlite=SQLiteConfig(path=str(path)))
        self.driver: QueueDriver = DriverFactory.create("sqlite", self.config)

    async def put(self, function: TaskDefinition[Any, Any], *args: str) -> None:
        data: dict[str, Any] = {"task": function.name, "args": list(args), "kwargs": {}}
        await self.driver.sender("default").send(Task(uuid.uuid4().hex, data))

    async def children(self) -> list[str]:
        """What was dispatched here."""
        peeked = await self.driver.inspector("children").peek(10)
        return [str(one.data["args"][0]) for one in peeked if isinstance(one, Task)]  # type: ignore[index] # as dispatched


@pytest_asyncio.fixture
async def places(tmp_path: Path) -> AsyncIterator[list[Place]]:
    """Two for workers, and the program's own."""
    async with AsyncExitStack() as closing:
        found = [Place(tmp_path / f"{name}.db") for name in ("a", "b", "own")]
        for place in found:
            await place.driver.connect()
            closing.push_async_callback(place.driver.disconnect)
            await place.driver.inspector("children").create()
        configure(found[2].config)
        yield found
        configure(None)
        await close()
        close_sync()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_each_workers_tasks_dispatch_to_its_own_queues(
    places: list[Place], way: TaskDefinition[Any, Any]
) -> None:
    a, b, own = places
    for _ in range(2):
        await a.put(way, "of a")
        await b.put(way, "of b")
    await asyncio.gather(*(Worker(one.driver, max_tasks=2).start() for one in (a, b)))
    found = [await one.children() for one in (a, b, own)]
    assert found == [["of a"] * 2, ["of b"] * 2, []]


async def test_the_programs_own_go_where_it_says_while_workers_work(places: list[Place]) -> None:
    a, _, own = places
    started.clear()
    go_on.clear()
    await child.dispatch("before")
    await a.put(waiting)
    working = asyncio.create_task(Worker(a.driver, max_tasks=1).start())
    await asyncio.to_thread(started.wait, 30)
    try:
        await child.dispatch("meanwhile")
        await asyncio.to_thread(child.dispatch_sync, "meanwhile, in a thread")
    finally:
        go_on.set()
        await working
    await child.dispatch("after")
    assert await a.children() == []
    assert sorted(await own.children()) == ["after", "before", "meanwhile", "meanwhile, in a thread"]


@pytest.mark.parametrize("way", [on_the_loop, in_an_asyncio_task, in_a_thread], ids=lambda way: way.__name__)
async def test_a_driver_of_ones_own_making_gets_them_as_well(
    places: list[Place], way: TaskDefinition[Any, Any], tmp_path: Path
) -> None:
    """Nobody knows where its queues are, so that no second connection can be made to them."""
    a, _, own = places
    await a.put(way, "of a")
    made = open_driver(SqlSettings(dsn=str(tmp_path / "a.db")), SystemClock())
    await made.connect()
    try:
        await Worker(made, max_tasks=1).start()
    finally:
        await made.disconnect()
    assert (await a.children(), await own.children()) == (["of a"], [])
