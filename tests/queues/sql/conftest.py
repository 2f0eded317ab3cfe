"""Databases of each kind, and tables in them that all of these tests share: each has queues of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.queues.sql import SqlSettings, open_driver
from tests.queues.sql.harness import settings_of
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer

KINDS = ["sqlite", "postgres", "mariadb"]


@pytest.fixture(scope="session")
def settings_for(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], SqlSettings]:
    """Tables in a database of that kind, which are there."""

    def dsn(kind: str) -> str:
        if kind == "sqlite":
            return str(tmp_path_factory.mktemp("sql") / "queue.db")
        if kind == "postgres":
            postgres: PostgresServer = request.getfixturevalue("postgres_server")
            return postgres.dsn()
        mariadb: MariadbServer = request.getfixturevalue("mariadb_server")
        return mariadb.dsn("test")

    async def make(settings: SqlSettings) -> None:
        driver = open_driver(settings, SystemClock())
        await driver.migrate()
        await driver.disconnect()

    @cache
    def settings(kind: str) -> SqlSettings:
        made = settings_of(dsn(kind))
        asyncio.run(make(made))
        return made

    return settings


@pytest.fixture
def kind() -> str:
    """Which database; tests that go on several have it as a parameter."""
    return "sqlite"


@pytest.fixture
def settings(settings_for: Callable[[str], SqlSettings], kind: str) -> SqlSettings:
    """Tables in a database of that kind."""
    return settings_for(kind)
