"""Every queue backend, and the model, under any sequence of calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import Phase

from cloud_tasks.core.task import Lease, Outcome, OutcomeKind
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from tests.contracts.any_order import AnyOrderContract
from tests.contracts.harness import QueueHarness
from tests.fakes.test_queue_model_contract import InMemoryHarness
from tests.queues.pubsub.harness import ModelHarness as PubSubHarness
from tests.queues.sqs.harness import WireHarness as SqsHarness


class TestModel(AnyOrderContract):
    examples = 25

    @pytest.fixture(params=[True, False], ids=["strict", "lenient"])
    def make_harness(self, request: pytest.FixtureRequest) -> Callable[[], QueueHarness]:
        return partial(InMemoryHarness, QueueOptions(lease_s=10.0, settles_after_expiry=not request.param))


class TestPubSub(AnyOrderContract):
    @pytest.fixture(params=[True, False], ids=["exactly-once", "plain"])
    def make_harness(self, request: pytest.FixtureRequest) -> Callable[[], QueueHarness]:
        return partial(PubSubHarness, exactly_once=request.param)


class TestSqs(AnyOrderContract):
    """Over real sockets: few examples."""

    examples = 5

    @pytest.fixture(params=[True, False], ids=["fifo", "standard"])
    def make_harness(self, request: pytest.FixtureRequest) -> Callable[[], QueueHarness]:
        return partial(SqsHarness, exactly_once=request.param)


class Patient(AnyOrderContract):
    """Looks for long, and shortens nothing."""

    examples = 300
    phases = (Phase.generate,)


class Forgetful(InMemoryQueue):
    """Confirms acks and does nothing."""

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Nothing."""


class Greedy(InMemoryQueue):
    """Takes everything for itself, and gives one."""

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """One, and the others are gone."""
        leases = await super().receive(max(2, tasks_max), wait_s)
        for lease in leases[1:]:
            await super().ack(lease, Outcome(OutcomeKind.COMPLETED))
        return leases[:1]


@pytest.mark.parametrize("broken", [Forgetful, Greedy])
def test_a_queue_that_breaks_the_contract_is_found_out(broken: type[InMemoryQueue]) -> None:
    def make_harness() -> QueueHarness:
        harness = InMemoryHarness(QueueOptions(lease_s=10.0))
        harness.model = broken(harness.clock, QueueOptions(lease_s=10.0))
        return harness

    with pytest.raises(AssertionError, match=r"comes again|lost|old receipt"):
        Patient().test_any_sequence_of_calls(make_harness)
