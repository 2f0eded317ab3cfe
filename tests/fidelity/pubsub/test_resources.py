"""Facts about topics, subscriptions and publishing, each with its source.

[PROTO] google/pubsub/v1/pubsub.proto: the comment of the message or the RPC that is named
[QUOTA] Pub/Sub documentation, "Quotas and limits"
[NAMES] Pub/Sub documentation, "Pub/Sub basics": resource names
[LABELS] Pub/Sub documentation, "Create and manage labels"
[MASK] google/protobuf/field_mask.proto
[WIRING] google-cloud-pubsub 2.44.0, the transports of its generated clients: the calls that there are
[WORDS] the service's refusals as others recorded them: fireemu, crates `adapter-pubsub` and `core-pubsub`
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from fakes.pubsub.operations import OPERATIONS, STREAMING_PULL
from fakes.pubsub.rpcs import rpcs
from tests.fidelity.pubsub.world import SUBSCRIPTION, TOPIC, World, refused, seconds_of

PUBLISHER = (
    "CreateTopic UpdateTopic Publish GetTopic ListTopics ListTopicSubscriptions ListTopicSnapshots "
    "DeleteTopic DetachSubscription"
)
SUBSCRIBER = (
    "CreateSubscription GetSubscription UpdateSubscription ListSubscriptions DeleteSubscription "
    "ModifyAckDeadline Acknowledge Pull StreamingPull ModifyPushConfig GetSnapshot ListSnapshots "
    "CreateSnapshot UpdateSnapshot DeleteSnapshot Seek"
)


CALLS = [
    *(("Publisher", name) for name in PUBLISHER.split()),
    *(("Subscriber", name) for name in SUBSCRIBER.split()),
]


def test_every_call_is_there(world: World) -> None:
    """[WIRING] Nine calls of Publisher, and sixteen of Subscriber."""
    there = [rpc.name for rpc in rpcs(world.server.service)] + [STREAMING_PULL]
    assert sorted(there) == sorted(OPERATIONS) == sorted(name for _, name in CALLS)
    assert len(there) == 25


@pytest.mark.parametrize(("service", "name"), CALLS)
async def test_every_call_answers(world: World, service: str, name: str) -> None:
    """[PROTO] Every request has a required field, so that an empty one is INVALID_ARGUMENT."""
    async with grpc.aio.insecure_channel(world.server.address) as channel:
        asked: Any = channel
        path = f"/google.pubsub.v1.{service}/{name}"
        streams = name == STREAMING_PULL
        call = asked.stream_stream(path)(iter([b""])) if streams else asked.unary_unary(path)(b"")
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


class TestPublishing:
    async def test_a_message_arrives_with_an_id_and_a_time(self, world: World) -> None:
        """[PROTO] PubsubMessage.message_id, publish_time."""
        await world.both()
        world.clock.advance(1.5)
        (message_id,) = await world.publish("a", attributes={"x": "ü", "y": ""}, key="k")
        message = (await world.one()).message
        assert (message.data, dict(message.attributes)) == (b"a", {"x": "ü", "y": ""})
        assert (message.message_id, message.ordering_key) == (message_id, "k")
        assert message.publish_time == world.clock.utc_now()

    async def test_ids_come_in_the_order_of_the_messages(self, world: World) -> None:
        """[PROTO] PublishResponse.message_ids; unique in their topic."""
        await world.both()
        ids = await world.publish(*(str(number) for number in range(50)))
        assert [one.message.message_id for one in await world.pull()] == ids
        assert len(set(ids)) == 50

    @pytest.mark.parametrize(
        ("messages", "words"),
        [
            ([], "The value for message_count is too small. You passed 0 in the request"),
            ([{"data": b"x"}] * 1001, "You passed 1001 in the request, but the maximum value is 1000."),
            ([{}], "non-empty data, or at least one attribute"),
            ([{"data": b"x" * 10_000_000}], "The value for request_size is too large."),
            ([{"data": b"x" * 11_000_000}], "Request payload size exceeds the limit: 10485760 bytes."),
            ([{"attributes": {str(number): "" for number in range(101)}}], "attribute_count"),
            ([{"attributes": {"x" * 257: ""}}], "attribute_key_size"),
            ([{"attributes": {"x": "x" * 1025}}], "attribute_value_size"),
            ([{"attributes": {"googclient": ""}}], "(argument=attributes)"),
            ([{"attributes": {"": "x"}}], "(argument=attributes)"),
            ([{"data": b"x", "ordering_key": "x" * 1025}], "ordering_key_size"),
        ],
    )
    async def test_what_is_too_much_is_refused(
        self, world: World, messages: list[dict[str, Any]], words: str
    ) -> None:
        """[QUOTA] Messages, attributes, keys; [PROTO] PubsubMessage.data; [WORDS]."""
        await world.both()
        with refused("INVALID_ARGUMENT", words):
            await world.publisher.publish(
                topic=TOPIC, messages=[types.PubsubMessage(one) for one in messages]
            )
        assert await world.pull() == []

    async def test_the_largest_is_taken(self, world: World) -> None:
        """[QUOTA] 1,000 messages, 100 attributes, 256 and 1,024 bytes of them."""
        await world.both()
        await world.publish(*("x" for _ in range(1000)))
        attributes = {f"{number:0256}": "x" * 1024 for number in range(100)}
        await world.publish("x", attributes=attributes, key="k" * 1024)
        assert len(await world.pull(1000)) == 1000
        assert dict((await world.one()).message.attributes) == attributes

    async def test_a_topic_that_is_not_there(self, world: World) -> None:
        """[PROTO] Publisher.Publish; [WORDS]."""
        with refused("NOT_FOUND", "Resource not found (resource=topic)."):
            await world.publish("a")


class TestNames:
    @pytest.mark.parametrize(
        "name", ["ab", "1abc", "goog-abc", "a b c", "a/b", "x" * 256, "", "ümlaut", "abc\n"]
    )
    async def test_what_cannot_be_a_name(self, world: World, name: str) -> None:
        """[NAMES] A letter first, 3 to 255 of a few characters, not beginning with goog; [WORDS]."""
        with refused("INVALID_ARGUMENT", "Invalid resource name given (name="):
            await world.topic(f"projects/p/topics/{name}")
        with refused("INVALID_ARGUMENT", "Refer to https://cloud.google.com/pubsub/docs/"):
            await world.subscription(f"projects/p/subscriptions/{name}")

    @pytest.mark.parametrize("name", ["abc", "A-1_.~+%", "x" * 255])
    async def test_what_can(self, world: World, name: str) -> None:
        """[NAMES]."""
        assert (await world.topic(f"projects/p/topics/{name}")).name.endswith(name)

    async def test_a_name_says_what_it_is_of(self, world: World) -> None:
        """[NAMES]."""
        with refused("INVALID_ARGUMENT", "Invalid resource name given"):
            await world.publisher.get_topic(topic=SUBSCRIPTION)

    async def test_there_is_one_of_a_name(self, world: World) -> None:
        """[PROTO] CreateSubscription: ALREADY_EXISTS, and NOT_FOUND without its topic; [WORDS]."""
        with refused("NOT_FOUND", "Resource not found (resource=topic)."):
            await world.subscription()
        await world.both()
        with refused("ALREADY_EXISTS", "Resource already exists in the project (resource=topic)."):
            await world.topic()
        with refused("ALREADY_EXISTS", "(resource=subscription)."):
            await world.subscription()


class TestUpdates:
    async def test_what_the_mask_names_changes_and_nothing_else(self, world: World) -> None:
        """[PROTO] UpdateSubscriptionRequest.update_mask."""
        await world.both(labels={"a": "1", "b": "2"}, ack_deadline_seconds=30)
        changed = types.Subscription(
            name=SUBSCRIPTION, labels={"c": "3"}, ack_deadline_seconds=60, retain_acked_messages=True
        )
        mask = FieldMask(paths=["labels", "ack_deadline_seconds"])
        got = await world.subscriber.update_subscription(subscription=changed, update_mask=mask)
        assert got == await world.subscriber.get_subscription(subscription=SUBSCRIPTION)
        assert (dict(got.labels), got.ack_deadline_seconds) == ({"c": "3"}, 60)
        assert not got.retain_acked_messages
        await world.publish("a")
        await world.pull()
        world.clock.advance(59.9)
        assert await world.pull() == []

    async def test_what_is_named_and_not_set_is_cleared(self, world: World) -> None:
        """[PROTO] UpdateSubscriptionRequest: as field masks have it."""
        await world.topic(labels={"a": "1"}, message_retention_duration={"seconds": 600})
        await world.subscription(retry_policy={})
        await world.publisher.update_topic(
            topic=types.Topic(name=TOPIC),
            update_mask=FieldMask(paths=["labels", "message_retention_duration"]),
        )
        topic = await world.publisher.get_topic(topic=TOPIC)
        assert "message_retention_duration" not in topic
        assert dict(topic.labels) == {}
        got = await world.subscriber.update_subscription(
            subscription=types.Subscription(name=SUBSCRIPTION), update_mask=FieldMask(paths=["retry_policy"])
        )
        assert "retry_policy" not in got
        assert "topic_message_retention_duration" not in got

    @pytest.mark.parametrize("paths", [["topic"], ["name"], ["enable_message_ordering"], ["no_such"]])
    async def test_what_cannot_change(self, world: World, paths: list[str]) -> None:
        """[PROTO] Subscription: name, topic, filter and ordering are fixed."""
        await world.both()
        with refused("INVALID_ARGUMENT", f"the '{paths[0]}' field in the Subscription is not mutable"):
            await world.subscriber.update_subscription(
                subscription=types.Subscription(name=SUBSCRIPTION), update_mask=FieldMask(paths=paths)
            )

    @pytest.mark.parametrize(
        "path",
        [
            "retry_policy.nope",
            "retry_policy.minimum_backoff.nope",
            "ack_deadline_seconds.x",
            "labels.foo",
            "message_transforms.disabled",
            "retry_policy.",
            ".retry_policy",
            "",
        ],
    )
    async def test_a_path_leads_somewhere(self, world: World, path: str) -> None:
        """[MASK] Paths of fields that there are; repeated fields and maps only at the end."""
        await world.both(retry_policy={})
        with refused("INVALID_ARGUMENT", f"the '{path}' field in the Subscription is not mutable"):
            await world.subscriber.update_subscription(
                subscription=types.Subscription(name=SUBSCRIPTION), update_mask=FieldMask(paths=[path])
            )

    async def test_a_path_may_lead_into_a_field(self, world: World) -> None:
        """[MASK] Of nested messages only what is named changes."""
        await world.both(retry_policy={"minimum_backoff": {"seconds": 20}})
        retry = {"minimum_backoff": {"seconds": 30}, "maximum_backoff": {"seconds": 40}}
        changed = types.Subscription({"name": SUBSCRIPTION, "retry_policy": retry})
        paths = ["retry_policy.maximum_backoff.seconds", "push_config.no_wrapper", "expiration_policy.ttl"]
        got = await world.subscriber.update_subscription(
            subscription=changed, update_mask=FieldMask(paths=paths)
        )
        backoffs = got.retry_policy.minimum_backoff, got.retry_policy.maximum_backoff
        assert [seconds_of(one) for one in backoffs] == [20, 40]

    async def test_paths_of_topics_and_snapshots_lead_somewhere(self, world: World) -> None:
        """[MASK] As those of subscriptions."""
        await world.both()
        with refused("INVALID_ARGUMENT", "the 'labels.foo' field in the Topic is not mutable"):
            await world.publisher.update_topic(
                topic=types.Topic(name=TOPIC), update_mask=FieldMask(paths=["labels.foo"])
            )
        name = "projects/p/snapshots/snapshot"
        await world.subscriber.create_snapshot(name=name, subscription=SUBSCRIPTION)
        request = {"snapshot": {"name": name}, "update_mask": {"paths": ["expire_time.nope"]}}
        with refused("INVALID_ARGUMENT", "the 'expire_time.nope' field in the Snapshot is not mutable"):
            await world.subscriber.update_snapshot(request)

    async def test_a_mask_names_something(self, world: World) -> None:
        """[WORDS] The words for an empty mask."""
        await world.both()
        words = (
            "The update_mask in the UpdateTopicRequest must be set, and must contain a non-empty paths list."
        )
        with refused("INVALID_ARGUMENT", words):
            await world.publisher.update_topic(topic=types.Topic(name=TOPIC), update_mask=FieldMask())

    async def test_an_update_that_is_wrong_changes_nothing(self, world: World) -> None:
        """[PROTO] Subscription.ack_deadline_seconds."""
        await world.both()
        changed = types.Subscription(name=SUBSCRIPTION, ack_deadline_seconds=5, labels={"a": "1"})
        with refused("INVALID_ARGUMENT"):
            await world.subscriber.update_subscription(
                subscription=changed, update_mask=FieldMask(paths=["ack_deadline_seconds", "labels"])
            )
        assert dict((await world.subscriber.get_subscription(subscription=SUBSCRIPTION)).labels) == {}

    async def test_an_orphan_can_be_updated(self, world: World) -> None:
        """[PROTO] Subscription.topic: it stays `_deleted-topic_`."""
        await world.both()
        await world.publisher.delete_topic(topic=TOPIC)
        changed = types.Subscription(name=SUBSCRIPTION, ack_deadline_seconds=20)
        got = await world.subscriber.update_subscription(
            subscription=changed, update_mask=FieldMask(paths=["ack_deadline_seconds"])
        )
        assert (got.topic, got.ack_deadline_seconds) == ("_deleted-topic_", 20)

    @pytest.mark.parametrize("labels", [{"A": "x"}, {"1": "x"}, {"": "x"}, {"a": "X"}, {"a" * 64: ""}])
    async def test_labels_have_a_shape(self, world: World, labels: dict[str, str]) -> None:
        """[LABELS] Lower case, a letter first, 63 characters; [WORDS]."""
        with refused("INVALID_ARGUMENT", "Invalid labels"):
            await world.topic(labels=labels)


class TestLists:
    async def test_they_come_in_pages(self, world: World) -> None:
        """[PROTO] ListTopicsRequest.page_size, page_token."""
        names = [f"projects/p/topics/t-{number}" for number in range(5)]
        for name in (*reversed(names), "projects/other/topics/abc"):
            await world.topic(name)
        pages = await world.publisher.list_topics({"project": "projects/p", "page_size": 2})
        sizes = [len(page.topics) async for page in pages.pages]
        assert sizes == [2, 2, 1]
        again = await world.publisher.list_topics({"project": "projects/p", "page_size": 2})
        assert [one.name async for one in again] == names

    async def test_subscriptions_of_a_project_and_of_a_topic(self, world: World) -> None:
        """[PROTO] ListSubscriptions, ListTopicSubscriptions."""
        await world.both()
        listed = await world.subscriber.list_subscriptions(project="projects/p")
        assert [one.name async for one in listed] == [SUBSCRIPTION]
        of_topic = await world.publisher.list_topic_subscriptions(topic=TOPIC)
        assert [name async for name in of_topic] == [SUBSCRIPTION]
        with refused("NOT_FOUND"):
            await world.publisher.list_topic_subscriptions(topic="projects/p/topics/other")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"page_size": -1},
            {"page_token": "?"},
            {"page_token": "YWJj"},
            {"page_token": base64.urlsafe_b64encode(b"after:\xff").decode()},
        ],
    )
    async def test_pages_that_there_are_not(self, world: World, wrong: dict[str, Any]) -> None:
        """[PROTO] ListTopicsRequest: tokens are those that were given."""
        with refused("INVALID_ARGUMENT", f"(argument={next(iter(wrong))})"):
            await world.publisher.list_topics({"project": "projects/p", **wrong})

    async def test_a_project_has_a_name(self, world: World) -> None:
        """[NAMES]."""
        with refused("INVALID_ARGUMENT"):
            await world.publisher.list_topics(project="p")


async def test_what_is_deleted_is_gone(world: World) -> None:
    """[PROTO] DeleteTopic, DeleteSubscription: NOT_FOUND afterwards, and what waits there ends with it."""
    await world.both()
    pull = asyncio.create_task(world.pull(wait=True))
    while world.clock.next_deadline() is None:  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0.002)
    await world.subscriber.delete_subscription(subscription=SUBSCRIPTION)
    with pytest.raises(GoogleAPICallError):
        await pull
    with refused("NOT_FOUND"):
        await world.subscriber.delete_subscription(subscription=SUBSCRIPTION)
    await world.publisher.delete_topic(topic=TOPIC)
    with refused("NOT_FOUND"):
        await world.publisher.get_topic(topic=TOPIC)
    assert (await world.topic()).name == TOPIC
