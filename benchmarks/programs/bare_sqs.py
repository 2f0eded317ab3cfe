"""The raw limit of a worker from SQS: one boto3 loop that receives ten and deletes ten.

`fill` puts messages of tasks into a queue; `feed` does so while others take them, so that it never holds more
than `DEPTH`; `drain` empties it; `depth` does all three, send, receive and delete, in a queue that is always so
deep. Each prints messages a second.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeNameType
    from types_boto3_sqs.type_defs import (
        DeleteMessageBatchRequestEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

BATCH = 10
LOOK_S = 0.1
LOOK_S = 0.1


def main(what: str, url: str, queue: str, count: int, depth: int) -> None:
    """Do one of the four."""
    client = boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - a stand-in wants one, and looks at none
        config=Config(retries={"total_max_attempts": 1}),
    )
    address = client.create_queue(QueueName=queue)["QueueUrl"]

    def send(first: int, last: int) -> None:
        for start in range(first, last, BATCH):
            entries = list(bodies(start, min(start + BATCH, last)))
            answer = client.send_message_batch(QueueUrl=address, Entries=entries)
            assert not answer.get("Failed")

    def take() -> int:
        messages = client.receive_message(
            QueueUrl=address, MaxNumberOfMessages=BATCH, AttributeNames=["ApproximateReceiveCount"]
        ).get("Messages", [])
        if messages:
            entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages)
            ]
            assert not client.delete_message_batch(QueueUrl=address, Entries=entries).get("Failed")
        return len(messages)

    def held() -> int:
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        attributes = client.get_queue_attributes(QueueUrl=address, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def feed() -> None:
        sent = 0
        while sent < count:
            room = max(0, min(depth - held(), count - sent))
            send(sent, sent + room)
            sent += room
            time.sleep(LOOK_S)

    if what == "depth":
        send(0, depth)
    began = time.perf_counter()
    if what == "fill":
        send(0, count)
    elif what == "feed":
        feed()
    if what in ("fill", "feed"):
        print(count / (time.perf_counter() - began))
        return
    done = 0
    while done < count:
        if what == "depth":
            send(done, done + BATCH)
        done += take()
    print(count / (time.perf_counter() - began))


def bodies(first: int, last: int) -> Iterator[SendMessageBatchRequestEntryTypeDef]:
    """Entries of a batch."""
    for number in range(first, last):
        task = {"task_id": f"task-{number:07d}", "data": {"n": number}}
        yield {"Id": str(number), "MessageBody": json.dumps(task)}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
