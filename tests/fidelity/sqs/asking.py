"""Asking a stand-in for SQS through boto3, in time that passes when it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from fakes.clock import VirtualClock
from fakes.faults import FaultPlan
from fakes.sqs.moto_server import mended_moto
from tests.sqs_servers import ThreadedSqs, client_of, serving

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType
    from types_boto3_sqs.type_defs import MessageTypeDef


T = TypeVar("T")


def refused(call: Callable[..., Any], **arguments: object) -> tuple[str, str]:
    """The code and the message of a refusal."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"not refused: {answer}")


class Sqs:
    """A service to be asked; every queue has the name `q` or `q.fifo` if no other is wanted.

    Attributes:
        boto: The client.
        advance: Lets time pass.
    """

    def __init__(self, boto: SQSClient, advance: Callable[[float], None]) -> None:
        self.boto = boto
        self.advance = advance

    def create(self, name: str = "q", **attributes: object) -> str:
        """Make a queue; returns its address."""
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", **attributes}
        given: Any = {key: str(value) for key, value in attributes.items()}
        return self.boto.create_queue(QueueName=name, Attributes=given)["QueueUrl"]

    def create_with_dead_letters(self, suffix: str = "", receives_max: int = 2) -> tuple[str, str]:
        """Make a queue and one for its dead letters; returns both addresses."""
        dead = self.create(f"dead{suffix}")
        arn = self.attribute(dead, "QueueArn")
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": receives_max})
        return self.create(f"q{suffix}", RedrivePolicy=policy), dead

    def send(self, url: str, *bodies: str, group: str = "") -> list[str]:
        """Send messages one by one, to a FIFO queue each with its body as de-duplication id."""
        members: dict[str, Any] = {"MessageGroupId": group} if group else {}
        sent = []
        for body in bodies:
            if group:
                members["MessageDeduplicationId"] = body
            sent.append(self.boto.send_message(QueueUrl=url, MessageBody=body, **members)["MessageId"])
        return sent

    def receive(self, url: str, count: int = 10, **options: Any) -> list[MessageTypeDef]:
        return self.boto.receive_message(QueueUrl=url, MaxNumberOfMessages=count, **options).get(
            "Messages", []
        )

    def bodies(self, url: str, count: int = 10, **options: Any) -> list[str]:
        return [message["Body"] for message in self.receive(url, count, **options)]

    def receive_one(self, url: str, **options: Any) -> MessageTypeDef:
        (message,) = self.receive(url, 1, **options)
        return message

    def delete(self, url: str, message: MessageTypeDef) -> None:
        self.boto.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def attribute(self, url: str, name: QueueAttributeNameType) -> str:
        return self.boto.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]


class WireSqs(Sqs):
    """Our own server, in virtual time.

    Attributes:
        server: The server.
    """

    def __init__(self, server: ThreadedSqs[VirtualClock]) -> None:
        self.server = server
        self._threads = ThreadPoolExecutor(4)
        super().__init__(client_of(server.url), lambda seconds: server.run(server.clock.run_for(seconds)))

    def long_poll(self, url: str, wait_s: int = 20, count: int = 10) -> Future[list[str]]:
        """Begin to wait for messages, and return when the service waits."""
        before = self.server.run(self.waiting(url))
        poll = self.begin(self.bodies, url, count, WaitTimeSeconds=wait_s)
        while self.server.run(self.waiting(url)) == before:
            assert not poll.done(), poll.result()
        return poll

    def begin(self, call: Callable[..., T], *arguments: Any, **options: Any) -> Future[T]:
        """Make a call in another thread."""
        return self._threads.submit(call, *arguments, **options)

    async def sleepers(self) -> int:
        """How many moments the service waits for."""
        return len(self.server.clock._sleepers)

    async def waiting(self, url: str) -> int:
        """How many wait for a message."""
        return len(self.server.service.queues.at(url).poll._waiters)

    def close(self) -> None:
        self.server.run(self._send_home())
        self._threads.shutdown()
        self.boto.close()

    async def _send_home(self) -> None:
        self.server.service.queues.close()


@contextmanager
def asking(plan: FaultPlan | None = None, **limits: int) -> Iterator[WireSqs]:
    with serving(VirtualClock(), plan, **limits) as server:
        sqs = WireSqs(server)
        yield sqs
        sqs.close()


@contextmanager
def asking_moto(**limits: int) -> Iterator[Sqs]:
    clock = VirtualClock()
    with mended_moto(clock, **limits):
        yield Sqs(client_of(None), clock.advance)
