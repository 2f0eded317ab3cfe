"""Looking at a queue of SQS, and emptying it, over the wire to the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import QueueInspector
from cloud_tasks.queues.sqs.backend import SqsBackend
from fakes.clock import VirtualClock
from fakes.faults import FaultInjector, FaultKind, FaultPlan, FaultRule
from fakes.sqs import SqsService
from fakes.sqs.faulty import Faulty
from fakes.sqs.server import SqsServer
from tests.queues.sqs.harness import connection_to, stand_in_settings

TASKS = [Task(f"t{number:02}", {}) for number in range(25)]


class Opened:
    """A backend and the stand-in that it talks to."""

    def __init__(self, server: SqsServer, backend: SqsBackend, clock: VirtualClock) -> None:
        self.server = server
        self.backend = backend
        self.advance: Callable[[float], None] = clock.advance

    async def fill(self) -> QueueInspector:
        inspector = await self.backend.inspector("tasks")
        await inspector.create()
        await (await self.backend.sender()).send_many(TASKS)
        return inspector


@asynccontextmanager
async def opened(plan: FaultPlan | None = None, *, fifo: bool = False) -> AsyncIterator[Opened]:
    clock = VirtualClock()
    faults = Faulty(FaultInjector(plan, clock), clock) if plan else None
    async with SqsServer(SqsService(clock), faults=faults) as server:
        backend = SqsBackend(stand_in_settings(server.url, exactly_once=fifo), SystemClock())
        backend._connection = connection_to(server.url)
        yield Opened(server, backend, clock)
        await backend.aclose()


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
            with pytest.raises(QueueUnavailableError, match="there is no queue contract-"):
                await call()
