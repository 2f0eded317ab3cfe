"""What the database refuses for good is told in words; tables that somebody changes end the work."""

from __future__ import annotations

import asyncio
import secrets
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnusableError
from cloud_tasks.interfaces import WaitableQueue
from cloud_tasks.queues.sql import SqlSettings
from cloud_tasks.queues.sql.database import StatementFailedError
from cloud_tasks.queues.sql.faults import LOOK_AGAIN_S
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import SqlHarness, run_sql, settings_of

DONE = Outcome(OutcomeKind.COMPLETED)
SOON_S = 15.0
pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest_asyncio.fixture
async def harness(settings: SqlSettings, kind: str, tmp_path: Path) -> AsyncIterator[SqlHarness]:
    """A queue in tables of its own, which a test may break."""
    dsn = str(tmp_path / "q.db") if kind == "sqlite" else settings.dsn
    harness = SqlHarness(settings_of(dsn, poll_s=0.2), lease_s=60.0)
    await harness.driver.migrate()
    await harness.open()
    yield harness
    tables = harness.driver._parts.tables.metadata.sorted_tables
    await run_sql(harness.driver, *(sa.schema.DropTable(table, if_exists=True) for table in tables))
    await harness.aclose()


async def rename_column(harness: SqlHarness, old: str, new: str, table: str = "") -> None:
    name = table or harness.driver._parts.tables.queue.name
    await run_sql(harness.driver, f"ALTER TABLE {name} RENAME COLUMN {old} TO {new}")


async def drop(harness: SqlHarness, table: str = "") -> None:
    await run_sql(harness.driver, f"DROP TABLE {table or harness.driver._parts.tables.queue.name}")


async def refuse_updates(harness: SqlHarness, kind: str) -> Callable[[], Awaitable[None]]:
    """Have the server refuse every update of the table, which is as it must be; returns what ends that."""
    table, name = harness.driver._parts.tables.queue.name, f"g{secrets.token_hex(6)}"
    before = f"CREATE TRIGGER {name} BEFORE UPDATE ON {table}"
    raising = "RAISE EXCEPTION 'a bad row'"
    make, undo = {
        "sqlite": (
            [f"{before} BEGIN SELECT RAISE(ABORT, 'a bad row'); END"],
            [f"DROP TRIGGER {name}"],
        ),
        "postgres": (
            [
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raising}; END $$",
                f"{before} FOR EACH ROW EXECUTE FUNCTION {name}()",
            ],
            [f"DROP TRIGGER {name} ON {table}", f"DROP FUNCTION {name}()"],
        ),
        "mariadb": (
            [f"{before} FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a bad row'"],
            [f"DROP TRIGGER {name}"],
        ),
    }[kind]
    await run_sql(harness.driver, *make)

    async def end() -> None:
        await run_sql(harness.driver, *undo)

    return end


async def one_lease(harness: SqlHarness) -> Lease:
    await harness.send(*tasks_named("a"))
    (lease,) = await harness.queue.receive(1, 2.0)
    return lease


# --- Words


async def test_what_the_database_refuses_is_told_in_one_line_without_the_statement(
    harness: SqlHarness,
) -> None:
    driver, secret = harness.driver, "my-secret-value"
    await rename_column(harness, "visible_at", "v")
    await rename_column(harness, "history", "h", driver._parts.tables.dead.name)
    for call in (
        lambda: harness.sender().send(Task("a", {"x": secret})),
        lambda: harness.sender().send_many([Task("a", {"x": secret})]),
        lambda: driver.inspector(harness.name).depth(),
        lambda: driver.inspector(harness.name).peek(1),
        lambda: driver.dead_letters(harness.name).oldest(1),
    ):
        with pytest.raises(StatementFailedError) as caught:
            await call()
        said = str(caught.value)
        assert said.startswith(driver._dialect.where)
        assert "visible_at" in said or "history" in said
        assert "\n" not in said
        assert "SELECT " not in said.upper()  # MariaDB names the part: in 'SELECT'
        assert "VALUES" not in said.upper()
        shown = "".join(traceback.format_exception(caught.value))
        assert secret not in shown
        assert "[SQL" not in shown
        assert "sqlalchemy.exc" not in shown


# --- Tables that somebody changes


async def test_a_column_that_is_renamed_ends_the_next_receive(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    await rename_column(harness, "visible_at", "v")
    with pytest.raises(QueueUnusableError) as caught:
        await harness.queue.receive(1, 5.0)
    assert "has no column visible_at" in str(caught.value)
    assert "bring back a copy" in str(caught.value)
    (problem,) = caught.value.problems
    assert problem.helps
    assert not problem.notes  # they speak of a program that has taken nothing


async def test_a_table_that_is_dropped_ends_who_waits(harness: SqlHarness) -> None:
    other = harness.driver.tasks(f"{harness.name}-2", 60.0)
    assert isinstance(other, WaitableQueue)
    polls: list[asyncio.Future[object]] = [
        asyncio.ensure_future(harness.queue.receive(1, 60.0)),
        asyncio.ensure_future(other.wait_ready(60.0)),
    ]
    await asyncio.sleep(0.3)
    await drop(harness)
    for poll in polls:
        with pytest.raises(QueueUnusableError, match="cloud_tasks migrate"):
            await asyncio.wait_for(poll, SOON_S)


@pytest.mark.parametrize("table", ["queue", "dead"])
async def test_a_settlement_that_can_never_be_done_is_given_up_and_ends_who_waits(
    harness: SqlHarness, table: str
) -> None:
    lease = await one_lease(harness)
    poll = asyncio.create_task(harness.queue.receive(1, 60.0))
    await asyncio.sleep(0.3)
    await drop(harness, getattr(harness.driver._parts.tables, table).name)
    with pytest.raises(LeaseLostError, match="is not in"):
        await harness.queue.dead_letter(lease, "no")
    with pytest.raises(QueueUnusableError):
        await asyncio.wait_for(poll, SOON_S)
    with pytest.raises(QueueUnusableError):
        await harness.queue.receive(1, 0.0)


async def test_every_settlement_is_given_up_where_the_table_is_gone(harness: SqlHarness) -> None:
    lease = await one_lease(harness)
    await drop(harness)
    for settlement in (
        harness.queue.ack(lease, DONE),
        harness.queue.nack(lease, 0.0, HandBack.RETRY),
        harness.queue.dead_letter(lease, "no"),
    ):
        with pytest.raises(LeaseLostError):
            await settlement


async def test_tables_of_another_version_end_the_work_only_where_it_fails(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    await run_sql(harness.driver, sa.update(harness.driver._parts.tables.version).values(version=9))
    assert ids_of(await harness.queue.receive(1, 2.0)) == ["a"]
    await rename_column(harness, "visible_at", "v")
    with pytest.raises(QueueUnusableError, match="of version 9"):
        await harness.queue.receive(1, 0.0)


# --- A fault of one row


async def test_a_fault_while_the_tables_are_as_they_must_be_ends_nothing(
    harness: SqlHarness, kind: str
) -> None:
    lease = await one_lease(harness)
    await harness.send(*tasks_named("b"))
    end = await refuse_updates(harness, kind)
    for _ in range(3):
        with pytest.raises(StatementFailedError, match="a bad row"):
            await harness.queue.receive(1, 0.0)
        with pytest.raises(StatementFailedError, match="a bad row"):
            await harness.queue.nack(lease, 0.0, HandBack.RETRY)
    await end()
    assert ids_of(await harness.queue.receive(1, 2.0)) == ["b"]
    await harness.queue.nack(lease, 0.0, HandBack.RETRY)
    assert ids_of(await harness.queue.receive(1, 2.0)) == ["a"]


async def test_the_tables_are_looked_at_once_in_a_while_and_not_for_each_fault(
    harness: SqlHarness, kind: str
) -> None:
    await harness.send(*tasks_named("a"))
    end = await refuse_updates(harness, kind)
    with pytest.raises(StatementFailedError):
        await harness.queue.receive(1, 0.0)
    await end()
    await rename_column(harness, "visible_at", "v")
    with pytest.raises(StatementFailedError):
        await harness.queue.receive(1, 0.0)
    harness.clock.ahead_s += LOOK_AGAIN_S
    with pytest.raises(QueueUnusableError):
        await harness.queue.receive(1, 0.0)


async def test_a_queue_can_be_used_again_when_its_tables_were_mended(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    await rename_column(harness, "visible_at", "v")
    with pytest.raises(QueueUnusableError):
        await harness.queue.receive(1, 0.0)
    await rename_column(harness, "v", "visible_at")
    harness.clock.ahead_s += LOOK_AGAIN_S
    assert ids_of(await harness.queue.receive(1, 2.0)) == ["a"]


async def test_faults_at_once_look_once(harness: SqlHarness) -> None:
    await drop(harness)
    calls = (harness.queue.receive(1, 0.0) for _ in range(20))
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end) for end in ends} == {QueueUnusableError}
    assert all(isinstance(end, QueueError) for end in ends)
