"""`Owner`: who made the queues, and looks at them without a network in between."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, NoReturn

from botocore.awsrequest import AWSResponse

from cloud_tasks.queues.sqs.calls import Answer, Calls
from cloud_tasks.queues.sqs.queues import Queues
from cloud_tasks.queues.sqs.settings import SqsSettings
from simulation.backends.sqs.client import make_client
from simulation.backends.sqs.exchange import request_of, response_of
from simulation.backends.sqs.servers import Server

_PAGE = 10
_COUNTS = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}


class Owner:
    """Calls that are answered at once.

    Args:
        server: Who answers.
        settings: Which queues.
    """

    def __init__(self, server: Server, settings: SqsSettings) -> None:
        self._server = server
        self._client: Any = make_client(self)
        self._queues = Queues(Calls(self._client, lambda _name, _count: _AtOnce()), settings)

    @property
    def queues(self) -> Queues:
        """The adapter's own calls about queues."""
        return self._queues

    def send_message(self, url: str, body: bytes, number: int, *, fifo: bool) -> str:
        """Send a message, which has a group of its own; returns its id."""
        members = {"MessageGroupId": str(number), "MessageDeduplicationId": str(number)} if fifo else {}
        answer = self._client.send_message(QueueUrl=url, MessageBody=body.decode(), **members)
        return str(answer["MessageId"])

    def show(self, url: str, receipt: str) -> None:
        """Let a leased message be taken by others."""
        self._client.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def counts(self, url: str) -> dict[str, int]:
        """How many messages of a queue are "visible", "in_flight" and "delayed"."""
        answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))
        return {name: int(answer["Attributes"][attribute]) for attribute, name in _COUNTS.items()}

    def bodies(self, url: str) -> list[bytes]:
        """What the messages of a queue hold; they are gone from sight after that."""
        found: list[bytes] = []
        while True:
            answer = self._client.receive_message(QueueUrl=url, MaxNumberOfMessages=_PAGE)
            messages = answer.get("Messages", ())
            if not messages:
                return found
            found += [message["Body"].encode() for message in messages]

    # -- what the client stands on -----------------------------------------------------------------------

    def send(self, request: Any) -> AWSResponse:
        """See `Underneath`."""
        asked = request_of(request)
        return response_of(asked, self._server.answer(asked))

    def has_retried(self, attempt: int) -> bool:
        """See `Underneath`."""
        return False

    def pause(self, seconds: float) -> NoReturn:
        """See `Underneath`."""
        raise AssertionError("the service fails where nothing is made to fail")

    def linger(self, seconds: float) -> None:
        """See `Underneath`."""

    def share(self) -> float:
        """See `Underneath`."""
        return 0.5


class _AtOnce:
    """Calls that are made on the spot."""

    def submit(self, function: partial[Answer]) -> asyncio.Future[Answer]:
        """See `Blocking`."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            answer.set_result(function())
        except Exception as error:  # noqa: BLE001 - boundary: raised again where it is awaited
            answer.set_exception(error)
        return answer

    def close(self) -> None:
        """See `Blocking`."""
