"""What is done once, on every backend that can: SQLite, PostgreSQL, MariaDB, Redis, and the model of them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.transports import open_transport
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.interfaces import OnceBook, OnceDriver, OnceSender, QueueDriver
from cloud_tasks.queues.sql import SqlSettings, open_driver
from cloud_tasks.queues.sql.driver import SqlDriver
from fakes.clock import VirtualClock
from fakes.once_model import InMemoryOnce
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from tests.contracts.once import OnceContract, OnceHarness
from tests.queues.sql.harness import run_sql
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer
from tests.services.redis import RedisServer

KINDS = ["sqlite", "postgres", "mariadb", "redis"]


class DriverHarness:
    """Two connections to one backend, with queues of this test's own."""

    claim_s = 0.2

    def __init__(self, url: str) -> None:
        self.clock = SystemClock()
        self._mark = secrets.token_hex(4)
        self.drivers = [open_transport(url, self.clock) for _ in range(2)]

    async def open(self) -> None:
        first, second = self.drivers
        if isinstance(first, SqlDriver):
            await first.migrate()
        await first.connect()
        await second.connect()

    def _driver(self, connection: int) -> OnceDriver:
        driver = self.drivers[connection]
        assert isinstance(driver, OnceDriver)
        return driver

    def sender(self, queue: str, connection: int) -> OnceSender:
        return self._driver(connection).once_sender(f"{queue}_{self._mark}")

    def book(self, queue: str, connection: int) -> OnceBook:
        return self._driver(connection).once_book(f"{queue}_{self._mark}")

    async def task_ids(self, queue: str) -> list[str]:
        inspector = cast("QueueDriver", self._driver(0)).inspector(f"{queue}_{self._mark}")
        return sorted(task.task_id for task in await inspector.peek(100) if isinstance(task, Task))

    async def advance(self, seconds: float) -> None:
        await self.clock.sleep_until(self.clock.monotonic() + seconds)

    async def aclose(self) -> None:
        for driver in self.drivers:
            await driver.disconnect()


class ModelHarness:
    """The model."""

    claim_s = 60.0

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self._queues: dict[str, InMemoryQueue] = {}
        self._onces: dict[str, InMemoryOnce] = {}

    def sender(self, queue: str, connection: int) -> InMemoryOnce:
        if queue not in self._queues:
            self._queues[queue] = InMemoryQueue(self.clock, QueueOptions())
            self._onces[queue] = InMemoryOnce(self.clock, self._queues[queue])
        return self._onces[queue]

    book = sender

    async def task_ids(self, queue: str) -> list[str]:
        tasks = await self._queues[queue].peek(100)
        return sorted(task.task_id for task in tasks if isinstance(task, Task))

    async def advance(self, seconds: float) -> None:
        await self.clock.run_for(seconds)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        return postgres.dsn()
    if request.param == "mariadb":
        mariadb: MariadbServer = request.getfixturevalue("mariadb_server")
        return mariadb.dsn("test")
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        return redis.url
    return f"sqlite:///{tmp_path}/once.db"


class TestBackends(OnceContract):
    @pytest_asyncio.fixture
    async def harness(self, url: str) -> AsyncIterator[OnceHarness]:
        harness = DriverHarness(url)
        await harness.open()
        yield harness
        await harness.aclose()

    async def test_a_task_that_was_sent_can_be_taken(self, harness: OnceHarness) -> None:
        assert isinstance(harness, DriverHarness)
        tasks = harness.drivers[1].tasks(f"a_{harness._mark}", 30.0)
        await harness.sender("a", 0).send_once("k", Task("t", {"x": 1}))
        (lease,) = await tasks.receive(1, 5.0)
        assert lease.task == Task("t", {"x": 1})
        await tasks.aclose()


class TestModel(OnceContract):
    @pytest.fixture
    def harness(self) -> OnceHarness:
        return ModelHarness()


class TestDatabaseWithoutTheTable:
    """One that was made by an older version: its queues go on, and schedules say what they need."""

    @pytest.mark.parametrize("name", ["postgres_server", "mariadb_server"])
    async def test_queues_go_on_and_schedules_say_what_is_needed(
        self, request: pytest.FixtureRequest, name: str
    ) -> None:
        mark = f"t{secrets.token_hex(6)}"
        server = request.getfixturevalue(name)
        driver = open_driver(
            SqlSettings(dsn=server.dsn(), queue_table=mark, dead_letter_table=f"{mark}_dead"), SystemClock()
        )
        await driver.migrate()
        await run_sql(driver, f"DROP TABLE {mark}_once")
        await driver.connect()
        with pytest.raises(ConfigurationError, match=f"{mark}_once is not in"):
            await driver.once_sender("q").send_once("k", Task("t", {}))
        assert len(await driver.migration()) == 1
        await driver.migrate()
        assert await driver.once_sender("q").send_once("k", Task("t", {})) is True
        for table in (mark, f"{mark}_dead", f"{mark}_once", f"{mark}_version"):
            await run_sql(driver, f"DROP TABLE {table}")
        await driver.disconnect()

    async def test_sqlite_makes_it_by_itself(self, tmp_path: Path) -> None:
        driver = open_driver(SqlSettings(dsn=str(tmp_path / "q.db")), SystemClock())
        await driver.connect()
        await run_sql(driver, "DROP TABLE task_queue_once")
        await driver.connect()
        assert await driver.once_sender("q").send_once("k", Task("t", {})) is True
        await driver.disconnect()


async def test_an_outage_is_told_as_one() -> None:
    for url in ("redis://127.0.0.1:1", "postgresql://x:y@127.0.0.1:1/z", "mysql://x:y@127.0.0.1:1/z"):
        driver = open_transport(url, SystemClock())
        assert isinstance(driver, OnceDriver)
        with pytest.raises(QueueUnavailableError):
            await driver.once_sender("q").send_once("k", Task("t", {}))
        await cast("QueueDriver", driver).disconnect()
