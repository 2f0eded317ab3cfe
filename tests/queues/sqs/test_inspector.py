"""Looking at a queue of SQS, and emptying it, over the wire to the stand-in."""

from __future__ import annotations

import pytest

from cloud_tasks.errors import QueueUnavailableError
from fakes.faults import FaultKind, FaultPlan, FaultRule
from tests.queues.sqs.opened import TASKS, opened


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
async def test_what_was_looked_at_is_there_for_others_at_once(*, fifo: bool) -> None:
    async with opened(fifo=fifo) as it:
        inspector = await it.fill()
        assert sorted(await inspector.peek(12), key=str) == TASKS[:12]
        assert (await inspector.depth())["visible"] == len(TASKS)
        assert sorted(await inspector.peek(100), key=str) == TASKS
        assert await inspector.depth() == {"visible": len(TASKS), "in_flight": 0, "delayed": 0, "dead": 0}


async def test_what_could_not_be_handed_back_comes_back_by_itself() -> None:
    rule = FaultRule(FaultKind.UNAVAILABLE, "ChangeMessageVisibilityBatch", every=1)
    async with opened(FaultPlan(rules=(rule,))) as it:
        inspector = await it.fill()
        assert await inspector.peek(1) == TASKS[:1]
        assert (await inspector.depth())["in_flight"] == 1
        it.advance(30.0)
        assert (await inspector.depth())["in_flight"] == 0


async def test_a_short_poll_that_finds_nothing_is_not_believed() -> None:
    rule = FaultRule(FaultKind.EMPTY_RECEIVE, "ReceiveMessage", every=1)
    async with opened(FaultPlan(rules=(rule,))) as it:
        inspector = await it.fill()
        assert await inspector.peek(1) == TASKS[:1]


async def test_a_purge_right_after_a_purge_removes_nothing_and_is_no_error() -> None:
    async with opened() as it:
        inspector = await it.fill()
        await inspector.purge()
        await (await it.backend.sender()).send(TASKS[0])
        await inspector.purge()
        assert (await inspector.depth())["visible"] == 1
        it.advance(60.0)
        await inspector.purge()
        assert (await inspector.depth())["visible"] == 0


async def test_a_queue_that_is_not_there_is_told_and_can_be_deleted() -> None:
    async with opened() as it:
        inspector = await it.fill()
        await inspector.delete()
        await inspector.delete()
        for call in (inspector.depth, inspector.purge, lambda: inspector.peek(1)):
            with pytest.raises(QueueUnavailableError, match="there is no queue jobs"):
                await call()
