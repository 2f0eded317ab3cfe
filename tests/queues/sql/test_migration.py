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
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
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
async def test_the_command_that_is_told_makes_what_is_missing(driver: SqlDriver) -> None:
    dialect = driver._dialect
    await driver.migrate()
    kind = {"PostgreSQL": "postgres", "MySQL": "mysql"}[dialect.name]
    keeping = with_settings(driver, keep_completed=True, completed_table="kept_nowhere")
    said = await refusal(keeping)
    await keeping.disconnect()
    table = dialect.settings.queue_table
    assert f"cloud_tasks migrate --driver {kind} --{kind}-dsn ADDRESS" in said
    assert f"--{kind}-queue-table {table}" in said
    assert "--repository-keep-completed-tasks" in said


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


async def drop_line(driver: SqlDriver) -> str:
    """Take the index of the queue's table away; its name."""
    (index,) = driver._parts.tables.queue.indexes
    await run_sql(driver, sa.schema.DropIndex(index))
    return str(index.name)


@each_kind
async def test_an_index_that_is_missing_is_made_and_nothing_else(driver: SqlDriver) -> None:
    await driver.migrate()
    await driver.sender("jobs").send(Task("a", {}))
    name = await drop_line(driver)
    planned = await driver.migration()
    assert [name in one and "CREATE INDEX" in one for one in planned] == [True]
    assert await driver.migrate() == planned
    assert await driver.migrate() == []
    await driver.connect()
    (lease,) = await driver.tasks("jobs", 30.0).receive(1, 0.0)
    assert lease.delivery_count == 1


@each_server
async def test_connect_says_which_index_is_missing_and_what_makes_it(driver: SqlDriver) -> None:
    await driver.migrate()
    name = await drop_line(driver)
    said = await refusal(driver)
    assert f"the index {name} is not in " in said
    assert "cloud_tasks migrate" in said


async def test_sqlite_makes_a_missing_index_by_itself(driver: SqlDriver) -> None:
    await driver.connect()
    await drop_line(driver)
    await driver.connect()
    assert await driver.migration() == []


@each_kind
async def test_a_migration_that_was_killed_between_a_table_and_its_index_is_finished(
    driver: SqlDriver,
) -> None:
    """On MySQL every table and every index is there as soon as it is made."""
    planned = await driver.migration()
    index = next(number for number, one in enumerate(planned) if one.startswith("CREATE INDEX"))
    await run_sql(driver, *planned[:index])
    assert await driver.migration() == planned[index:]
    assert await driver.migrate() == planned[index:]
    await driver.connect()


@each_kind
@pytest.mark.parametrize("table", ["queue", "dead"])
async def test_a_column_that_is_missing_is_told(driver: SqlDriver, table: str) -> None:
    await driver.migrate()
    name = getattr(driver._parts.tables, table).name
    await run_sql(driver, f"ALTER TABLE {name} RENAME COLUMN history TO hist0ry")
    for call in (driver.connect, driver.migration, driver.migrate):
        with pytest.raises(ConfigurationError) as caught:
            await call()
        (problem,) = caught.value.problems
        assert f"the table {name} in " in problem.message
        assert problem.message.endswith("has no column history")
        assert "migrate" not in "".join(problem.helps)
    await run_sql(driver, f"ALTER TABLE {name} RENAME COLUMN hist0ry TO history")
    assert await driver.migrate() == []
    await driver.connect()


@pytest.mark.parametrize("kind", ["mariadb"])
async def test_a_migration_that_another_one_keeps_out_says_so(driver: SqlDriver) -> None:
    hasty = open_driver(structs.replace(driver._dialect.settings, call_s=0.5), SystemClock())
    lock, unlock = driver._dialect.lock()
    assert unlock is not None
    away = unlock

    async def hold(connection: AsyncConnection) -> None:
        assert (await connection.execute(lock)).scalar() == 1
        with pytest.raises(QueueUnavailableError, match="another migration"):
            await hasty.migrate()
        await connection.execute(away)

    await driver._parts.database.call(hold)
    assert (await driver._migration.found()).tables == frozenset()
    assert await hasty.migrate()
    await hasty.disconnect()


@each_server
async def test_a_migration_may_take_longer_than_a_call(driver: SqlDriver, kind: str) -> None:
    """The index of a long table takes its time."""
    nap = {"postgres": "SELECT pg_sleep(1.5)", "mariadb": "SELECT SLEEP(1.5)"}[kind]
    await driver.migrate()
    hasty = open_driver(structs.replace(driver._dialect.settings, call_s=0.6), SystemClock())
    steps: dict[int, Callable[[Tables], list[sa.Executable]]] = {1: lambda _: [sa.text(nap)]}
    slow = Migration(hasty._parts.database, hasty._parts.tables, steps)
    assert (await slow.run())[0] == nap
    await hasty.disconnect()


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
