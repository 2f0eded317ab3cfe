"""A long queue is searched from where the last full batch began, and what comes in front is found soon."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa

from cloud_tasks.core.message import encode_task
from cloud_tasks.queues.sql import SqlSettings
from cloud_tasks.queues.sql.head import LOOK_BACK_S, Head
from fakes.clock import VirtualClock
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import SqlHarness, run_sql


async def test_a_search_begins_where_the_last_full_batch_did_but_for_once_a_second() -> None:
    clock = VirtualClock()
    await clock.run_for(100.0)
    head = Head(clock)
    assert head.begin() == 0
    assert head.begin() == 0
    head.found(5_000)
    assert head.begin() == 5_000
    await clock.run_for(LOOK_BACK_S)
    assert [head.begin(), head.begin()] == [0, 5_000]
    head.found(None)
    assert head.begin() == 0


@pytest_asyncio.fixture
async def harness(settings: SqlSettings) -> AsyncIterator[SqlHarness]:
    harness = SqlHarness(settings, lease_s=30.0)
    await harness.open()
    yield harness
    await harness.aclose()


async def put_in_front(harness: SqlHarness, task_id: str) -> None:
    """As if its sender had begun long ago, and committed now."""
    await harness.send(*tasks_named(task_id))
    table = harness.driver._parts.tables.queue
    body = encode_task(*tasks_named(task_id))
    newest = sa.update(table).where(table.c.queue == harness.name, table.c.body == body)
    await run_sql(harness.driver, newest.values(visible_at=1, due_at=1))


@pytest.mark.parametrize("kind", KINDS)
async def test_what_comes_in_front_is_found_when_the_rest_is_done_or_after_a_second(
    harness: SqlHarness,
) -> None:
    await harness.send(*tasks_named("a", "b"))
    await harness.send(*tasks_named("c", "d", "e"))
    assert ids_of(await harness.queue.receive(2, 1.0)) == ["a", "b"]
    assert ids_of(await harness.queue.receive(2, 1.0)) == ["c", "d"]
    await put_in_front(harness, "late")
    harness.clock.ahead_s += LOOK_BACK_S
    assert ids_of(await harness.queue.receive(2, 1.0)) == ["late", "e"]
    await harness.send(*tasks_named("f"))
    assert ids_of(await harness.queue.receive(1, 1.0)) == ["f"]
    await put_in_front(harness, "later")
    assert ids_of(await harness.queue.receive(1, 0.0)) == ["later"]
