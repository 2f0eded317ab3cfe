"""What a task costs in a queue of a million, over that in one of a thousand: `receive` and `ack` alone."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import sql_queue
from benchmarks.draining import absent, everything, running
from benchmarks.measuring import RUNS, Finding, at_most
from cloud_tasks.clock import SystemClock
from cloud_tasks.interfaces import QueueDriver, TaskQueue
from tests.services.binaries import MARIADB, POSTGRES, RABBITMQ, REDIS
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer

DEEP = int(os.environ.get("BENCH_DEEP", "1000000"))
"""A smaller number shows that everything works."""
SHALLOW = sql_queue.SHALLOW
_BATCH = sql_queue.BATCH
_LEASE_S = 300.0


def redis(_scratch: Path) -> Iterator[Finding]:
    """Redis."""
    from cloud_tasks.queues.redis_streams import RedisSettings, open_driver

    if not_there := absent(REDIS):
        yield not_there
        return
    with running(RedisServer) as server:
        driver = open_driver(RedisSettings(url=server.url), SystemClock())
        yield asyncio.run(_depth("Redis", driver))


def rabbitmq(_scratch: Path) -> Iterator[Finding]:
    """RabbitMQ."""
    from cloud_tasks.queues.rabbitmq import RabbitSettings, open_driver

    if not_there := absent(RABBITMQ):
        yield not_there
        return
    with running(RabbitmqServer) as server:
        driver = open_driver(RabbitSettings(url=server.url), SystemClock())
        yield asyncio.run(_depth("RabbitMQ", driver))


def sqlite(scratch: Path) -> Iterator[Finding]:
    """SQLite."""
    yield from asyncio.run(everything(sql_queue.depth(str(scratch / "depth.sqlite"), DEEP)))


def postgres(_scratch: Path) -> Iterator[Finding]:
    """PostgreSQL."""
    if not_there := absent(POSTGRES):
        yield not_there
        return
    with running(PostgresServer) as server:
        yield from asyncio.run(everything(sql_queue.depth(server.dsn(), DEEP)))


def mysql(_scratch: Path) -> Iterator[Finding]:
    """MariaDB."""
    if not_there := absent(MARIADB):
        yield not_there
        return
    with running(MariadbServer) as server:
        yield from asyncio.run(everything(sql_queue.depth(server.dsn(), DEEP)))


async def _depth(kind: str, driver: QueueDriver) -> Finding:
    """Two queues take turns; each gets as many tasks as it loses."""
    await driver.connect()
    queues: dict[int, TaskQueue] = {}
    for size in (SHALLOW, DEEP):
        await driver.inspector(f"bench-{size}").create()
        queues[size] = driver.tasks(f"bench-{size}", _LEASE_S)
    await driver.sender(f"bench-{DEEP}").send_many(sql_queue.tasks(DEEP))
    took_s: dict[int, list[float]] = {SHALLOW: [], DEEP: []}
    for _ in range(2 * RUNS + 1):
        for size, queue in queues.items():
            await driver.sender(f"bench-{size}").send_many(sql_queue.tasks(SHALLOW))
            took_s[size].append(await _take(queue, SHALLOW))
    for queue in queues.values():
        await queue.aclose()
    await driver.disconnect()
    deep, shallow = (statistics.median(took_s[size]) * 1e6 / SHALLOW for size in (DEEP, SHALLOW))
    name = f"{kind}: cost of a task at a depth of {DEEP:,} / of {SHALLOW:,}"
    return at_most(name, deep / shallow, 1.3, "ratio", f"{deep:.0f} and {shallow:.0f} us")


async def _take(queue: TaskQueue, count: int) -> float:
    """Receive and ack that many; seconds."""
    began = time.perf_counter()
    while count > 0:
        leases = await queue.receive(min(_BATCH, count), 5.0)
        await asyncio.gather(*(queue.ack(lease, sql_queue.DONE) for lease in leases))
        count -= len(leases)
    return time.perf_counter() - began
