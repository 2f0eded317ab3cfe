"""Servers that are restarted, killed, or silent: calls fail in time, the next ones work, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec import structs

from cloud_tasks.core.task import Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.queues.sql import SqlSettings
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.sql.harness import SqlHarness, settings_of
from tests.queues.sql.proxy import Proxy
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer

DONE = Outcome(OutcomeKind.COMPLETED)
CALL_S = 4.0
"""Given to each call: much more than a working server needs that others keep busy as well."""
T = TypeVar("T")
pytestmark = pytest.mark.parametrize("kind", ["postgres", "mariadb"])


@pytest.fixture
def server(request: pytest.FixtureRequest, kind: str) -> PostgresServer | MariadbServer:
    server: PostgresServer | MariadbServer = request.getfixturevalue(f"own_{kind}_server")
    return server


@pytest_asyncio.fixture
async def harness(server: PostgresServer | MariadbServer) -> AsyncIterator[SqlHarness]:
    dsn = server.dsn() if isinstance(server, PostgresServer) else server.dsn("test")
    harness = SqlHarness(structs.replace(settings_of(dsn), call_s=CALL_S, connect_s=4.0), lease_s=60.0)
    await harness.driver.migrate()
    await harness.open()
    yield harness
    await harness.aclose()


async def at_last(make: Awaitable[T]) -> T:
    return await asyncio.wait_for(make, 20.0)


async def until_it_works(harness: SqlHarness) -> int:
    """Ask for something until it is told; returns how often it was not."""
    failures = 0
    while True:
        try:
            await harness.driver.queue_names()
        except QueueUnavailableError:
            failures += 1
            await asyncio.sleep(0.02)
        else:
            return failures


async def test_a_restart_costs_a_call_or_two_and_keeps_leases(
    harness: SqlHarness, server: PostgresServer | MariadbServer
) -> None:
    await harness.send(*tasks_named("a", "b", "c"))
    (lease,) = await harness.queue.receive(1, 1.0)
    await asyncio.gather(*(harness.driver.queue_names() for _ in range(4)))  # a pool full of connections
    await asyncio.to_thread(server.restart)
    assert await at_last(until_it_works(harness)) <= 2
    await harness.queue.ack(lease, DONE)
    assert ids_of(await harness.queue.receive(5, 1.0)) == ["b", "c"]


async def test_a_server_that_is_gone_is_not_available_until_it_is_back(
    harness: SqlHarness, server: PostgresServer | MariadbServer
) -> None:
    await harness.send(*tasks_named("a"))
    (lease,) = await harness.queue.receive(1, 1.0)
    poll = asyncio.create_task(harness.queue.receive(1, 30.0))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(server.kill)
    try:
        for call in (
            harness.queue.receive(1, 0.0),
            harness.queue.ack(lease, DONE),
            harness.queue.extend(lease, 5.0),
            harness.sender().send(Task("b", {})),
            harness.sender().send_many([Task("b", {})]),
            harness.driver.connect(),
            harness.queue.dead_letter(lease, "no"),
            harness.driver.inspector(harness.name).depth(),
            harness.driver.dead_letters(harness.name).retry(None),
        ):
            with pytest.raises(QueueUnavailableError):
                await at_last(call)
        (end,) = await asyncio.gather(at_last(poll), return_exceptions=True)
        assert isinstance(end, QueueUnavailableError)
    finally:
        await asyncio.to_thread(server.start)
    await at_last(until_it_works(harness))
    await harness.queue.ack(lease, DONE)
    assert await harness.queue.receive(1, 0.0) == []


async def test_a_network_that_falls_silent_holds_up_nobody_for_ever(settings: SqlSettings) -> None:
    url = sa.make_url(settings.dsn)
    assert url.host is not None
    assert url.port is not None
    proxy = Proxy(url.host, url.port)
    await proxy.start()
    dsn = url.set(port=proxy.port).render_as_string(hide_password=False)
    harness = SqlHarness(structs.replace(settings, dsn=dsn, call_s=CALL_S, connect_s=5.0), lease_s=60.0)
    await harness.open()
    await harness.send(*tasks_named("a", "b"))
    (lease,) = await harness.queue.receive(1, 1.0)
    proxy.is_open.clear()
    calls = (
        harness.queue.ack(lease, DONE),
        harness.queue.receive(1, 0.0),
        harness.sender().send(Task("c", {})),
    )
    started_at = harness.clock.monotonic()
    ends = await at_last(asyncio.gather(*calls, return_exceptions=True))
    assert [type(end).__name__ for end in ends] == ["CallFailedError"] * 3
    assert harness.clock.monotonic() - started_at < 3 * CALL_S
    proxy.is_open.set()
    await at_last(until_it_works(harness))
    # The server may have done what it could not confirm: then the task is settled, and that is what we hear.
    await harness.queue.ack(lease, DONE)
    with pytest.raises(LeaseLostError):
        await harness.queue.ack(lease, DONE)
    await harness.aclose()
    await proxy.aclose()


async def test_what_is_asked_while_the_server_is_silent_leaves_nothing_behind(settings: SqlSettings) -> None:
    """The end of a driver whose calls never end."""
    url = sa.make_url(settings.dsn)
    assert url.host is not None
    assert url.port is not None
    proxy = Proxy(url.host, url.port)
    await proxy.start()
    dsn = url.set(port=proxy.port).render_as_string(hide_password=False)
    harness = SqlHarness(structs.replace(settings, dsn=dsn, call_s=CALL_S, connect_s=5.0), lease_s=60.0)
    await harness.open()
    proxy.is_open.clear()
    with pytest.raises(QueueUnavailableError):
        await harness.queue.receive(1, 0.0)
    before = harness.clock.monotonic()
    await at_last(harness.queue.aclose())
    await at_last(harness.driver.disconnect())
    assert harness.clock.monotonic() - before < 4 * CALL_S
    await proxy.aclose()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
