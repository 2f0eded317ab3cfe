"""Facts about seeking, snapshots and retention, each with its source.

[REPLAY] Pub/Sub documentation, "Replay and purge messages"
[PROTO] google/pubsub/v1/pubsub.proto: the comment of the message or the RPC that is named
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fidelity.pubsub.world import SUBSCRIPTION, TOPIC, World, refused, seconds_of

SNAPSHOT = "projects/p/snapshots/snapshot"
DAY_S = 86_400.0


async def seek(world: World, time: datetime | None = None, *, name: str = SUBSCRIPTION) -> None:
    target: dict[str, Any] = {"snapshot": SNAPSHOT} if time is None else {"time": time}
    await world.subscriber.seek({"subscription": name, **target})


async def snapshot(world: World, name: str = SNAPSHOT, **fields: Any) -> Any:
    return await world.subscriber.create_snapshot({"name": name, "subscription": SUBSCRIPTION, **fields})


class TestSeekToATime:
    async def test_what_was_published_before_counts_as_acked(self, world: World) -> None:
        """[PROTO] SeekRequest.time."""
        await world.both()
        await world.publish("old", "leased")
        (received,) = await world.pull(1)
        world.clock.advance(1.0)
        await seek(world, world.clock.utc_now())
        await world.publish("new")
        assert await world.data() == ["new"]
        await world.nack(received)
        assert await world.data() == []

    async def test_acked_messages_come_again_if_they_were_kept(self, world: World) -> None:
        """[PROTO] Subscription.retain_acked_messages."""
        await world.both(retain_acked_messages=True)
        began = world.clock.utc_now()
        await world.publish("a")
        world.clock.advance(100.0)
        await world.publish("b", "c")
        await world.ack(*await world.pull())
        await seek(world, began + timedelta(seconds=50))
        assert await world.data() == ["b", "c"]
        await seek(world, began)
        assert await world.data() == ["a"]

    async def test_otherwise_they_do_not(self, world: World) -> None:
        """[REPLAY] Acked messages are gone unless subscription or topic keeps them."""
        await world.both()
        await world.publish("a")
        await world.ack(await world.one())
        await seek(world, world.clock.utc_now() - timedelta(days=1))
        assert await world.data() == []

    async def test_what_the_topic_keeps_comes_again_for_later_subscriptions_too(self, world: World) -> None:
        """[PROTO] Topic.message_retention_duration; Subscription.topic_message_retention_duration."""
        await world.topic(message_retention_duration={"seconds": 600})
        await world.publish("too old")
        world.clock.advance(600.0)
        began = world.clock.utc_now()
        await world.publish("a", attributes={"x": ""})
        await world.publish("b")
        made = await world.subscription(filter="attributes:x")
        assert seconds_of(made.topic_message_retention_duration) == 600
        assert await world.data() == []
        await seek(world, began - timedelta(days=1))
        assert await world.data() == ["a"]

    async def test_kept_messages_go_when_their_time_is_over(self, world: World) -> None:
        """[PROTO] Subscription.message_retention_duration goes for acked messages as well."""
        await world.both(retain_acked_messages=True, message_retention_duration={"seconds": 600})
        began = world.clock.utc_now()
        await world.publish("a")
        await world.ack(await world.one())
        world.clock.advance(600.0)
        await seek(world, began)
        assert await world.data() == []

    async def test_something_has_to_be_sought(self, world: World) -> None:
        """[PROTO] SeekRequest.target."""
        await world.both()
        with refused("INVALID_ARGUMENT"):
            await world.subscriber.seek({"subscription": SUBSCRIPTION})

    async def test_a_key_comes_again_in_order(self, world: World) -> None:
        """[REPLAY] What is replayed of an ordering key keeps its order."""
        await world.both(enable_message_ordering=True, retain_acked_messages=True)
        began = world.clock.utc_now()
        await world.publish("a", "b", "c", key="k")
        a, b, c = await world.pull()
        await world.ack(a, b)
        await seek(world, began)
        await world.nack(c)
        assert await world.data() == ["a", "b", "c"]


class TestSnapshots:
    async def test_a_snapshot_remembers_what_was_not_acked_and_what_came_later(self, world: World) -> None:
        """[PROTO] CreateSnapshotRequest.subscription; SeekRequest.snapshot."""
        await world.both()
        await world.publish("acked", "leased", "waiting")
        acked, _ = await world.pull(2)
        await world.ack(acked)
        await snapshot(world)
        await world.publish("later")
        world.clock.advance(10.0)
        await world.ack(*await world.pull())
        assert await world.data() == []
        await seek(world)
        assert await world.data() == ["leased", "waiting", "later"]

    async def test_other_subscriptions_of_the_topic_can_go_there(self, world: World) -> None:
        """[PROTO] SeekRequest.snapshot: its topic must be that of the subscription."""
        await world.both()
        await world.publish("a")
        await snapshot(world)
        other = "projects/p/subscriptions/other"
        await world.subscription(other)
        await seek(world, name=other)
        assert await world.data(name=other) == ["a"]
        foreign = "projects/p/topics/foreign"
        await world.topic(foreign)
        await world.subscription("projects/p/subscriptions/foreign", foreign)
        with refused("INVALID_ARGUMENT"):
            await seek(world, name="projects/p/subscriptions/foreign")

    async def test_it_lives_seven_days_less_the_age_of_its_oldest_message(self, world: World) -> None:
        """[PROTO] Snapshot.expire_time."""
        await world.both()
        await world.publish("a")
        world.clock.advance(3 * DAY_S)
        made = await snapshot(world)
        expires: Any = made.expire_time
        assert expires.timestamp() == world.clock.utc_now().timestamp() + 4 * DAY_S
        world.clock.advance(4 * DAY_S)
        with refused("NOT_FOUND"):
            await seek(world)

    async def test_an_old_backlog_has_no_snapshot(self, world: World) -> None:
        """[PROTO] Snapshot.expire_time: one that would live less than an hour is refused."""
        await world.both(message_retention_duration={"seconds": 8 * 86_400})
        await world.publish("a")
        world.clock.advance(7 * DAY_S - 3_599.0)
        with refused("FAILED_PRECONDITION"):
            await snapshot(world)

    async def test_labels_and_expiry_can_change(self, world: World) -> None:
        """[PROTO] UpdateSnapshotRequest."""
        await world.both()
        await snapshot(world, labels={"a": "1"})
        until = world.clock.utc_now() + timedelta(days=1)
        changed = {"name": SNAPSHOT, "labels": {"b": "2"}, "expire_time": until}
        mask = {"paths": ["labels", "expire_time"]}
        await world.subscriber.update_snapshot({"snapshot": changed, "update_mask": mask})
        got = await world.subscriber.get_snapshot(snapshot=SNAPSHOT)
        assert dict(got.labels) == {"b": "2"}
        expires: Any = got.expire_time
        assert (got.topic, expires.timestamp()) == (TOPIC, until.timestamp())

    async def test_they_can_be_listed_and_deleted(self, world: World) -> None:
        """[PROTO] ListSnapshots, ListTopicSnapshots, DeleteSnapshot."""
        await world.both()
        names = [f"projects/p/snapshots/s-{number}" for number in range(3)]
        for name in names:
            await snapshot(world, name)
        with refused("ALREADY_EXISTS", "Resource already exists in the project (resource=s-0)."):
            await snapshot(world, names[0])
        listed = [one.name async for one in await world.subscriber.list_snapshots(project="projects/p")]
        assert listed == names
        of_topic = await world.publisher.list_topic_snapshots({"topic": TOPIC})
        assert [name async for name in of_topic] == names
        await world.subscriber.delete_snapshot(snapshot=names[0])
        with refused("NOT_FOUND"):
            await world.subscriber.get_snapshot(snapshot=names[0])


@pytest.mark.parametrize("strict", [True, False])
async def test_an_old_ack_id_is_of_no_use_after_a_seek(world: World, *, strict: bool) -> None:
    """[REPLAY] What comes again has new ack ids."""
    await world.both(retain_acked_messages=True, enable_exactly_once_delivery=strict)
    began = world.clock.utc_now()
    await world.publish("a")
    old = await world.one()
    await world.ack(old)
    await seek(world, began)
    new = await world.one()
    assert new.ack_id != old.ack_id
    if not strict:
        await world.ack(old)
    await world.nack(new)
    assert await world.data() == ["a"]
