"""A service that was away, and a worker that was."""

from __future__ import annotations

import pytest

from cloud_tasks.core.task import Outcome, OutcomeKind
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from fakes.faults import FaultKind, FaultPlan, FaultRule
from tests.queues.sqs.opened import TASKS, opened

LEASE_S = 60.0
DONE = Outcome(OutcomeKind.COMPLETED)


async def test_f7_a_queue_goes_on_after_an_outage() -> None:
    rule = FaultRule(FaultKind.UNAVAILABLE, every=1, from_s=10.0, until_s=100.0)
    async with opened(FaultPlan(rules=(rule,))) as it:
        inspector = await it.fill()
        queue = await it.backend.tasks()
        (before,) = await queue.receive(1, 0.0)
        it.advance(10.0)
        for _ in range(3):
            with pytest.raises(QueueUnavailableError):
                await queue.receive(1, 20.0)
        with pytest.raises(QueueUnavailableError):
            await queue.ack(before, DONE)
        it.advance(90.0)
        again = [lease for _ in range(3) for lease in await queue.receive(10, 20.0)]
        assert sorted((lease.task for lease in again), key=str) == TASKS
        for lease in again:
            await queue.ack(lease, DONE)
        it.advance(LEASE_S)
        assert (await inspector.depth())["visible"] == 0


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
async def test_f45_what_a_killed_worker_held_comes_to_whoever_is_there(*, fifo: bool) -> None:
    """A worker has no identity at the queue: one that comes back is a new one, and waits like all others."""
    async with opened(fifo=fifo) as it:
        await it.fill()
        killed = await it.backend.tasks()
        held = await killed.receive(1, 0.0)
        it.advance(LEASE_S - 1)
        back = it.another()
        queue = await back.tasks()
        others = [lease.task for _ in range(3) for lease in await queue.receive(10, 0.0)]
        assert held[0].task not in others
        it.advance(1.0)
        (lease,) = await queue.receive(10, 0.0)
        assert (lease.task, lease.delivery_count) == (held[0].task, 2)
        assert lease.receipt != held[0].receipt
        if fifo:
            with pytest.raises(LeaseLostError):
                await killed.ack(held[0], DONE)
        await queue.ack(lease, DONE)
        it.advance(LEASE_S)
        left = [lease.task for _ in range(3) for lease in await queue.receive(10, 0.0)]
        assert sorted(left, key=str) == sorted(others, key=str)
        await back.aclose()
