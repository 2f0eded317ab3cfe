"""The raw limit of a worker from Pub/Sub: one loop of Pull and Acknowledge, a batch at a time.

`fill` publishes tasks in batches and prints messages a second; `drain` pulls and acknowledges them all, and
prints messages a second.
"""

import asyncio
import json
import sys
import time

import grpc
from google.pubsub_v1 import (
    AcknowledgeRequest,
    PublisherAsyncClient,
    PublishRequest,
    PubsubMessage,
    PullRequest,
    PullResponse,
    SubscriberAsyncClient,
)
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

PUBLISHED_AT_ONCE = 500


async def fill(address: str, topic: str, count: int) -> None:
    """Publish."""
    async with grpc.aio.insecure_channel(address) as channel:
        client = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
        for start in range(0, count, PUBLISHED_AT_ONCE):
            numbers = range(start, min(start + PUBLISHED_AT_ONCE, count))
            messages = [PubsubMessage(data=body(number)) for number in numbers]
            await client.publish(PublishRequest(topic=topic, messages=messages))


def body(number: int) -> bytes:
    """One task."""
    return json.dumps({"task_id": f"task-{number:07d}", "data": {"n": number}}).encode()


async def drain(address: str, subscription: str, count: int, batch: int) -> None:
    """Pull and acknowledge."""
    async with grpc.aio.insecure_channel(address) as channel:
        client = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))
        done = 0
        while done < count:
            answer = await client.pull(PullRequest(subscription=subscription, max_messages=batch))
            # As protobuf has them: Google's wrapper around each message costs more than all the rest.
            ids = [message.ack_id for message in PullResponse.pb(answer).received_messages]
            if ids:
                await client.acknowledge(AcknowledgeRequest(subscription=subscription, ack_ids=ids))
            done += len(ids)


def main(what: str, address: str, name: str, count: int, batch: int) -> None:
    """Do one of the two, and print messages a second."""
    began = time.perf_counter()
    if what == "fill":
        asyncio.run(fill(address, name, count))
    else:
        asyncio.run(drain(address, name, count, batch))
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
