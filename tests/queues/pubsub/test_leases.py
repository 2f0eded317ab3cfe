"""Leases of the Pub/Sub queue: what is asked of the service, and what is promised for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.pubsub_v1 import types

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import HandBack, Lease, MalformedTask, Outcome, OutcomeKind
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.queues.pubsub.facts import SubscriptionFacts
from cloud_tasks.queues.pubsub.publishing import Publishing
from cloud_tasks.queues.pubsub.task_queue import PubSubQueue
from tests.queues.pubsub.scripted import ScriptedServer, details, fails, fine, gives, hangs, scripted, until

DONE = Outcome(OutcomeKind.COMPLETED)
LOST = "PERMANENT_FAILURE_INVALID_ACK_ID"


def pulled(*ack_ids: str, attempt: int = 0) -> types.PullResponse:
    messages = [
        types.ReceivedMessage(
            ack_id=ack_id,
            message=types.PubsubMessage(
                data=b'{"task_id": "%s", "data": {}}' % ack_id.encode(), message_id=f"m-{ack_id}"
            ),
            delivery_attempt=attempt,
        )
        for ack_id in ack_ids
    ]
    return types.PullResponse(received_messages=messages)


@asynccontextmanager
async def queue_of(
    *,
    lease_s: float = 60.0,
    ack_deadline_s: int = 60,
    exactly_once: bool = False,
    dead_letters: bool = True,
) -> AsyncIterator[tuple[ScriptedServer, PubSubQueue]]:
    async with scripted() as (server, calls):
        facts = SubscriptionFacts(
            name="s", ack_deadline_s=ack_deadline_s, exactly_once=exactly_once, counts_deliveries=True
        )
        topic = Publishing(calls, "dead") if dead_letters else None
        queue = PubSubQueue(calls, facts, topic, lease_s, SystemClock())
        yield server, queue
        await queue.aclose()


def deadlines(server: ScriptedServer) -> list[tuple[list[str], int]]:
    return [(list(one.ack_ids), one.ack_deadline_seconds) for one in server.seen["ModifyAckDeadline"]]


def late(seconds: float, answer: Any) -> Any:
    async def give(request: Any, context: Any) -> Any:
        await asyncio.sleep(seconds)
        return answer

    return give


async def one_of(server: ScriptedServer, queue: PubSubQueue) -> Lease:
    server.script("Pull", gives(pulled("a")))
    (lease,) = await queue.receive(1, 1.0)
    return lease


class TestReceiving:
    async def test_a_lease_that_the_subscription_gives_costs_no_call(self) -> None:
        async with queue_of() as (server, queue):
            server.script("Pull", gives(pulled("a", "b", attempt=3)))
            leases = await queue.receive(5, 1.0)
            assert [lease.duration_s for lease in leases] == [60.0, 60.0]
            assert [(lease.key, lease.receipt, lease.delivery_count) for lease in leases] == [
                ("m-a", "a", 3),
                ("m-b", "b", 3),
            ]
            assert deadlines(server) == []
            assert server.seen["Pull"][0].max_messages == 5

    async def test_f9_another_length_is_asked_for_at_once(self) -> None:
        async with queue_of(lease_s=120.0, ack_deadline_s=10) as (server, queue):
            server.script("Pull", gives(pulled("a", "b")))
            server.script("ModifyAckDeadline", fine)
            leases = await queue.receive(5, 1.0)
            assert deadlines(server) == [(["a", "b"], 120)]
            assert [lease.duration_s for lease in leases] == [pytest.approx(120.0, abs=5.0)] * 2
            assert all(lease.duration_s is not None and lease.duration_s >= 120.0 for lease in leases)

    async def test_f9_a_lease_that_came_late_in_a_long_poll_is_renewed(self) -> None:
        """Its time is counted from before the call, so after a long poll little would be left of it."""
        async with queue_of(lease_s=10.0, ack_deadline_s=10) as (server, queue):
            server.script("Pull", late(1.2, pulled("a")))
            server.script("ModifyAckDeadline", fine)
            (lease,) = await queue.receive(1, 10.0)
            assert deadlines(server) == [(["a"], 10)]
            assert lease.duration_s is not None
            assert lease.duration_s >= 11.2

    @pytest.mark.parametrize(("lease_s", "asked_s"), [(3610.0, 600), (1.0, 10), (59.2, 60)])
    async def test_what_pubsub_cannot_lease_is_clipped(self, lease_s: float, asked_s: int) -> None:
        async with queue_of(lease_s=lease_s, ack_deadline_s=30) as (server, queue):
            server.script("Pull", gives(pulled("a")))
            server.script("ModifyAckDeadline", fine)
            await queue.receive(1, 1.0)
            assert deadlines(server) == [(["a"], asked_s)]
            assert queue.capabilities.lease_s_max == 600.0

    async def test_f24_a_message_that_was_lost_at_once_is_not_handed_out(self) -> None:
        async with queue_of(lease_s=120.0, exactly_once=True) as (server, queue):
            server.script("Pull", gives(pulled("a", "b")))
            server.script("ModifyAckDeadline", fails("INVALID_ARGUMENT", "", details({"a": LOST})), fine)
            assert [lease.receipt for lease in await queue.receive(5, 1.0)] == ["b"]

    async def test_f9_without_an_answer_the_lease_is_as_long_as_the_subscription_gives(self) -> None:
        async with queue_of(lease_s=120.0, ack_deadline_s=20) as (server, queue):
            server.script("Pull", gives(pulled("a")))
            server.script("ModifyAckDeadline", fails("UNAVAILABLE"))
            (lease,) = await queue.receive(1, 1.0)
            assert lease.duration_s == 20.0

    async def test_what_may_be_over_by_now_is_not_handed_out(self) -> None:
        async with queue_of(lease_s=10.0, ack_deadline_s=1) as (server, queue):
            server.script("Pull", late(0.8, pulled("a")))
            server.script("ModifyAckDeadline", fails("UNAVAILABLE"))
            with pytest.raises(QueueUnavailableError):
                await queue.receive(1, 5.0)

    async def test_who_gives_up_while_leasing_hands_back(self) -> None:
        async with queue_of(lease_s=120.0) as (server, queue):
            server.script("Pull", gives(pulled("a")))
            server.script("ModifyAckDeadline", hangs(), fine)
            receiver = asyncio.ensure_future(queue.receive(1, 5.0))
            await until(lambda: server.seen["ModifyAckDeadline"])
            receiver.cancel()
            await asyncio.wait([receiver])
            assert receiver.cancelled()
            await until(lambda: len(deadlines(server)) == 2)
            assert deadlines(server)[1] == (["a"], 0)

    async def test_the_wait_is_kept_to(self) -> None:
        async with queue_of() as (server, queue):
            server.script("Pull", hangs())
            started = asyncio.get_running_loop().time()
            assert await queue.receive(1, 0.3) == []
            assert 0.25 <= asyncio.get_running_loop().time() - started < 5.0

    async def test_an_empty_answer_that_comes_early_is_asked_again_after_a_while(self) -> None:
        async with queue_of() as (server, queue):
            server.script("Pull", gives(types.PullResponse()), gives(pulled("a")))
            started = asyncio.get_running_loop().time()
            (lease,) = await queue.receive(1, 30.0)
            assert lease.receipt == "a"
            assert asyncio.get_running_loop().time() - started >= 0.9

    async def test_without_a_wait_the_service_answers_at_once(self) -> None:
        async with queue_of() as (server, queue):
            server.script("Pull", gives(types.PullResponse()))
            assert await queue.receive(1, 0.0) == []
            (request,) = server.seen["Pull"]
            assert request.return_immediately

    @pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "UNKNOWN", "ABORTED"])
    async def test_f44_a_pull_that_fails_is_not_repeated_here(self, code: str) -> None:
        async with queue_of() as (server, queue):
            server.script("Pull", fails(code, "not now"))
            with pytest.raises(QueueUnavailableError, match=f"Pull: {code}: not now"):
                await queue.receive(1, 5.0)
            assert len(server.seen["Pull"]) == 1

    async def test_f43_never_more_than_asked_for(self) -> None:
        async with queue_of() as (server, queue):
            server.script("Pull", gives(pulled("a")))
            await queue.receive(3, 1.0)
            await queue.receive(5000, 1.0)
            assert [request.max_messages for request in server.seen["Pull"]] == [3, 1000]

    async def test_a_message_that_is_no_task_is_handed_out_as_such(self) -> None:
        async with queue_of() as (server, queue):
            answer = pulled("a")
            answer.received_messages[0].message.data = b"\xff no task"
            server.script("Pull", gives(answer))
            (lease,) = await queue.receive(1, 1.0)
            assert isinstance(lease.task, MalformedTask)
            assert lease.task.raw == b"\xff no task"


class TestSettling:
    @pytest.mark.parametrize(("delay_s", "asked_s"), [(0.0, 0), (0.4, 1), (90.0, 90), (5000.0, 600)])
    async def test_f20_a_delay_is_a_last_lease_of_that_length(self, delay_s: float, asked_s: int) -> None:
        async with queue_of() as (server, queue):
            lease = await one_of(server, queue)
            server.script("ModifyAckDeadline", fine)
            await queue.nack(lease, delay_s, HandBack.RETRY)
            assert deadlines(server) == [(["a"], asked_s)]

    async def test_settlements_of_one_moment_are_one_request(self) -> None:
        async with queue_of() as (server, queue):
            server.script("Pull", gives(pulled(*"abcdef")))
            server.script("Acknowledge", fine)
            leases = await queue.receive(6, 1.0)
            await asyncio.gather(*(queue.ack(lease, DONE) for lease in leases))
            assert [list(one.ack_ids) for one in server.seen["Acknowledge"]] == [list("abcdef")]

    async def test_f24_an_ack_that_nobody_confirmed_can_be_tried_again(self) -> None:
        async with queue_of(exactly_once=True) as (server, queue):
            lease = await one_of(server, queue)
            server.script("Acknowledge", fails("INVALID_ARGUMENT"), fine)
            with pytest.raises(QueueUnavailableError):
                await queue.ack(lease, DONE)
            await queue.ack(lease, DONE)
            with pytest.raises(LeaseLostError):
                await queue.ack(lease, DONE)
            assert len(server.seen["Acknowledge"]) == 2

    async def test_f24_what_was_refused_for_good_is_lost(self) -> None:
        async with queue_of(exactly_once=True) as (server, queue):
            lease = await one_of(server, queue)
            server.script("Acknowledge", fails("INVALID_ARGUMENT", "", details({"a": LOST})))
            for _ in range(2):
                with pytest.raises(LeaseLostError):
                    await queue.ack(lease, DONE)
            assert len(server.seen["Acknowledge"]) == 1

    async def test_f42_extend_and_settle_use_the_same_receipt(self) -> None:
        async with queue_of() as (server, queue):
            lease = await one_of(server, queue)
            server.script("ModifyAckDeadline", fine)
            server.script("Acknowledge", fine)
            longer = await queue.extend(lease, 45.2)
            assert longer.duration_s == 46.0
            await queue.ack(longer, DONE)
            assert deadlines(server) == [(["a"], 46)]
            assert list(server.seen["Acknowledge"][0].ack_ids) == ["a"]
            with pytest.raises(LeaseLostError):
                await queue.extend(lease, 60.0)

    async def test_f19_a_dead_letter_is_accepted_before_its_message_is_acked(self) -> None:
        async with queue_of() as (server, queue):
            lease = await one_of(server, queue)
            server.script("Publish", fails("UNAVAILABLE"), gives(types.PublishResponse(message_ids=["1"])))
            server.script("Acknowledge", fine)
            with pytest.raises(QueueUnavailableError):
                await queue.dead_letter(lease, "no use")
            assert server.seen["Acknowledge"] == []
            await queue.dead_letter(lease, "no use")
            (letter,) = server.seen["Publish"][1].messages
            assert (letter.data, dict(letter.attributes)) == (
                b'{"task_id": "a", "data": {}}',
                {"reason": "no use"},
            )
            assert list(server.seen["Acknowledge"][0].ack_ids) == ["a"]

    async def test_f24_a_lease_that_is_lost_leaves_no_dead_letter(self) -> None:
        async with queue_of(exactly_once=True) as (server, queue):
            lease = await one_of(server, queue)
            server.script("ModifyAckDeadline", fails("INVALID_ARGUMENT", "", details({"a": LOST})))
            with pytest.raises(LeaseLostError):
                await queue.dead_letter(lease, "no use")
            assert server.seen["Publish"] == []

    async def test_f23_without_a_dead_letter_topic_a_message_is_put_aside(self) -> None:
        async with queue_of(dead_letters=False) as (server, queue):
            assert not queue.capabilities.dead_letters
            lease = await one_of(server, queue)
            server.script("ModifyAckDeadline", fine)
            await queue.dead_letter(lease, "no use")
            assert deadlines(server) == [(["a"], 600)]
            assert server.seen["Acknowledge"] == []

    async def test_a_long_reason_is_cut_to_what_an_attribute_holds(self) -> None:
        async with queue_of() as (server, queue):
            lease = await one_of(server, queue)
            server.script("Publish", gives(types.PublishResponse(message_ids=["1"])))
            server.script("Acknowledge", fine)
            await queue.dead_letter(lease, "ü" * 1000)
            (letter,) = server.seen["Publish"][0].messages
            assert letter.attributes["reason"] == "ü" * 512
