"""The stand-in in virtual time, and the generated clients that talk to it."""

from __future__ import annotations

import asyncio
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from fakes.clock import VirtualClock
from fakes.faults import FaultInjector, FaultPlan, FaultRule
from fakes.pubsub.server import PubSubServer
from fakes.pubsub.service import PubSubService

TOPIC = "projects/p/topics/topic"
SUBSCRIPTION = "projects/p/subscriptions/subscription"


class Injector(FaultInjector):
    """Does what a plan says, and counts calls."""

    def __init__(self, clock: VirtualClock, rules: tuple[FaultRule, ...]) -> None:
        super().__init__(FaultPlan(0, rules), clock)
        self.calls: Counter[str] = Counter()

    def decide(self, operation: str) -> tuple[FaultRule, ...]:
        self.calls[operation] += 1
        return super().decide(operation)


class World:
    """A service with nothing in it, and words for what a test does there."""

    def __init__(self, server: PubSubServer, clock: VirtualClock, injector: Injector, channel: Any) -> None:
        self.server = server
        self.clock = clock
        self.injector = injector
        self.publisher = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
        self.subscriber = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))

    async def topic(self, name: str = TOPIC, **fields: Any) -> types.Topic:
        return await self.publisher.create_topic(types.Topic({"name": name, **fields}))

    async def subscription(
        self, name: str = SUBSCRIPTION, topic: str = TOPIC, **fields: Any
    ) -> types.Subscription:
        return await self.subscriber.create_subscription(
            types.Subscription({"name": name, "topic": topic, **fields})
        )

    async def both(self, **fields: Any) -> types.Subscription:
        """A topic and a subscription."""
        await self.topic()
        return await self.subscription(**fields)

    async def publish(
        self, *data: str, key: str = "", topic: str = TOPIC, attributes: Mapping[str, str] | None = None
    ) -> list[str]:
        messages = [
            types.PubsubMessage(data=one.encode(), ordering_key=key, attributes=attributes or {})
            for one in data
        ]
        return list((await self.publisher.publish(topic=topic, messages=messages)).message_ids)

    async def pull(
        self, count: int = 100, name: str = SUBSCRIPTION, *, wait: bool = False
    ) -> list[types.ReceivedMessage]:
        request = types.PullRequest(subscription=name, max_messages=count, return_immediately=not wait)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The return_immediately flag", DeprecationWarning)
            response = await self.subscriber.pull(request, retry=None, timeout=60.0)
        return list(response.received_messages)

    async def one(self, name: str = SUBSCRIPTION) -> types.ReceivedMessage:
        (received,) = await self.pull(1, name)
        return received

    async def data(self, count: int = 100, name: str = SUBSCRIPTION) -> list[str]:
        return [one.message.data.decode() for one in await self.pull(count, name)]

    async def ack(self, *received: types.ReceivedMessage | str, name: str = SUBSCRIPTION) -> None:
        await self.subscriber.acknowledge(subscription=name, ack_ids=ids_of(received), retry=None)

    async def extend(
        self, seconds: int, *received: types.ReceivedMessage | str, name: str = SUBSCRIPTION
    ) -> None:
        await self.subscriber.modify_ack_deadline(
            subscription=name, ack_ids=ids_of(received), ack_deadline_seconds=seconds, retry=None
        )

    async def nack(self, *received: types.ReceivedMessage | str, name: str = SUBSCRIPTION) -> None:
        await self.extend(0, *received, name=name)


def ids_of(received: tuple[types.ReceivedMessage | str, ...]) -> list[str]:
    return [one if isinstance(one, str) else one.ack_id for one in received]


def seconds_of(duration: Any) -> float:
    """A duration of the client's: its types say that it is another one."""
    return float(duration.total_seconds())


class Streaming:
    """A stream as the test sees it: what was asked is written by hand."""

    def __init__(self, call: Any, asked: asyncio.Queue[Any]) -> None:
        self._call = call
        self._asked = asked

    async def ask(self, **fields: Any) -> None:
        await self._asked.put(types.StreamingPullRequest(fields))

    async def end(self) -> None:
        await self._asked.put(None)

    async def next(self) -> types.StreamingPullResponse:
        response: types.StreamingPullResponse = await asyncio.wait_for(anext(self._call), 30.0)
        return response

    async def messages(self, count: int) -> list[types.ReceivedMessage]:
        """So many messages, with what comes before them passed over."""
        received: list[types.ReceivedMessage] = []
        while len(received) < count:
            received += (await self.next()).received_messages
        return received

    async def nothing(self) -> None:
        """Nothing comes for a moment of real time."""
        task = asyncio.ensure_future(anext(self._call))
        done, _ = await asyncio.wait({task}, timeout=0.1)
        assert not done, task.result()
        self._call = _resumed(task, self._call)


async def _resumed(first: asyncio.Future[Any], rest: Any) -> AsyncIterator[Any]:
    yield await first
    async for one in rest:
        yield one


@asynccontextmanager
async def streaming(world: World, **fields: Any) -> AsyncIterator[Streaming]:
    """A stream whose first request has these fields."""
    asked: asyncio.Queue[Any] = asyncio.Queue()

    async def requests() -> AsyncIterator[Any]:
        while (request := await asked.get()) is not None:
            yield request

    first = {"subscription": SUBSCRIPTION, "stream_ack_deadline_seconds": 10, **fields}
    await asked.put(types.StreamingPullRequest(first))
    call: Any = await world.subscriber.streaming_pull(requests=requests(), retry=None)
    stream = Streaming(aiter(call), asked)
    yield stream
    call.cancel()


@contextmanager
def refused(code: str, words: str = "") -> Iterator[pytest.ExceptionInfo[GoogleAPICallError]]:
    """The service refuses what is done here, with this code and these words."""
    with pytest.raises(GoogleAPICallError) as caught:
        yield caught
    assert caught.value.grpc_status_code is grpc.StatusCode[code], caught.value
    assert words in caught.value.message


@asynccontextmanager
async def a_world(*rules: FaultRule) -> AsyncIterator[World]:
    clock = VirtualClock()
    injector = Injector(clock, rules)
    async with (
        PubSubServer(PubSubService(clock), faults=injector) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        yield World(server, clock, injector, channel)
