"""What is kept beside messages and after them: history, dead letters, completed tasks; and looking at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.policy import RetryPolicy, TaskRules
from cloud_tasks.core.task import (
    NOTES_MAX,
    AttemptNote,
    EndKind,
    HandBack,
    Lease,
    Outcome,
    OutcomeKind,
    RunEnd,
    Task,
)
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.queues.sql import SqlSettings
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import SqlHarness, run_sql

LEASE_S = 30.0
"""Longer than a machine with a busy disk takes to commit: they are let expire by moving the rows."""
DONE = Outcome(OutcomeKind.COMPLETED)
FAILED = AttemptNote(1, "exception", 0.5, error="ValueError: \x00 ü \U0001f600", worker_id="w1")
pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest_asyncio.fixture
async def harness(settings: SqlSettings) -> AsyncIterator[SqlHarness]:
    harness = SqlHarness(settings, LEASE_S)
    await harness.open()
    yield harness
    await harness.driver.dead_letters(harness.name).purge(None)
    await harness.aclose()


async def received(harness: SqlHarness, count: int) -> list[Lease]:
    leases = await harness.queue.receive(count, 2.0)
    assert len(leases) == count
    return leases


def with_history(lease: Lease, *notes: AttemptNote) -> Lease:
    return structs.replace(lease, history=(*lease.history, *notes))


# --- History


async def test_history_goes_with_the_message_and_gets_the_servers_time(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    (lease,) = await received(harness, 1)
    await harness.queue.nack(with_history(lease, FAILED), 0.0, HandBack.RETRY)
    (again,) = await received(harness, 1)
    (note,) = again.history
    assert structs.replace(note, at="") == FAILED
    assert abs(datetime.fromisoformat(note.at) - harness.clock.utc_now()) < timedelta(minutes=1)
    await harness.queue.nack(with_history(again, structs.replace(FAILED, attempt=2)), 0.0, HandBack.RETRY)
    (third,) = await received(harness, 1)
    assert third.history[0] == note
    assert third.history[1].attempt == 2


async def test_the_newest_notes_are_kept(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    (lease,) = await received(harness, 1)
    notes = [structs.replace(FAILED, attempt=number) for number in range(1, NOTES_MAX + 6)]
    await harness.queue.nack(with_history(lease, *notes), 0.0, HandBack.RETRY)
    (again,) = await received(harness, 1)
    assert [note.attempt for note in again.history] == list(range(6, NOTES_MAX + 6))


async def test_history_survives_what_is_not_told(harness: SqlHarness) -> None:
    """A lease that expires tells nothing, and a receive that is given up neither."""
    await harness.send(*tasks_named("a"))
    (lease,) = await received(harness, 1)
    await harness.queue.nack(with_history(lease, FAILED), 0.0, HandBack.RETRY)
    await received(harness, 1)
    await harness.advance(harness.lease_s * 1.1)
    (third,) = await received(harness, 1)
    assert [note.attempt for note in third.history] == [1]
    assert third.delivery_count == 3


async def test_a_history_that_nobody_can_read_is_none(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    table = harness.driver._parts.tables.queue
    await run_sql(harness.driver, sa.update(table).where(table.c.queue == harness.name).values(history="[{"))
    (lease,) = await received(harness, 1)
    assert lease.history == ()


# --- Dead letters


async def bury(harness: SqlHarness, *names: str) -> None:
    await harness.send(*tasks_named(*names))
    for lease in await received(harness, len(names)):
        await harness.queue.dead_letter(with_history(lease, FAILED), f"no use: {lease.task.task_id}")


async def test_a_dead_letter_tells_its_story(harness: SqlHarness) -> None:
    await bury(harness, "a")
    box = harness.driver.dead_letters(harness.name)
    (letter,) = await box.oldest(10)
    assert (letter.queue, letter.reason, letter.attempts) == (harness.name, "no use: a", 1)
    assert [note.outcome for note in letter.history] == ["exception"]
    assert abs(datetime.fromisoformat(letter.died_at) - harness.clock.utc_now()) < timedelta(minutes=1)
    assert await box.find(letter.key) == letter
    for nobody in ("0", "-1", "x", "", "9" * 30):
        assert await box.find(nobody) is None
    assert await harness.driver.dead_letters(f"{harness.name}-other").find(letter.key) is None


async def test_a_reason_of_any_text_can_be_kept(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    (lease,) = await received(harness, 1)
    await harness.queue.dead_letter(lease, "NUL \0, half \ud800, whole \U0001f600")
    ((_, reason),) = await harness.dead_letters()
    assert reason == "NUL \N{REPLACEMENT CHARACTER}, half ?, whole \U0001f600"


async def test_dead_letters_are_retried_as_if_they_had_never_been_tried(harness: SqlHarness) -> None:
    await bury(harness, "a", "b", "c")
    box = harness.driver.dead_letters(harness.name)
    first, second, _ = await box.oldest(10)
    assert await box.retry([second.key, "777777777", "x"]) == 1
    (lease,) = await received(harness, 1)
    assert (lease.task.task_id, lease.delivery_count, lease.interruptions, lease.history) == ("b", 1, 0, ())
    assert await box.retry(None) == 2
    assert ids_of(await received(harness, 2)) == ["a", "c"]
    assert await box.oldest(10) == []
    assert await box.retry(None) == 0
    assert await box.retry([first.key]) == 0
    assert await box.retry([]) == 0


async def test_dead_letters_are_purged(harness: SqlHarness) -> None:
    await bury(harness, "a", "b", "c")
    box = harness.driver.dead_letters(harness.name)
    first = (await box.oldest(1))[0]
    assert await box.purge([first.key]) == 1
    assert [letter.reason for letter in await box.oldest(10)] == ["no use: b", "no use: c"]
    assert await harness.driver.dead_letters(f"{harness.name}-other").purge(None) == 0
    assert await box.purge(None) == 2
    assert await harness.queue.receive(1, 0.0) == []


async def test_a_receipt_that_is_out_of_date_buries_nothing(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a"))
    (first,) = await received(harness, 1)
    await harness.advance(harness.lease_s * 1.1)
    await received(harness, 1)
    with pytest.raises(LeaseLostError):
        await harness.queue.dead_letter(first, "too late")
    assert await harness.dead_letters() == []


# --- Completed tasks


async def test_completed_tasks_are_kept_where_that_is_asked_for(harness: SqlHarness) -> None:
    settings = structs.replace(harness.driver._dialect.settings, keep_completed=True)
    keeping = SqlHarness(settings, LEASE_S)
    await keeping.driver.migrate()
    await keeping.open()
    await keeping.send(*tasks_named("a", "b", "c", "d"))
    a, b, c, d = await received(keeping, 4)
    rules = TaskRules(name="add", retry=RetryPolicy(), max_runtime_s=1.0)
    result = RunEnd(EndKind.RETURNED, result={"sum": [1, "ü"]})
    large = RunEnd(EndKind.RETURNED, result="x" * 100_000)
    await keeping.queue.ack(
        structs.replace(a, rules=rules), Outcome(OutcomeKind.COMPLETED, elapsed_s=0.25, end=result)
    )
    await keeping.queue.ack(b, Outcome(OutcomeKind.COMPLETED, end=large))
    await keeping.queue.ack(c, Outcome(OutcomeKind.EXCEPTION))
    await keeping.advance(keeping.lease_s * 1.1)
    await received(keeping, 1)
    with pytest.raises(LeaseLostError):
        await keeping.queue.ack(d, DONE)
    table = keeping.driver._parts.tables.completed
    assert table is not None
    columns = (table.c.task_id, table.c.name, table.c.attempts, table.c.elapsed_s, table.c.result)

    async def rows(connection: AsyncConnection) -> list[tuple[object, ...]]:
        ours = sa.select(*columns).where(table.c.queue == keeping.name).order_by(table.c.id)
        return [tuple(row) for row in await connection.execute(ours)]

    assert await keeping.driver._parts.database.call(rows) == [
        ("a", "add", 1, 0.25, '{"sum":[1,"ü"]}'),
        ("b", "", 1, 0.0, None),
    ]
    await keeping.aclose()


# --- Looking


async def test_depth_tells_the_states_apart(harness: SqlHarness) -> None:
    inspector = harness.driver.inspector(harness.name)
    await bury(harness, "dead")
    await harness.send(*tasks_named("a", "b", "c", "d"))
    await harness.sender().send(Task("later", {}), delay_s=LEASE_S * 10)
    leases = await received(harness, 3)
    await harness.queue.nack(leases[0], LEASE_S * 10, HandBack.RETRY)
    assert await inspector.depth() == {"visible": 1, "in_flight": 2, "delayed": 2, "dead": 1}
    await harness.advance(harness.lease_s * 1.1)
    assert await inspector.depth() == {"visible": 3, "in_flight": 0, "delayed": 2, "dead": 1}


async def test_peek_changes_nothing(harness: SqlHarness) -> None:
    await harness.send(*tasks_named("a", "b"))
    await harness.send_raw(b"\xff no task")
    inspector = harness.driver.inspector(harness.name)
    looked = await inspector.peek(10)
    assert looked == [*tasks_named("a", "b"), b"\xff no task"]
    assert await inspector.peek(1) == tasks_named("a")
    assert [lease.delivery_count for lease in await received(harness, 3)] == [1, 1, 1]


async def test_a_purge_removes_the_messages_of_one_queue(harness: SqlHarness, settings: SqlSettings) -> None:
    other = SqlHarness(settings, LEASE_S)
    await other.open()
    await other.send(*tasks_named("stays"))
    await bury(harness, "dead")
    await harness.send(*(Task(f"t{number}", {}) for number in range(4_500)))
    (lease, *_) = await received(harness, 5)
    await harness.driver.inspector(harness.name).purge()
    assert (await harness.driver.inspector(harness.name).depth()) == {
        "visible": 0,
        "in_flight": 0,
        "delayed": 0,
        "dead": 1,
    }
    with pytest.raises(LeaseLostError):
        await harness.queue.ack(lease, DONE)
    assert ids_of(await received(other, 1)) == ["stays"]
    await other.aclose()


async def test_queues_are_known_while_something_is_in_them(harness: SqlHarness) -> None:
    assert harness.name not in await harness.driver.queue_names()
    await bury(harness, "dead")
    upper = harness.driver.sender(harness.name.upper())
    await upper.send(Task("a", {}))
    names = await harness.driver.queue_names()
    assert names == sorted(names)
    assert {harness.name, harness.name.upper()} <= set(names)
    assert await harness.queue.receive(1, 0.0) == []  # names differ by case
    await harness.driver.inspector(harness.name.upper()).delete()
    assert harness.name.upper() not in await harness.driver.queue_names()
