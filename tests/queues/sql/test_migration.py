"""Tables are made, found, upgraded, and never by accident."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.sql import SqlSettings, open_driver
from cloud_tasks.queues.sql.driver import SqlDriver
from cloud_tasks.queues.sql.migration import Migration
from cloud_tasks.queues.sql.tables import Tables
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import run_sql, settings_of

SERVERS = KINDS[1:]
each_server = pytest.mark.parametrize("kind", SERVERS)
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest_asyncio.fixture
async def driver(settings: SqlSettings, kind: str, tmp_path: Path) -> AsyncIterator[SqlDriver]:
    """A driver of tables that are not there."""
    driver = open_driver(settings_of(settings.dsn if kind in SERVERS else tmp_path / "q.db"), SystemClock())
    yield driver
    tables = driver._parts.tables.metadata.sorted_tables
    await run_sql(driver, *(sa.schema.DropTable(table, if_exists=True) for table in tables))
    await driver.disconnect()


def with_settings(driver: SqlDriver, **values: object) -> SqlDriver:
    return open_driver(structs.replace(driver._dialect.settings, **values), SystemClock())


async def refusal(driver: SqlDriver) -> str:
    """What `connect` says is wrong, and how it is mended."""
    with pytest.raises(ConfigurationError) as caught:
        await driver.connect()
    (problem,) = caught.value.problems
    return "\n".join((problem.message, *problem.helps))


@each_server
async def test_connect_says_which_tables_are_missing_and_what_makes_them(driver: SqlDriver) -> None:
    said = await refusal(driver)
    assert driver._parts.tables.queue.name in said
    assert "cloud_tasks migrate" in said
    assert "test:test" not in said


async def test_sqlite_makes_its_file_by_itself(driver: SqlDriver, tmp_path: Path) -> None:
    await driver.connect()
    await driver.connect()
    assert (tmp_path / "q.db").exists()
    assert await driver.queue_names() == []


@each_kind
async def test_a_dry_run_says_what_the_migration_runs_and_runs_nothing(driver: SqlDriver) -> None:
    planned = await driver.migration()
    assert planned == await driver.migration()
    assert sum(one.startswith("CREATE TABLE") for one in planned) == 4
    assert await driver.migrate() == planned
    assert await driver.migration() == []
    assert await driver.migrate() == []
    await driver.connect()


async def test_a_dry_run_makes_no_file(driver: SqlDriver, tmp_path: Path) -> None:
    assert len(await driver.migration()) == 7
    assert not (tmp_path / "q.db").exists()


@each_kind
async def test_the_planned_sql_can_be_run_by_hand(driver: SqlDriver) -> None:
    await run_sql(driver, *await driver.migration())
    assert await driver.migration() == []
    await driver.connect()


@each_kind
async def test_two_migrations_at_once_make_the_tables_once(driver: SqlDriver) -> None:
    others = [with_settings(driver) for _ in range(3)]
    runs = await asyncio.gather(*(one.migrate() for one in (driver, *others)))
    assert sorted(map(bool, runs)) == [False, False, False, True]
    for one in others:
        await one.connect()
        await one.disconnect()


@each_kind
async def test_the_table_of_completed_tasks_can_be_asked_for_later(driver: SqlDriver) -> None:
    await driver.migrate()
    keeping = with_settings(driver, keep_completed=True)
    (create, index) = await keeping.migration()
    assert "completed" in create
    assert "INDEX" in index
    await keeping.migrate()
    await keeping.connect()
    assert keeping._parts.tables.completed is not None
    await run_sql(keeping, sa.schema.DropTable(keeping._parts.tables.completed))
    await keeping.disconnect()


@each_kind
async def test_tables_of_an_older_version_are_upgraded_step_by_step(driver: SqlDriver) -> None:
    """There is one version so far, so the steps are this test's own."""
    await driver.migrate()
    await driver.sender("jobs").send(Task("a", {}))
    name = driver._parts.tables.queue.name
    steps: dict[int, Callable[[Tables], list[sa.Executable]]] = {
        1: lambda tables: [sa.text(f"ALTER TABLE {tables.queue.name} ADD COLUMN colour VARCHAR(10)")],
        2: lambda tables: [sa.update(tables.queue).values(deliveries=0), sa.text("SELECT 'two'")],
    }
    newer = Migration(driver._parts.database, driver._parts.tables, steps)
    planned = await newer.plan()
    assert planned[0] == f"ALTER TABLE {name} ADD COLUMN colour VARCHAR(10)"
    assert planned[-1].split() == ["UPDATE", f"{name}_version", "SET", "version=3"]
    assert await newer.run() == planned
    assert (await newer.found()).version == 3
    assert await newer.plan() == []
    # What this version of the program makes of it: the tables are not its own.
    assert "version 3" in await refusal(driver)


@each_server
async def test_tables_without_a_version_are_none(driver: SqlDriver) -> None:
    await driver.migrate()
    await run_sql(driver, sa.delete(driver._parts.tables.version))
    assert "cloud_tasks migrate" in await refusal(driver)


@each_kind
async def test_a_table_of_another_program_is_left_alone(driver: SqlDriver) -> None:
    """Workers of other systems call theirs `task_queue` as well."""
    name = driver._parts.tables.queue.name
    await run_sql(driver, sa.text(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, payload VARCHAR(10))"))
    for call in (driver.connect, driver.migration, driver.migrate):
        with pytest.raises(ConfigurationError) as caught:
            await call()
        (problem,) = caught.value.problems
        assert f"the table {name} in " in problem.message
        assert "another" in problem.helps[0]
    assert (await driver._migration.found()).tables == {name}


async def test_the_names_of_the_tables_are_the_users(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    names = {"queue_table": "q1", "dead_letter_table": "q2"}
    settings = structs.replace(SqlSettings(dsn=f"sqlite:///{path}"), **names, keep_completed=True)
    driver = open_driver(settings, SystemClock())
    await driver.connect()
    await driver.disconnect()
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    assert {name for (name,) in rows} >= {"q1", "q2", "completed_tasks", "q1_version"}
