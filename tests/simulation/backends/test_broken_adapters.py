"""Bugs of adapters: the run on that adapter finds them out, and a run on the model cannot."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import pytest
from msgspec import structs

from cloud_tasks.core.task import Lease, Outcome
from cloud_tasks.errors import QueueError
from cloud_tasks.queues.pubsub.ack_requests import AckRequests
from cloud_tasks.queues.pubsub.task_queue import PubSubQueue
from cloud_tasks.queues.sqs import batches
from cloud_tasks.queues.sqs.task_queue import SqsQueue
from simulation.faults import FaultClass
from simulation.mutants import mutated
from simulation.mutants.patching import swapped
from simulation.plan import BackendPlan, RunPlan
from simulation.run import run
from simulation.shrinking import shrink
from tests.simulation.backends.plans import FAKES, MOTO, PUBSUB, PUBSUB_STRICT, broken, plan_on

Bug = Callable[[], AbstractContextManager[None]]


def ignores_failed_entries() -> AbstractContextManager[None]:
    """What a batch says of single entries is not looked at."""

    def all_well(count: int, _: object) -> list[QueueError | None]:
        return [None] * count

    return swapped(batches, "_answers", all_well)


def deletes_dead_letters() -> AbstractContextManager[None]:
    """A dead letter is only deleted."""

    async def delete(self: SqsQueue, lease: Lease, _: str) -> None:
        await self.ack(lease, Outcome(None))  # type: ignore[arg-type] # nobody looks at it

    return swapped(SqsQueue, "dead_letter", delete)


def acks_dead_letters() -> AbstractContextManager[None]:
    """The same at Pub/Sub."""

    async def ack(self: PubSubQueue, lease: Lease, _: str) -> None:
        await self.ack(lease, Outcome(None))  # type: ignore[arg-type] # nobody looks at it

    return swapped(PubSubQueue, "dead_letter", ack)


@contextmanager
def acks_with_the_first_receipt() -> Generator[None, None, None]:
    """The receipt of a message is remembered from its first delivery, in all workers of a machine."""
    first: dict[str, str] = {}
    receive = SqsQueue.receive

    async def note(self: SqsQueue, tasks_max: int, wait_s: float) -> list[Lease]:
        leases = await receive(self, tasks_max, wait_s)
        for lease in leases:
            first.setdefault(lease.key, lease.receipt)
        return leases

    async def ack_first(self: SqsQueue, lease: Lease, _: Outcome) -> None:
        await self._deletes.submit(first[lease.key])

    with swapped(SqsQueue, "receive", note), swapped(SqsQueue, "ack", ack_first):
        yield


def takes_refusals_for_success() -> AbstractContextManager[None]:
    """What is said of single ack ids is not looked at (F24)."""
    acknowledge = AckRequests.acknowledge

    async def all_well(self: AckRequests, ack_ids: Sequence[str]) -> dict[str, QueueError]:
        await acknowledge(self, ack_ids)
        return {}

    return swapped(AckRequests, "acknowledge", all_well)


def waits_for_nobody() -> AbstractContextManager[None]:
    """A timeout is always asked for as no timeout at all, so that an extension hands the message back."""

    async def at_once(self: Any, wanted: Sequence[tuple[str, int]]) -> Any:
        entries = [{"ReceiptHandle": receipt, "VisibilityTimeout": 0} for receipt, _ in wanted]
        return await self._request("change_message_visibility_batch", entries)

    return swapped(batches.Batches, "set_visibility", at_once)


@pytest.mark.parametrize(
    ("bug", "backend", "found"),
    [
        (ignores_failed_entries, FAKES, {"S18"}),
        (ignores_failed_entries, MOTO, {"S18"}),
        (deletes_dead_letters, FAKES, {"S3"}),
        (acks_dead_letters, PUBSUB, {"S3"}),
        (acks_with_the_first_receipt, FAKES, {"S18"}),
        (takes_refusals_for_success, PUBSUB_STRICT, {"S18"}),
        (waits_for_nobody, FAKES, {"S6"}),
    ],
    ids=lambda one: getattr(
        one, "__name__", getattr(one, "server", "+".join(one) if isinstance(one, set) else "")
    ),
)
def test_a_bug_of_an_adapter_is_found_out(bug: Bug, backend: BackendPlan, found: set[str]) -> None:
    with bug():
        assert found <= _broken_first(backend, found)
        assert broken(_plan(BackendPlan())) == set()
    assert _intact(backend) == set()


def _broken_first(backend: BackendPlan, wanted: set[str]) -> set[str]:
    """What is broken, up to the first of those that are looked for."""
    report = run(_plan(backend), until=lambda one: one.invariant in wanted)
    return {violation.invariant for violation in report.violations}


@cache
def _intact(backend: BackendPlan) -> set[str]:
    return broken(_plan(backend))


def _plan(backend: BackendPlan) -> RunPlan:
    """Calls that fail in every way, tasks that outlast half a lease, and two messages that are no tasks."""
    plan = plan_on(
        backend, tasks=10, workers=2, duration_s=20.0, request_lost=0.2, reply_lost=0.2, child_exits=0.3
    )
    return structs.replace(plan, workload=structs.replace(plan.workload, malformed=2))


def test_what_is_shrunk_keeps_the_backend_only_if_that_is_to_blame() -> None:
    with ignores_failed_entries():
        small = shrink(_plan(MOTO), "S18", runs_max=40).plan
    assert small.backend == FAKES
    with mutated("acks_killed"):
        plan = structs.replace(_plan(FAKES), odds={FaultClass.CHILD_KILLED: 0.5})
        assert shrink(plan, "S2", runs_max=20).plan.backend == BackendPlan()
