"""The stand-in for Pub/Sub through Google's clients: how fast, and few messages beside many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import grpc
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from benchmarks.measuring import Finding, at_least, at_most, interleaved, rate, stand_in

_TOPIC, _SUBSCRIPTION = "projects/p/topics/topic", "projects/p/subscriptions/subscription"
_MESSAGES = 20_000
_BATCH = 100
_PUBLISHED_AT_ONCE = 1_000
_DEPTHS = (100, 100_000)
_RUNS = 5
_LEVEL_MESSAGES = 2_000
_LEVEL_RUNS = 25
"""Many short turns, as the two are close to each other."""


def pubsub_stand_in(_scratch: Path) -> Iterator[Finding]:
    """Published all, then pulled and acknowledged all, by the asyncio clients."""
    with ExitStack() as stack:
        address = _Subscription(stack).address

        def bare(what: str, name: str) -> float:
            arguments = (what, address, name, str(_MESSAGES), str(_BATCH))
            return rate("benchmarks.programs.bare_pubsub", *arguments)

        seen = interleaved(
            {"published": partial(bare, "fill", _TOPIC), "pulled": partial(bare, "drain", _SUBSCRIPTION)},
            _RUNS,
        )
    both = 1 / sum(1 / value for value in seen.values())
    detail = ", ".join(f"{name} {value:,.0f}/s" for name, value in seen.items())
    yield at_least(
        f"messages through the Pub/Sub stand-in, pulled and acknowledged by {_BATCH}",
        both,
        10_000,
        "1/s",
        detail,
    )


def pubsub_depth(_scratch: Path) -> Iterator[Finding]:
    """A subscription that is always so deep."""
    with ExitStack() as stack:
        rates = {}
        for depth in _DEPTHS:
            one = _Subscription(stack)
            one.publish(depth)
            rates[str(depth)] = one.rate
        few, many = interleaved(rates, _LEVEL_RUNS).values()
    title = f"cost of a message, Pub/Sub stand-in {_DEPTHS[1]:,} / {_DEPTHS[0]} deep"
    yield at_most(title, few / many, 1.2, "ratio", f"{many:,.0f}/s and {few:,.0f}/s")


class _Subscription:
    """A topic and a subscription on a server of their own, and clients that wait for each answer."""

    def __init__(self, stack: ExitStack) -> None:
        self.address = stack.enter_context(stand_in("fakes.pubsub"))
        channel = stack.enter_context(grpc.insecure_channel(self.address))
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self._publisher.create_topic(name=_TOPIC)
        self._subscriber.create_subscription(name=_SUBSCRIPTION, topic=_TOPIC)

    def publish(self, count: int) -> None:
        for start in range(0, count, _PUBLISHED_AT_ONCE):
            numbers = range(start, min(start + _PUBLISHED_AT_ONCE, count))
            messages = [PubsubMessage(data=b"%d" % number) for number in numbers]
            self._publisher.publish(topic=_TOPIC, messages=messages)

    def rate(self) -> float:
        """Publish, pull and acknowledge, a batch at a time; messages a second."""
        began = time.perf_counter()
        for _ in range(0, _LEVEL_MESSAGES, _BATCH):
            self.publish(_BATCH)
            received = self._subscriber.pull(
                subscription=_SUBSCRIPTION, max_messages=_BATCH
            ).received_messages
            assert len(received) == _BATCH
            self._subscriber.acknowledge(subscription=_SUBSCRIPTION, ack_ids=[one.ack_id for one in received])
        return _LEVEL_MESSAGES / (time.perf_counter() - began)
