"""Several processes that fire the same schedule, over real backends, one of which is killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.scheduling import opened_scheduler
from cloud_tasks.compose.transports import open_transport
from cloud_tasks.core.task import Outcome, OutcomeKind, Task
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.sql.driver import SqlDriver
from cloud_tasks.scheduler.missed import MissedPolicy
from cloud_tasks.scheduler.schedule import instant_of
from tests.scheduler.bench import schedule
from tests.scheduler.firing import QUEUE
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer

ROOT = Path(__file__).parents[2]
DONE = Outcome(OutcomeKind.COMPLETED)


@contextlib.asynccontextmanager
async def firing(*urls: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that fires, from its first look on."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.scheduler.firing", *urls), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def fired(url: str) -> list[str]:
    """The instants whose tasks are in the queue, and that are taken out of it."""
    driver = open_transport(url, SystemClock())
    await driver.connect()
    tasks = driver.tasks(QUEUE, 60.0)
    found = []
    while leases := await tasks.receive(10, 0.5):
        for lease in leases:
            assert isinstance(lease.task, Task)
            found.append(lease.task.task_id.removeprefix(f"{QUEUE}-"))
            await tasks.ack(lease, DONE)
    await tasks.aclose()
    await driver.disconnect()
    return found


async def killed_in_the_midst(*urls: str) -> list[str]:
    """What two processes fired, one of which was killed."""
    async with firing(*urls) as first, firing(*urls) as second:
        await asyncio.sleep(1.7)
        first.kill()
        await first.wait()
        await asyncio.sleep(1.6)
        assert second.returncode is None
    return await fired(urls[0])


async def migrated(dsn: str) -> None:
    driver = open_transport(dsn, SystemClock())
    assert isinstance(driver, SqlDriver)
    await driver.migrate()
    await driver.disconnect()


async def server_killed_in_the_midst(server: RedisServer) -> list[str]:
    """What a process fired whose backend was away for a while."""
    async with firing(server.url) as process:
        await asyncio.sleep(1.2)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(1.2)
        await asyncio.to_thread(server.restart)
        await asyncio.sleep(2.0)
        assert process.returncode is None
    return await fired(server.url)


def assert_each_second(found: list[str]) -> None:
    moments = [instant_of(key) for key in sorted(set(found))]
    assert len(moments) >= 2
    assert moments[-1] - moments[0] == timedelta(seconds=len(moments) - 1), "none is missing"


class TestTwoProcesses:
    async def test_each_instant_once_although_one_is_killed_or_the_backend(
        self,
        tmp_path: Path,
        postgres_server: PostgresServer,
        redis_server: RedisServer,
        own_redis_server: RedisServer,
        rabbitmq_server: RabbitmqServer,
    ) -> None:
        """All backends at the same time: what takes its time here is the waiting."""
        dsn = postgres_server.dsn()
        await migrated(dsn)
        *in_one_step, by_claim = await asyncio.gather(
            killed_in_the_midst(f"sqlite:///{tmp_path}/q.db"),
            killed_in_the_midst(dsn),
            killed_in_the_midst(f"{redis_server.url}?key_prefix=scheduler"),
            server_killed_in_the_midst(own_redis_server),
            killed_in_the_midst(rabbitmq_server.url, f"sqlite:///{tmp_path}/book.db"),
        )
        for found in in_one_step:
            assert_each_second(found)
            assert max(Counter(found).values()) == 1
        assert_each_second(by_claim)
        repeats = len(by_claim) - len(set(by_claim))
        assert repeats <= 1, "who is killed before the entry leaves a task that another sends again"


class TestMistakes:
    async def test_a_transport_that_cannot_says_what_is_needed(self, rabbitmq_server: RabbitmqServer) -> None:
        with pytest.raises(ConfigurationError) as caught:
            await self.opened(rabbitmq_server.url, None)
        assert "asynctask_scheduler_store" in caught.value.problems[0].helps[0]

    @pytest.mark.parametrize("store_url", ["amqp://guest@127.0.0.1", "memory:", "sqs:?region=eu-west-1"])
    async def test_a_store_that_cannot(self, tmp_path: Path, store_url: str) -> None:
        with pytest.raises(ConfigurationError, match="cannot keep the book"):
            await self.opened(f"sqlite:///{tmp_path}/q.db", store_url)

    async def test_a_database_without_the_table(self, postgres_server: PostgresServer) -> None:
        dsn = postgres_server.dsn("template1")
        with pytest.raises(ConfigurationError, match="task_queue_once is not in"):
            await self.opened(dsn, None)

    async def opened(self, url: str, store_url: str | None) -> None:
        clock = SystemClock()
        driver = open_transport(url, clock)
        try:
            async with opened_scheduler(
                [schedule(second="*")],
                driver,
                store_url=store_url,
                policy=MissedPolicy(),
                clock=clock,
                log=logging.getLogger("test"),
            ):
                pass
        finally:
            await driver.disconnect()
