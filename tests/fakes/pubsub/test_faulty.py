"""Faults by plan, as a client of the stand-in meets them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import types

from fakes.faults import FaultKind, FaultRule
from tests.fidelity.pubsub.world import World, a_world, ids_of, refused, streaming


def rule(kind: FaultKind, operation: str, *, every: int = 1, delay_s: float = 0.0) -> FaultRule:
    return FaultRule(kind, operation, every=every, delay_s=delay_s)


def first(kind: FaultKind, operation: str) -> FaultRule:
    return FaultRule(kind, operation, calls=(1,))


def counters(world: World, kind: FaultKind) -> tuple[int, int]:
    return world.injector.injected[kind], world.injector.effective[kind]


@pytest.mark.parametrize(
    ("kind", "code"),
    [(FaultKind.THROTTLE, "RESOURCE_EXHAUSTED"), (FaultKind.UNAVAILABLE, "UNAVAILABLE")],
)
async def test_a_call_is_refused_and_does_nothing(kind: FaultKind, code: str) -> None:
    async with a_world(first(kind, "DeleteTopic"), first(kind, "Pull")) as world:
        await world.both()
        with refused(code):
            await world.publisher.delete_topic(topic="projects/p/topics/topic", retry=None)
        await world.publish("a")
        with refused(code):
            await world.pull()
        assert await world.data() == ["a"]
        assert counters(world, kind) == (2, 2)


async def test_more_calls_than_a_rate_allows_are_throttled() -> None:
    async with a_world(FaultRule(FaultKind.THROTTLE, "*", rate_per_s=3)) as world:
        await world.both()
        await world.publish("a")
        with refused("RESOURCE_EXHAUSTED"):
            await world.pull()
        world.clock.advance(1.0)
        assert await world.data() == ["a"]


@pytest.mark.parametrize("strict", [False, True])
async def test_an_ack_that_comes_to_nothing_says_so_of_each_ack_id(*, strict: bool) -> None:
    """With exactly-once delivery the client believes that an error without details is a success."""
    rules = [first(FaultKind.UNAVAILABLE, "Acknowledge"), first(FaultKind.THROTTLE, "ModifyAckDeadline")]
    async with a_world(*rules) as world:
        await world.both(enable_exactly_once_delivery=strict)
        await world.publish("a")
        (received,) = await world.pull()
        with refused("INVALID_ARGUMENT" if strict else "UNAVAILABLE") as caught:
            await world.ack(received)
        assert _reasons(caught.value) == {
            received.ack_id: f"TRANSIENT_FAILURE_{'SERVICE_UNAVAILABLE' if strict else 'OTHER'}"
        }
        with refused("RESOURCE_EXHAUSTED") as caught:
            await world.extend(60, received)
        assert _reasons(caught.value) == {received.ack_id: "TRANSIENT_FAILURE_OTHER"}
        await world.ack(received)


def _reasons(error: GoogleAPICallError) -> dict[str, str]:
    (info,) = error.details
    return dict(info.metadata)


async def test_an_effect_without_a_reply() -> None:
    silent = FaultKind.EFFECT_WITHOUT_REPLY
    async with a_world(*(first(silent, name) for name in ("Publish", "Pull", "Acknowledge"))) as world:
        await world.both()
        with refused("UNAVAILABLE", "Socket closed"):
            await world.publisher.publish(
                topic="projects/p/topics/topic", messages=[types.PubsubMessage(data=b"a")], retry=None
            )
        with refused("UNAVAILABLE"):
            await world.pull()
        assert await world.pull() == [], "it is leased to nobody"
        world.clock.advance(10.0)
        (received,) = await world.pull()
        with refused("UNAVAILABLE"):
            await world.ack(received)
        world.clock.advance(10.0)
        assert await world.pull() == []
        assert counters(world, silent) == (3, 3)


async def test_a_reply_without_an_effect() -> None:
    async with a_world(rule(FaultKind.REPLY_WITHOUT_EFFECT, "*")) as world:
        await world.both()
        await world.publish("a")
        (received,) = await world.pull()
        await world.extend(600, received)
        await world.ack(received)
        world.clock.advance(10.0)
        assert await world.data() == ["a"], "what was accepted is never lost"
        assert world.injector.effective[FaultKind.REPLY_WITHOUT_EFFECT] == 2


async def test_what_exactly_once_promises_is_kept() -> None:
    rules = rule(FaultKind.REPLY_WITHOUT_EFFECT, "*"), rule(FaultKind.DUPLICATE, "*")
    async with a_world(*rules) as world:
        await world.both(enable_exactly_once_delivery=True)
        await world.publish("a")
        (received,) = await world.pull()
        assert await world.pull() == []
        await world.ack(received)
        world.clock.advance(10.0)
        assert await world.pull() == []
        assert not world.injector.effective


async def test_a_duplicate_can_be_settled_by_its_newest_receiver() -> None:
    async with a_world(first(FaultKind.DUPLICATE, "Pull")) as world:
        await world.both()
        await world.publish("a")
        one, two = await world.one(), await world.one()
        assert one.message.message_id == two.message.message_id
        assert one.ack_id != two.ack_id
        await world.ack(one)
        await world.ack(two)
        world.clock.advance(10.0)
        assert await world.pull() == []
        assert counters(world, FaultKind.DUPLICATE) == (1, 1)


async def test_messages_are_reordered_and_none_is_lost() -> None:
    names = [f"{number:02}" for number in range(30)]
    async with a_world(rule(FaultKind.REORDER, "Pull")) as world:
        await world.both()
        await world.publish(*names)
        got = [data for _ in names for data in await world.data(1)]
        assert got != names
        assert sorted(got) == names
        assert counters(world, FaultKind.REORDER) == (30, 29), "the last has nobody to change places with"


async def test_what_has_a_key_is_not_reordered() -> None:
    names = [f"{number:02}" for number in range(10)]
    async with a_world(rule(FaultKind.REORDER, "Pull")) as world:
        await world.both(enable_message_ordering=True)
        await world.publish(*names, key="k")
        assert await world.data() == names
        assert not world.injector.effective


async def test_a_pull_may_be_short() -> None:
    async with a_world(rule(FaultKind.SHORT_RECEIVE, "Pull")) as world:
        await world.both()
        await world.publish(*"abcdefghij")
        sizes = []
        while batch := await world.pull():
            sizes.append(len(batch))
        assert sum(sizes) == 10
        assert sizes[0] < 10


async def test_a_pull_may_be_empty() -> None:
    async with a_world(first(FaultKind.EMPTY_RECEIVE, "Pull")) as world:
        await world.both()
        await world.publish("a")
        assert await world.pull(wait=True) == []
        assert await world.data() == ["a"]


async def test_a_call_may_take_longer_and_delays_add_up() -> None:
    delays = [rule(FaultKind.DELAY, "Publish", delay_s=seconds) for seconds in (2.0, 3.0)]
    async with a_world(*delays) as world:
        await world.both()
        publishing = asyncio.ensure_future(world.publish("a"))
        await until(lambda: world.injector.calls["Publish"])
        world.clock.advance(4.9)
        assert await world.pull() == []
        assert not publishing.done()
        world.clock.advance(0.1)
        await publishing
        assert await world.data() == ["a"]
        assert counters(world, FaultKind.DELAY) == (2, 2)


async def test_what_strikes_an_empty_subscription_makes_no_difference() -> None:
    kinds = (FaultKind.EMPTY_RECEIVE, FaultKind.REORDER, FaultKind.SHORT_RECEIVE, FaultKind.DUPLICATE)
    async with a_world(*(rule(kind, "Pull") for kind in kinds)) as world:
        await world.both()
        assert await world.pull() == []
        assert [counters(world, kind) for kind in kinds] == [(1, 0)] * 4


async def test_each_batch_of_a_stream_is_a_call() -> None:
    kinds = FaultKind.SHORT_RECEIVE, FaultKind.DUPLICATE, FaultKind.REORDER
    async with a_world(*(first(kind, "StreamingPull") for kind in kinds)) as world:
        await world.both()
        names = [f"{number:02}" for number in range(30)]
        await world.publish(*names)
        async with streaming(world) as stream:
            batches: list[list[str]] = []
            while not batches or sum(len(batch) for batch in batches) < 30 + len(batches[0]):
                batches.append([one.message.data.decode() for one in await stream.messages(1)])
        assert len(batches[0]) < 30
        assert {*names} == {data for batch in batches for data in batch}
        assert set(batches[0]) <= {data for batch in batches[1:] for data in batch}, "they came twice"
        assert all(counters(world, kind)[1] == 1 for kind in kinds)


async def test_the_same_seed_and_the_same_calls_give_the_same_world() -> None:
    kinds = FaultKind.REORDER, FaultKind.SHORT_RECEIVE, FaultKind.DUPLICATE
    rules = [FaultRule(kind, "Pull", probability=0.4) for kind in kinds]
    seen = []
    for _ in range(2):
        async with a_world(*rules) as world:
            await world.both()
            await world.publish(*map(str, range(40)))
            received = [ids_of(tuple(await world.pull(5))) for _ in range(15)]
            seen.append((received, world.injector.log))
    assert seen[0] == seen[1]
    assert len({one.kind for one in seen[0][1]}) == 3


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that happens elsewhere."""
    while not condition():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0.002)
