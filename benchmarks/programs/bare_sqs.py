"""The raw limit of a worker from SQS: one boto3 loop that receives ten and deletes ten.

`fill` puts messages of tasks into a queue; `feed` does so while others take them, and lets it hold at most
`DEPTH`; `drain` empties it; `depth` does all three, send, receive and delete, in a queue always so
deep. Each prints messages a second.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
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


class Bare:
    """One queue, and one client of it."""

    def __init__(self, url: str, queue: str) -> None:
        self._client = boto3.client(
            "sqs",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106 - a stand-in wants one, and looks at none
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._url = self._client.create_queue(QueueName=queue)["QueueUrl"]

    def fill(self, first: int, last: int) -> None:
        """Send messages with these numbers."""
        for start in range(first, last, BATCH):
            entries = list(bodies(start, min(start + BATCH, last)))
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            assert not answer.get("Failed")

    def feed(self, count: int, depth: int) -> None:
        """Send `count`, as room comes."""
        sent = 0
        while sent < count:
            room = max(0, min(depth - self._held(), count - sent))
            self.fill(sent, sent + room)
            sent += room
            time.sleep(LOOK_S)

    def drain(self, count: int) -> None:
        """Take `count`."""
        done = 0
        while done < count:
            done += self._take()

    def stay(self, count: int) -> None:
        """Send and take by turns."""
        done = 0
        while done < count:
            self.fill(done, done + BATCH)
            done += self._take()

    def _take(self) -> int:
        messages = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=BATCH, AttributeNames=["ApproximateReceiveCount"]
        ).get("Messages", [])
        if messages:
            entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages)
            ]
            answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            assert not answer.get("Failed")
        return len(messages)

    def _held(self) -> int:
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


def bodies(first: int, last: int) -> Iterator[SendMessageBatchRequestEntryTypeDef]:
    """Entries of a batch."""
    for number in range(first, last):
        task = {"task_id": f"task-{number:07d}", "data": {"n": number}}
        yield {"Id": str(number), "MessageBody": json.dumps(task)}


def main(what: str, url: str, queue: str, count: int, depth: int) -> None:
    """Do one of the four."""
    bare = Bare(url, queue)
    work: dict[str, Callable[[], None]] = {
        "fill": lambda: bare.fill(0, count),
        "feed": lambda: bare.feed(count, depth),
        "drain": lambda: bare.drain(count),
        "depth": lambda: bare.stay(count),
    }
    if what == "depth":
        bare.fill(0, depth)
    began = time.perf_counter()
    work[what]()
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
