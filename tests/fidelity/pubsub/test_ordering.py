"""Facts about ordering keys, each with its source.

[ORDER] Pub/Sub documentation, "Order messages"
[PROTO] google/pubsub/v1/pubsub.proto: PubsubMessage.ordering_key
"""

from __future__ import annotations

import pytest
from google.pubsub_v1 import types

from tests.fidelity.pubsub.world import TOPIC, World, refused, streaming


@pytest.fixture
async def ordered(world: World) -> World:
    """A subscription that keeps the order of keys."""
    await world.both(enable_message_ordering=True)
    return world


async def test_messages_of_a_key_come_in_order(ordered: World) -> None:
    """[ORDER] In the order in which the service received them."""
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        await ordered.publish(name, key="k")
    assert await ordered.data() == names


async def test_a_request_has_one_key(ordered: World) -> None:
    """[PROTO] All messages of a request must have the same key."""
    messages = [types.PubsubMessage(data=b"x", ordering_key=key) for key in ("a", "b")]
    with refused("INVALID_ARGUMENT", "all messages must have no ordering key or"):
        await ordered.publisher.publish(topic=TOPIC, messages=messages)


async def test_while_some_are_outstanding_nobody_else_gets_more_of_the_key(ordered: World) -> None:
    """[ORDER] Messages of a key are outstanding to one subscriber at a time."""
    await ordered.publish("a", "b", key="k")
    await ordered.publish("other", key="l")
    (first,) = await ordered.pull(1)
    assert first.message.data == b"a"
    assert await ordered.data() == ["other"]
    await ordered.ack(first)
    assert await ordered.data() == ["b"]


async def test_a_stream_gets_on_with_its_keys(ordered: World) -> None:
    """[ORDER] A key's messages go to the stream that has some of them, without a wait for acks."""
    await ordered.publish("a", key="k")
    async with streaming(ordered) as stream:
        await stream.messages(1)
        await ordered.publish("b", key="k")
        (second,) = await stream.messages(1)
        assert second.message.data == b"b"
        await ordered.publish("c", key="k")
        await stream.messages(1)
        assert await ordered.data() == []


async def test_what_comes_again_brings_all_that_follow(ordered: World) -> None:
    """[ORDER] With a redelivered message come all later ones of its key, acked ones as well."""
    await ordered.publish("a", "b", "c", "d", key="k")
    a, b, c, d = await ordered.pull()
    await ordered.ack(a, c)
    await ordered.nack(b)
    assert await ordered.data() == ["b", "c", "d"]
    await ordered.ack(d)
    ordered.clock.advance(10.0)
    assert await ordered.data() == ["b", "c", "d"]


async def test_an_acked_key_is_done_with(ordered: World) -> None:
    """[ORDER] What was acked with all that came before it does not come again."""
    await ordered.publish("a", "b", "c", key="k")
    a, b, c = await ordered.pull()
    await ordered.ack(b)
    await ordered.ack(a)
    await ordered.nack(c)
    assert await ordered.data() == ["c"]


async def test_without_the_setting_keys_mean_nothing(world: World) -> None:
    """[PROTO] Subscription.enable_message_ordering: if false, messages may come in any order."""
    await world.both()
    await world.publish("a", "b", key="k")
    await world.pull(1)
    assert await world.data() == ["b"]


async def test_a_key_rests_as_a_whole(world: World) -> None:
    """[ORDER] A message that waits for its retry holds up the later ones of its key."""
    await world.both(
        enable_message_ordering=True,
        retry_policy={"minimum_backoff": {"seconds": 10}, "maximum_backoff": {"seconds": 10}},
    )
    await world.publish("a", "b", key="k")
    await world.nack((await world.pull(1))[0])
    assert await world.data() == []
    world.clock.advance(10.0)
    assert await world.data() == ["a", "b"]
