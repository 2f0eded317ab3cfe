"""Facts about streams, each with its source.

[PROTO] google/pubsub/v1/pubsub.proto: the comment of the field of StreamingPullRequest that is named
[CLIENT] google-cloud-pubsub 2.44.0: `subscriber`, the client that is written by hand
[PULL] Pub/Sub documentation, "Pull subscriptions": StreamingPull
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.fidelity.pubsub.world import SUBSCRIPTION, World, refused, streaming


async def test_messages_come_as_they_are_published(world: World) -> None:
    """[PULL] The server sends messages as soon as there are some."""
    await world.both()
    async with streaming(world) as stream:
        for data in "abc":
            await world.publish(data)
            (received,) = await stream.messages(1)
            assert received.message.data.decode() == data


@pytest.mark.parametrize(
    "fields",
    [
        {"subscription": SUBSCRIPTION},
        {"client_id": "me"},
        {"max_outstanding_messages": 5},
        {"max_outstanding_bytes": 5},
    ],
)
async def test_what_belongs_into_the_first_request_is_refused_later(
    world: World, fields: dict[str, Any]
) -> None:
    """[PROTO] subscription, client_id, max_outstanding_*: only in the first request."""
    await world.both()
    async with streaming(world) as stream:
        await stream.next()
        await stream.ask(**fields)
        with refused("INVALID_ARGUMENT"):
            await stream.next()


@pytest.mark.parametrize(
    "fields",
    [
        {"modify_deadline_ack_ids": ["a"], "modify_deadline_seconds": [-1]},
        {"modify_deadline_ack_ids": ["a"], "modify_deadline_seconds": []},
        {"modify_deadline_ack_ids": [], "modify_deadline_seconds": [10]},
        {"stream_ack_deadline_seconds": 9},
        {"stream_ack_deadline_seconds": 601},
    ],
)
async def test_requests_that_are_wrong_end_the_stream(world: World, fields: dict[str, Any]) -> None:
    """[PROTO] modify_deadline_seconds, modify_deadline_ack_ids, stream_ack_deadline_seconds."""
    await world.both()
    async with streaming(world) as stream:
        await stream.next()
        await stream.ask(**fields)
        with refused("INVALID_ARGUMENT"):
            await stream.next()


async def test_empty_requests_keep_a_stream_alive(world: World) -> None:
    """[CLIENT] google-cloud-pubsub 2.44.0 sends one every 30 s, and nothing else after the first."""
    await world.both()
    async with streaming(world) as stream:
        for data in "ab":
            await stream.ask()
            await world.publish(data)
            (received,) = await stream.messages(1)
            assert received.message.data.decode() == data


async def test_no_more_messages_are_outstanding_than_allowed(world: World) -> None:
    """[PROTO] max_outstanding_messages: nothing more is sent until one is acked or nacked."""
    await world.both()
    await world.publish(*"abcde")
    async with streaming(world, max_outstanding_messages=2) as stream:
        one, two = await stream.messages(2)
        await stream.nothing()
        await world.ack(one)
        (three,) = await stream.messages(1)
        assert three.message.data == b"c"
        await stream.nothing()
        await stream.ask(ack_ids=[two.ack_id, three.ack_id])
        assert [one.message.data for one in await stream.messages(2)] == [b"d", b"e"]


async def test_a_nack_makes_room_too(world: World) -> None:
    """[PROTO] max_outstanding_messages."""
    await world.both()
    await world.publish("a", "b")
    async with streaming(world, max_outstanding_messages=1) as stream:
        (first,) = await stream.messages(1)
        await world.nack(first)
        (second,) = await stream.messages(1)
        assert second.message.data == b"b"


async def test_no_more_bytes_are_outstanding_than_allowed(world: World) -> None:
    """[PROTO] max_outstanding_bytes: nothing more is sent while so many are outstanding."""
    await world.both()
    await world.publish(*("x" * 100 for _ in range(5)))
    async with streaming(world, max_outstanding_bytes=150) as stream:
        one, _ = await stream.messages(2)
        await stream.nothing()
        await world.ack(one)
        await stream.messages(1)
        await stream.nothing()


@pytest.mark.parametrize("limit", [0, -1])
async def test_without_a_limit_any_number_is_outstanding(world: World, limit: int) -> None:
    """[PROTO] max_outstanding_messages, max_outstanding_bytes: 0 or less is no limit."""
    await world.both()
    await world.publish(*(str(number) for number in range(900)))
    limits = {"max_outstanding_messages": limit, "max_outstanding_bytes": limit}
    async with streaming(world, **limits) as stream:
        assert len(await stream.messages(900)) == 900


async def test_a_stream_has_its_own_ack_deadline(world: World) -> None:
    """[PROTO] stream_ack_deadline_seconds, which later requests can change."""
    await world.both()
    await world.publish("a")
    async with streaming(world, stream_ack_deadline_seconds=60) as stream:
        (received,) = await stream.messages(1)
        world.clock.advance(59.9)
        await stream.nothing()
        world.clock.advance(0.1)
        (again,) = await stream.messages(1)
        assert again.message.message_id == received.message.message_id
        await world.ack(again)
        await stream.ask(stream_ack_deadline_seconds=20)
        await stream.ask(modify_deadline_ack_ids=["x"], modify_deadline_seconds=[10])
        await stream.nothing()
        await world.publish("b")
        await stream.messages(1)
        world.clock.advance(20.0)
        await stream.messages(1)


async def test_messages_are_shared_between_streams(world: World) -> None:
    """[PULL] Subscribers of one subscription share its messages."""
    await world.both()
    async with (
        streaming(world, max_outstanding_messages=1) as one,
        streaming(world, max_outstanding_messages=1) as two,
    ):
        for stream in (one, two):
            await stream.next()
        await world.publish("a", "b")
        first, second = await one.messages(1), await two.messages(1)
        assert first[0].message.message_id != second[0].message.message_id


async def test_who_ends_his_requests_ends_the_stream(world: World) -> None:
    """[PULL] The client may close the stream."""
    await world.both()
    async with streaming(world) as stream:
        await stream.next()
        await stream.end()
        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_a_stream_ends_with_its_subscription(world: World) -> None:
    """[PULL] NOT_FOUND ends a stream for good; so does a detached subscription."""
    await world.both()
    async with streaming(world) as stream:
        await stream.next()
        await world.subscriber.delete_subscription(subscription=SUBSCRIPTION)
        with refused("NOT_FOUND"):
            await stream.next()
    await world.subscription()
    async with streaming(world) as stream:
        await stream.next()
        await world.publisher.detach_subscription({"subscription": SUBSCRIPTION})
        with refused("FAILED_PRECONDITION"):
            await stream.next()


async def test_what_a_stream_held_comes_again(world: World) -> None:
    """[PULL] Messages of a broken stream come again when their deadlines have passed."""
    await world.both()
    await world.publish("a")
    async with streaming(world) as stream:
        await stream.messages(1)
    assert await world.pull() == []
    world.clock.advance(10.0)
    assert await world.data() == ["a"]
