"""Facts about dead letters, retry policies, filters and push, each with its source.

[DEAD] Pub/Sub documentation, "Dead-letter topics"
[RETRY] Pub/Sub documentation, "Handle message failures": retry policy
[FILTER] Pub/Sub documentation, "Filter messages from a subscription"
[PROTO] google/pubsub/v1/pubsub.proto: the comment of the message that is named
"""

from __future__ import annotations

from typing import Any

import pytest
from google.pubsub_v1 import types

from tests.fidelity.pubsub.world import SUBSCRIPTION, TOPIC, World, refused, seconds_of

DEAD = "projects/p/topics/dead"
DEAD_SUBSCRIPTION = "projects/p/subscriptions/dead"


async def with_dead_letters(world: World, attempts: int = 5, **fields: Any) -> types.Subscription:
    await world.topic(DEAD)
    await world.subscription(DEAD_SUBSCRIPTION, DEAD)
    policy = {"dead_letter_topic": DEAD, "max_delivery_attempts": attempts}
    return await world.both(dead_letter_policy=policy, **fields)


class TestDeadLetters:
    @pytest.mark.parametrize(("asked", "given"), [(0, 5), (5, 5), (100, 100)])
    async def test_5_to_100_attempts_and_0_means_5(self, world: World, asked: int, given: int) -> None:
        """[PROTO] DeadLetterPolicy.max_delivery_attempts."""
        made = await with_dead_letters(world, asked)
        assert made.dead_letter_policy.max_delivery_attempts == given

    @pytest.mark.parametrize("asked", [4, 101])
    async def test_other_numbers_are_refused(self, world: World, asked: int) -> None:
        """[PROTO] DeadLetterPolicy.max_delivery_attempts."""
        with refused("INVALID_ARGUMENT", "max_delivery_attempts"):
            await with_dead_letters(world, asked)

    async def test_the_attempt_is_one_more_than_nacks_and_expiries(self, world: World) -> None:
        """[PROTO] ReceivedMessage.delivery_attempt."""
        await with_dead_letters(world)
        await world.publish("a")
        first = await world.one()
        await world.nack(first)
        second = await world.one()
        world.clock.advance(10.0)
        third = await world.one()
        assert [one.delivery_attempt for one in (first, second, third)] == [1, 2, 3]

    async def test_without_a_policy_it_is_0(self, world: World) -> None:
        """[PROTO] ReceivedMessage.delivery_attempt."""
        await world.both()
        await world.publish("a")
        await world.nack(await world.one())
        assert (await world.one()).delivery_attempt == 0

    async def test_each_subscription_counts_by_itself(self, world: World) -> None:
        """[DEAD] Attempts are counted per subscription."""
        await with_dead_letters(world)
        other = "projects/p/subscriptions/other"
        await world.subscription(other, dead_letter_policy={"dead_letter_topic": DEAD})
        await world.publish("a")
        await world.nack(await world.one())
        assert (await world.one(other)).delivery_attempt == 1

    async def test_after_the_last_attempt_it_goes_to_the_dead_letter_topic(self, world: World) -> None:
        """[DEAD] The original is acked, and its copy says where it comes from."""
        await with_dead_letters(world)
        await world.publish("a", attributes={"x": "1"})
        for _ in range(5):
            await world.nack(await world.one())
        assert await world.data() == []
        letter = (await world.one(DEAD_SUBSCRIPTION)).message
        assert letter.data == b"a"
        published = letter.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"]
        assert dict(letter.attributes) == {
            "x": "1",
            "CloudPubSubDeadLetterSourceDeliveryCount": "5",
            "CloudPubSubDeadLetterSourceSubscription": "subscription",
            "CloudPubSubDeadLetterSourceSubscriptionProject": "p",
            "CloudPubSubDeadLetterSourceTopicPublishTime": published,
        }
        assert published.startswith("2026-01-01T00:00:00")

    async def test_without_the_topic_it_comes_on_and_on(self, world: World) -> None:
        """[DEAD] Best effort: a message that cannot be forwarded is delivered again."""
        await with_dead_letters(world)
        await world.publisher.delete_topic(topic=DEAD)
        await world.publish("a")
        for attempt in range(1, 9):
            received = await world.one()
            assert received.delivery_attempt == attempt
            await world.nack(received)


class TestRetryPolicy:
    async def test_10_to_600_seconds_if_not_set(self, world: World) -> None:
        """[PROTO] RetryPolicy.minimum_backoff, maximum_backoff."""
        policy = (await world.both(retry_policy={})).retry_policy
        assert seconds_of(policy.minimum_backoff) == 10
        assert seconds_of(policy.maximum_backoff) == 600

    @pytest.mark.parametrize(("shortest", "longest"), [(0, 601), (20, 10)])
    async def test_other_backoffs_are_refused(self, world: World, shortest: int, longest: int) -> None:
        """[PROTO] RetryPolicy: between 0 and 600 seconds."""
        policy = {"minimum_backoff": {"seconds": shortest}, "maximum_backoff": {"seconds": longest}}
        with refused("INVALID_ARGUMENT", "backoff"):
            await world.both(retry_policy=policy)

    async def test_a_message_waits_longer_each_time(self, world: World) -> None:
        """[RETRY] Exponential backoff between the two, on a nack and on an expiry."""
        await world.both(
            retry_policy={"minimum_backoff": {"seconds": 10}, "maximum_backoff": {"seconds": 30}}
        )
        await world.publish("a")
        for wait_s in (10.0, 20.0, 30.0, 30.0):
            await world.nack(await world.one())
            world.clock.advance(wait_s - 0.1)
            assert await world.pull() == []
            world.clock.advance(0.1)
        await world.one()
        world.clock.advance(10.0)
        assert await world.pull() == []
        world.clock.advance(30.0)
        assert await world.data() == ["a"]

    async def test_without_a_policy_at_once(self, world: World) -> None:
        """[PROTO] Subscription.retry_policy: if not set, as soon as possible."""
        await world.both()
        await world.publish("a")
        await world.nack(await world.one())
        assert await world.data() == ["a"]


MESSAGES: dict[str, dict[str, str]] = {
    "en-com": {"lang": "en", "name": "com"},
    "en-net": {"lang": "en", "name": "net"},
    "jp": {"lang": "jp"},
    "none": {"iana.org/tag": "x"},
    "escaped": {'a"b\\': "tab\t", "みんな": "1"},
}


class TestFilters:
    @pytest.mark.parametrize(
        ("expression", "matching"),
        [
            ('attributes.lang = "en"', "en-com en-net"),
            ('attributes.lang != "en"', "jp none escaped"),
            ("attributes:name", "en-com en-net"),
            ("NOT attributes:name", "jp none escaped"),
            ('-attributes:"name"', "jp none escaped"),
            ('hasPrefix(attributes.name, "co")', "en-com"),
            ('hasPrefix(attributes.lang, "")', "en-com en-net jp"),
            ('attributes.lang = "en" AND attributes.name = "net"', "en-net"),
            ('attributes.lang = "jp" OR attributes.name = "net"', "en-net jp"),
            ('attributes.lang = "jp" OR (attributes:name AND NOT attributes.name = "com")', "en-net jp"),
            ('NOT (attributes:lang OR attributes:"みんな")', "none"),
            ('attributes."iana.org/tag" = "x"', "none"),
            (r'attributes:"a\"b\\"', "escaped"),
            (r'attributes."a\"b\\" = "tab\t"', "escaped"),
            (r'attributes."a\u0022b\x5c" = "tab\011"', "escaped"),
            ("attributes:みんな", "escaped"),
        ],
    )
    async def test_what_matches_is_delivered_and_the_rest_is_acked(
        self, world: World, expression: str, matching: str
    ) -> None:
        """[FILTER] Filtering syntax: comparison, boolean operators, escapes."""
        await world.both(filter=expression)
        for data, attributes in MESSAGES.items():
            await world.publish(data, attributes=attributes)
        assert await world.data() == matching.split()

    @pytest.mark.parametrize(
        "expression",
        [
            "lang",
            "attributes.lang",
            "attributes.lang = en",
            'attributes.lang > "en"',
            'attributes.lang = "en',
            'data = "x"',
            "attributes:a AND attributes:b OR attributes:c",
            "attributes:a AND",
            "(attributes:a",
            "attributes:a)",
            'hasSuffix(attributes.a, "b")',
            "attributes:a and attributes:b",
            "NOT",
        ],
    )
    async def test_what_is_no_filter_is_refused(self, world: World, expression: str) -> None:
        """[FILTER] AND and OR cannot be mixed without parentheses; operators are written in capitals."""
        with refused("INVALID_ARGUMENT", "filter"):
            await world.both(filter=expression)

    async def test_at_most_256_bytes(self, world: World) -> None:
        """[FILTER] The maximum length of a filter is 256 bytes."""
        await world.both(filter=f"attributes:{'x' * 245}")
        with refused("INVALID_ARGUMENT", "256 bytes"):
            await world.subscription("projects/p/subscriptions/long", filter=f"attributes:{'x' * 246}")

    async def test_a_filter_cannot_be_changed(self, world: World) -> None:
        """[FILTER] After creating the subscription, the filter cannot be modified."""
        await world.both(filter="attributes:a")
        subscription = types.Subscription(name=SUBSCRIPTION, filter="attributes:b")
        with refused("INVALID_ARGUMENT", "the 'filter' field in the Subscription is not mutable"):
            await world.subscriber.update_subscription(
                subscription=subscription,
                update_mask={"paths": ["filter"]},  # type: ignore[arg-type]
            )


class TestPush:
    async def test_the_configuration_is_stored_and_its_messages_cannot_be_pulled(self, world: World) -> None:
        """[PROTO] PushConfig.push_endpoint; Subscriber.ModifyPushConfig with an empty one: pull again."""
        await world.both(push_config={"push_endpoint": "https://example.org/push"})
        await world.publish("a")
        got = await world.subscriber.get_subscription(subscription=SUBSCRIPTION)
        assert got.push_config.push_endpoint == "https://example.org/push"
        with refused("FAILED_PRECONDITION", "pushes nothing"):
            await world.pull()
        await world.subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config=types.PushConfig())
        assert await world.data() == ["a"]
        await world.subscriber.modify_push_config(
            subscription=SUBSCRIPTION, push_config=types.PushConfig(push_endpoint="https://example.org")
        )
        got = await world.subscriber.get_subscription(subscription=SUBSCRIPTION)
        assert got.push_config.push_endpoint == "https://example.org"

    @pytest.mark.parametrize(
        ("fields", "what"),
        [
            ({"bigquery_config": {"table": "p.d.t"}}, "export to BigQuery"),
            ({"cloud_storage_config": {"bucket": "b"}}, "export to Cloud Storage"),
        ],
    )
    async def test_what_the_stand_in_does_not_have_is_refused(
        self, world: World, fields: dict[str, Any], what: str
    ) -> None:
        """Not a fact about the service: what it could do and the stand-in cannot is said."""
        with refused("UNIMPLEMENTED", what):
            await world.both(**fields)
        with refused("NOT_FOUND"):
            await world.subscriber.get_subscription(subscription=SUBSCRIPTION)
        schema = {"schema": "projects/p/schemas/s"}
        with refused("UNIMPLEMENTED", "schemas"):
            await world.topic("projects/p/topics/other", schema_settings=schema)
        assert TOPIC in [one.name async for one in await world.publisher.list_topics(project="projects/p")]
