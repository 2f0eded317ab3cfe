"""Facts about leases and acks, each with its source.

[PROTO] google/pubsub/v1/pubsub.proto: the comment of the message or the RPC that is named
[LEASE] Pub/Sub documentation, "Extend ack time with lease management"
[AT-LEAST-ONCE] Pub/Sub documentation, "Subscription overview": at-least-once delivery
[QUOTA] Pub/Sub documentation, "Quotas and limits"
"""

from __future__ import annotations

import asyncio

import pytest

from tests.fidelity.pubsub.world import SUBSCRIPTION, TOPIC, World, refused, seconds_of
from tests.metadata.driving import until


@pytest.mark.parametrize(("asked", "given"), [(0, 10), (10, 10), (600, 600)])
async def test_ack_deadlines_are_10_to_600_and_0_means_10(world: World, asked: int, given: int) -> None:
    """[PROTO] Subscription.ack_deadline_seconds."""
    assert (await world.both(ack_deadline_seconds=asked)).ack_deadline_seconds == given


@pytest.mark.parametrize("asked", [-1, 5, 601])
async def test_other_ack_deadlines_are_refused(world: World, asked: int) -> None:
    """[PROTO] Subscription.ack_deadline_seconds."""
    with refused("INVALID_ARGUMENT", f"Invalid ack deadline given (ack_deadline={asked})"):
        await world.both(ack_deadline_seconds=asked)


async def test_a_message_comes_again_after_the_ack_deadline(world: World) -> None:
    """[PROTO] Subscription.ack_deadline_seconds."""
    await world.both(ack_deadline_seconds=20)
    await world.publish("a")
    first = await world.one()
    world.clock.advance(19.9)
    assert await world.pull() == []
    world.clock.advance(0.1)
    again = await world.one()
    assert again.message.message_id == first.message.message_id


async def test_each_delivery_has_its_own_ack_id(world: World) -> None:
    """[PROTO] ReceivedMessage.ack_id."""
    await world.both()
    await world.publish("a")
    seen = set()
    for _ in range(5):
        received = await world.one()
        seen.add(received.ack_id)
        await world.nack(received)
    assert len(seen) == 5


async def test_a_new_deadline_counts_from_the_request(world: World) -> None:
    """[PROTO] ModifyAckDeadlineRequest.ack_deadline_seconds: counted from the request."""
    await world.both()
    await world.publish("a")
    received = await world.one()
    world.clock.advance(9.0)
    await world.extend(30, received)
    world.clock.advance(29.9)
    assert await world.pull() == []
    world.clock.advance(0.1)
    assert len(await world.pull()) == 1


async def test_a_new_deadline_of_0_is_a_nack(world: World) -> None:
    """[PROTO] ModifyAckDeadlineRequest.ack_deadline_seconds."""
    await world.both()
    await world.publish("a")
    await world.nack(await world.one())
    assert len(await world.pull()) == 1


@pytest.mark.parametrize("seconds", [-1, 601])
async def test_a_new_deadline_is_0_to_600(world: World, seconds: int) -> None:
    """[PROTO] ModifyAckDeadlineRequest.ack_deadline_seconds."""
    await world.both()
    await world.publish("a")
    received = await world.one()
    with refused("INVALID_ARGUMENT", f"Invalid ack deadline given (ack_deadline={seconds})"):
        await world.extend(seconds, received)


async def test_acking_twice_is_no_error(world: World) -> None:
    """[PROTO] Subscriber.Acknowledge: more than once is no error."""
    await world.both()
    await world.publish("a")
    received = await world.one()
    await world.ack(received)
    await world.ack(received)
    world.clock.advance(700.0)
    assert await world.pull() == []


async def test_a_late_ack_is_accepted(world: World) -> None:
    """[PROTO] Subscriber.Acknowledge: it may succeed after the deadline."""
    await world.both()
    await world.publish("a")
    received = await world.one()
    world.clock.advance(11.0)
    await world.ack(received)
    assert await world.pull() == []


async def test_a_message_may_come_again_although_it_was_acked_late(world: World) -> None:
    """[PROTO] Subscriber.Acknowledge: such a message may be redelivered."""
    await world.both()
    await world.publish("a")
    first = await world.one()
    world.clock.advance(11.0)
    second = await world.one()
    await world.ack(first)
    world.clock.advance(11.0)
    third = await world.one()
    assert third.message.message_id == second.message.message_id


async def test_each_subscription_has_its_own_leases(world: World) -> None:
    """[AT-LEAST-ONCE] Every subscription gets every message."""
    await world.both()
    other = "projects/p/subscriptions/other"
    await world.subscription(other)
    await world.publish("a")
    await world.ack(await world.one())
    assert await world.data() == []
    assert await world.data(name=other) == ["a"]


async def test_a_subscription_gets_what_is_published_from_its_beginning(world: World) -> None:
    """[PROTO] Subscription: only messages that were published after its creation."""
    await world.topic()
    await world.publish("before")
    await world.subscription()
    await world.publish("after")
    assert await world.data() == ["after"]


async def test_a_pull_waits_for_a_message(world: World) -> None:
    """[PROTO] PullRequest.return_immediately: without it a pull waits a bounded time for a message."""
    await world.both()
    pull = asyncio.create_task(world.pull(wait=True))
    await until(lambda: world.clock.next_deadline() is not None)
    await world.publish("a")
    assert len(await pull) == 1


async def test_a_pull_that_waits_ends_without_a_message(world: World) -> None:
    """[PROTO] PullRequest.return_immediately: the wait is bounded."""
    await world.both()
    pull = asyncio.create_task(world.pull(wait=True))
    await until(lambda: world.clock.next_deadline() is not None)
    world.clock.advance(200.0)
    assert await pull == []


async def test_a_waiting_pull_gets_what_a_lease_gives_back(world: World) -> None:
    """[LEASE] A message whose deadline has passed is sent again, to whoever is there."""
    await world.both()
    await world.publish("a")
    await world.pull()
    pull = asyncio.create_task(world.pull(wait=True))
    await until(lambda: world.clock.next_deadline() == 10.0)
    world.clock.advance(10.0)
    assert len(await pull) == 1


@pytest.mark.parametrize("count", [0, -1])
async def test_a_pull_asks_for_something(world: World, count: int) -> None:
    """[PROTO] PullRequest.max_messages must be positive."""
    await world.both()
    with refused("INVALID_ARGUMENT", "(argument=max_messages)"):
        await world.pull(count)


async def test_a_pull_gets_no_more_than_it_asks_for(world: World) -> None:
    """[PROTO] PullRequest.max_messages."""
    await world.both()
    await world.publish(*"abcde")
    assert len(await world.pull(3)) == 3


async def test_an_ack_request_has_at_most_512_kib(world: World) -> None:
    """[QUOTA] Acknowledge and ModifyAckDeadline: 512 KB a request."""
    await world.both()
    ack_ids = ["x" * 1000] * 525
    with refused("INVALID_ARGUMENT", "Request payload size exceeds the limit: 524288 bytes."):
        await world.ack(*ack_ids)


async def test_an_ack_request_names_something(world: World) -> None:
    """[PROTO] AcknowledgeRequest.ack_ids must not be empty."""
    await world.both()
    with refused("INVALID_ARGUMENT", "You have not specified an ack ID in the request."):
        await world.ack()


async def test_old_messages_are_dropped(world: World) -> None:
    """[PROTO] Subscription.message_retention_duration: 10 minutes to 31 days, 7 days if not set."""
    made = await world.both()
    assert seconds_of(made.message_retention_duration) == 7 * 86_400
    short = "projects/p/subscriptions/short"
    await world.subscription(short, message_retention_duration={"seconds": 600})
    await world.publish("a")
    world.clock.advance(600.0)
    assert await world.data(name=short) == []
    assert await world.data() == ["a"]
    for seconds in (599, 31 * 86_400 + 1):
        with refused("INVALID_ARGUMENT", "must be between 10m and 744h"):
            await world.subscription(
                "projects/p/subscriptions/bad", message_retention_duration={"seconds": seconds}
            )


async def test_a_deleted_topic_leaves_its_subscriptions(world: World) -> None:
    """[PROTO] Subscription.topic reads `_deleted-topic_`; the backlog stays."""
    await world.both()
    await world.publish("a")
    await world.publisher.delete_topic(topic=TOPIC)
    got = await world.subscriber.get_subscription(subscription=SUBSCRIPTION)
    assert got.topic == "_deleted-topic_"
    assert await world.data() == ["a"]
    await world.topic()
    await world.publish("b")
    assert await world.data() == []


async def test_a_detached_subscription_has_nothing_any_more(world: World) -> None:
    """[PROTO] Subscription.detached: no backlog, and Pull is FAILED_PRECONDITION."""
    await world.both()
    await world.publish("a")
    await world.publisher.detach_subscription({"subscription": SUBSCRIPTION})
    assert (await world.subscriber.get_subscription(subscription=SUBSCRIPTION)).detached
    with refused("FAILED_PRECONDITION"):
        await world.pull()
    listed = await world.publisher.list_topic_subscriptions(topic=TOPIC)
    assert list(listed.subscriptions) == []


async def test_a_subscription_that_nobody_uses_expires(world: World) -> None:
    """[PROTO] Subscription.expiration_policy: 31 days if not set, a day at least, without a ttl never."""
    made = await world.both()
    assert seconds_of(made.expiration_policy.ttl) == 31 * 86_400
    await world.subscription("projects/p/subscriptions/lasting", expiration_policy={})
    world.clock.advance(30 * 86_400.0)
    await world.pull()
    world.clock.advance(30 * 86_400.0)
    await world.pull()
    world.clock.advance(31 * 86_400.0)
    with refused("NOT_FOUND", "Resource not found (resource=subscription)."):
        await world.pull()
    assert await world.pull(name="projects/p/subscriptions/lasting") == []
    with refused("INVALID_ARGUMENT", "at least one day"):
        await world.subscription(expiration_policy={"ttl": {"seconds": 86_399}})
