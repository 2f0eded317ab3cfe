"""Task functions on Redis and PostgreSQL, beside other systems on the same server; see `draining.py`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import sql_queue
from benchmarks.draining import absent, drain, everything, running
from benchmarks.measuring import ROOT, Finding, at_least, at_most, figure, interleaved, missing
from benchmarks.peers.installed import CELERY, DRAMATIQ, ON_THE_LOOP, PYTHON, Peer, versions
from benchmarks.programs import task_functions
from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import QueueDriver
from cloud_tasks.queues.redis_streams import RedisSettings
from cloud_tasks.queues.redis_streams import open_driver as open_redis
from cloud_tasks.queues.sql import SqlSettings
from cloud_tasks.queues.sql import open_driver as open_sql
from cloud_tasks.queues.sql.driver import SqlDriver
from cloud_tasks.tasks import TaskDefinition
from tests.services.binaries import POSTGRES, REDIS
from tests.services.postgres import PostgresServer
from tests.services.redis import RedisServer

COUNT = int(os.environ.get("BENCH_TASKS", "20000"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
"""Smaller numbers show that everything works; what is measured with them says little."""
CONCURRENCY = 100
_SETTLED_S = 10.0


def redis_async(_scratch: Path) -> Iterator[Finding]:
    """Coroutine functions on the loop, two workers."""
    if not_there := absent(REDIS):
        yield not_there
        return
    with running(RedisServer) as server:
        there, left_out = _peers((*ON_THE_LOOP, DRAMATIQ))
        yield from left_out
        ours = _OnRedis(server, task_functions.noop, workers=2)
        rates = interleaved({"ours": ours.rate, **_rates(server, there)}, RUNS)
    yield from _told("async on Redis", rates, ours.again)
    best = max(
        (one.package for one in ON_THE_LOOP if one.package in rates), key=rates.__getitem__, default=""
    )
    if best:
        yield at_least(f"async on Redis / {best}, the best", rates["ours"] / rates[best], 1.5, "ratio")
    if "dramatiq" in rates:
        yield at_least("async on Redis / dramatiq", rates["ours"] / rates["dramatiq"], 1, "ratio")


def redis_pool(_scratch: Path) -> Iterator[Finding]:
    """Plain functions in two warm processes."""
    if not_there := absent(REDIS):
        yield not_there
        return
    with running(RedisServer) as server:
        there, left_out = _peers((CELERY,))
        yield from left_out
        ours = _OnRedis(server, task_functions.noop_in_pool, "--process-pool-size", "2")
        rates = interleaved({"ours": ours.rate, **_rates(server, there)}, RUNS)
    yield from _told("pool on Redis", rates, ours.again)
    if "celery" in rates:
        name = "pool on Redis / Celery prefork, acks late"
        yield at_least(name, rates["ours"] / rates["celery"], 4, "ratio")


def postgres(_scratch: Path) -> Iterator[Finding]:
    """With leases, against a bare loop that removes tasks in batches; one client each.

    First the queue alone, as the loop runs no tasks either; then the whole worker.
    """
    if not_there := absent(POSTGRES):
        yield not_there
        return
    with running(PostgresServer) as server:
        yield from asyncio.run(everything(sql_queue.speed(server.dsn(), COUNT)))
        ours = _OnPostgres(server.dsn())
        quicker = _OnPostgres(server.dsn(), "--event-loop", "uvloop")
        bare = {name: partial(_bare, server.dsn(), plain=name == "bare") for name in ("bare", "bare, tuned")}
        rates = interleaved({"ours": ours.rate, "ours, uvloop": quicker.rate, **bare}, RUNS)
    yield from _told("worker on PostgreSQL", rates, ours.again + quicker.again)
    name = "worker on PostgreSQL / bare SKIP LOCKED loop"
    yield at_least(name, rates["ours"] / rates["bare"], 0.5, "ratio", "one process each")
    quicker_name = f"{name}, uvloop"
    yield at_least(quicker_name, rates["ours, uvloop"] / rates["bare"], 0.5, "ratio", "--event-loop uvloop")
    tuned = "the loop's planner is told to walk along the index"
    yield figure(f"{name}, tuned", rates["ours"] / rates["bare, tuned"], "ratio", tuned)


class _Ours:
    """Runs of our worker."""

    def __init__(
        self, function: TaskDefinition[[int], Any], driver: QueueDriver, *options: str, workers: int = 1
    ) -> None:
        self.again = 0
        self._function = function
        self._driver = driver
        command = [sys.executable, "-m", "cloud_tasks", "worker", "--app", task_functions.__name__]
        queue = function.options.queue
        assert queue is not None
        self._queue = queue
        self._commands = [
            [*command, "--queues", queue, "--concurrency", f"{CONCURRENCY}", *options]
        ] * workers

    def rate(self) -> float:
        """Fill and drain; tasks a second."""
        asyncio.run(self._fill())
        seen = drain(self._commands, {}, COUNT, lambda: asyncio.run(self._until_settled()))
        self.again += seen.again
        return COUNT / seen.took_s

    async def _fill(self) -> None:
        await self._prepare()
        inspector = self._driver.inspector(self._queue)
        await inspector.create()
        await inspector.purge()
        await self._driver.sender(self._queue).send_many(
            Task(f"task-{number}", {"task": self._function.name, "args": [number], "kwargs": {}})
            for number in range(COUNT)
        )
        await self._driver.disconnect()

    async def _prepare(self) -> None:
        await self._driver.connect()

    async def _until_settled(self) -> None:
        """What was run must also have been acknowledged."""
        await self._driver.connect()
        deadline = time.monotonic() + _SETTLED_S
        while any((depth := await self._driver.inspector(self._queue).depth()).values()):
            assert time.monotonic() < deadline, depth
            await asyncio.sleep(0.05)
        await self._driver.disconnect()


class _OnRedis(_Ours):
    def __init__(
        self, server: RedisServer, function: TaskDefinition[[int], Any], *options: str, workers: int = 1
    ) -> None:
        driver = open_redis(RedisSettings(url=server.url), SystemClock())
        super().__init__(
            function, driver, "--driver", "redis", "--redis-url", server.url, *options, workers=workers
        )


class _OnPostgres(_Ours):
    def __init__(self, dsn: str, *options: str) -> None:
        self._sql: SqlDriver = open_sql(SqlSettings(dsn=dsn), SystemClock())
        super().__init__(
            task_functions.noop, self._sql, "--driver", "postgres", "--postgres-dsn", dsn, *options
        )

    async def _prepare(self) -> None:
        await self._sql.migrate()
        await self._sql.connect()


def _bare(dsn: str, *, plain: bool) -> float:
    async def body() -> float:
        async with sql_queue.tables(dsn, "bench_bare") as driver:
            await driver.sender(sql_queue.QUEUE).send_many(sql_queue.tasks(COUNT))
            return await sql_queue.bare(driver, "bench_bare", COUNT, plain=plain)

    return asyncio.run(body())


def _peers(wanted: tuple[Peer, ...]) -> tuple[list[Peer], list[Finding]]:
    """Those that are installed, and a word about each that is not."""
    found = versions()
    why = "left out: not in .venv-peers, see `make bench-peers`"
    left_out = [missing(peer.package, why) for peer in wanted if peer.package not in found]
    return [peer for peer in wanted if peer.package in found], left_out


def _rates(server: RedisServer, peers: list[Peer]) -> dict[str, Callable[[], float]]:
    return {peer.package: partial(_rate_of, server, peer) for peer in peers}


def _rate_of(server: RedisServer, peer: Peer) -> float:
    env = {"BENCH_REDIS_URL": server.url, **dict(peer.env)}
    asyncio.run(_flush(server.url))
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(  # noqa: S603 - our own program
            [PYTHON, *peer.filler, str(COUNT)],
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            cwd=directory,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    seen = drain([[str(PYTHON), *peer.worker]] * peer.workers, env, COUNT)
    if seen.again:
        print(f"... {peer.package} ran {seen.again} tasks again", file=sys.stderr)
    return COUNT / seen.took_s


async def _flush(url: str) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(url) as redis:
        await redis.flushall()


def _told(what: str, rates: dict[str, float], again: int) -> Iterator[Finding]:
    detail = f"{COUNT:,} tasks, medians of {RUNS}, from the first start to the last end"
    found = versions()
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        theirs = f"{found[name]} on Python {found['python']}" if name in found else ""
        yield figure(f"{what}: {name}", rate, "tasks/s", detail if name == "ours" else theirs)
    yield at_most(f"{what}: tasks that we ran again", again, 0, "tasks")
