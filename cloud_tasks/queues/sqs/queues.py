"""The queues themselves: their addresses and attributes, making and deleting them."""

from __future__ import annotations

import json
from typing import Literal

from msgspec import Struct

from cloud_tasks.errors import NotYetError
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.failures import NO_QUEUE, CallFailedError
from cloud_tasks.queues.sqs.limits import whole_seconds
from cloud_tasks.queues.sqs.names import dead_letter_name, full_name, name_in_arn
from cloud_tasks.queues.sqs.settings import SqsSettings

Which = Literal["tasks", "events"]
LISTED_MAX = 1000
_TOO_SOON = "QueueDeletedRecently"
_ASK_AGAIN_S = 5.0


class Attributes(Struct, frozen=True, kw_only=True):
    """What a queue says of itself.

    Attributes:
        arn: Its name in policies.
        fifo: Whether it is a FIFO queue.
        dead_letter_arn: Where SQS puts what was delivered too often; "" where it does not.
        visible: Messages that can be received; approximate, as all counts are.
        in_flight: Messages that are leased.
        delayed: Messages that cannot be received yet.
    """

    arn: str
    fifo: bool
    dead_letter_arn: str
    visible: int
    in_flight: int
    delayed: int


class Queues:
    """Calls about queues.

    Args:
        calls: The connection.
        settings: Which queues.
    """

    def __init__(self, calls: Calls, settings: SqsSettings) -> None:
        self._calls = calls
        self._settings = settings

    def name(self, which: Which) -> str:
        """The full name of one of the two."""
        queue = self._settings.task_queue if which == "tasks" else self._settings.event_queue
        return full_name(queue or f"{self._settings.task_queue}-events", fifo=self._settings.exactly_once)

    def dead_letter_name(self) -> str:
        """The name of the queue for dead letters that is made with the task queue."""
        return dead_letter_name(self._settings.task_queue, fifo=self._settings.exactly_once)

    async def find(self, name: str) -> str | None:
        """The address of a queue; None if there is none."""
        try:
            answer = await self._calls.call("get_queue_url", QueueName=name)
        except CallFailedError as error:
            if error.code in NO_QUEUE:
                return None
            raise
        return str(answer["QueueUrl"])

    async def attributes(self, url: str) -> Attributes:
        """What a queue says of itself."""
        answer = await self._calls.call("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        said = answer.get("Attributes", {})
        policy = json.loads(said.get("RedrivePolicy", "{}"))
        return Attributes(
            arn=said.get("QueueArn", ""),
            fifo=said.get("FifoQueue") == "true",
            dead_letter_arn=policy.get("deadLetterTargetArn", ""),
            visible=int(said.get("ApproximateNumberOfMessages", 0)),
            in_flight=int(said.get("ApproximateNumberOfMessagesNotVisible", 0)),
            delayed=int(said.get("ApproximateNumberOfMessagesDelayed", 0)),
        )

    async def dead_letter_url(self, attributes: Attributes) -> str | None:
        """Where dead letters go: where the queue's redrive policy sends them, or the queue named for them."""
        arn = attributes.dead_letter_arn
        return await self.find(name_in_arn(arn) if arn else self.dead_letter_name())

    async def make_dead_letters(self) -> str:
        """The address of the queue for dead letters; made if there is none."""
        url = await self.find(self.name("tasks"))
        found = None if url is None else await self.dead_letter_url(await self.attributes(url))
        if found is not None:
            return found
        return await self._make(
            self.dead_letter_name(), {"MessageRetentionPeriod": str(self._settings.retention_s)}
        )

    async def names(self) -> list[str]:
        """The names of the queues that are there, sorted; a thousand at most."""
        answer = await self._calls.call("list_queues", MaxResults=LISTED_MAX)
        return sorted(str(url).rpartition("/")[2] for url in answer.get("QueueUrls", ()))

    async def names_if_allowed(self) -> list[str] | None:
        """As `names`, for a message about one that is not there; None where we may not ask."""
        try:
            return await self.names()
        except CallFailedError:
            return None

    async def create(self, which: Which) -> None:
        """Make a queue, and for tasks the queue for dead letters first; what exists stays as it is."""
        if await self.find(self.name(which)) is not None:
            return
        attributes = {"MessageRetentionPeriod": str(self._settings.retention_s)}
        if which == "tasks":
            dead_url = await self._make(self.dead_letter_name(), attributes)
            policy = {
                "deadLetterTargetArn": (await self.attributes(dead_url)).arn,
                "maxReceiveCount": self._settings.receives_max,
            }
            attributes |= {
                "RedrivePolicy": json.dumps(policy),
                "VisibilityTimeout": str(whole_seconds(self._settings.lease_s)),
            }
        await self._make(self.name(which), attributes)

    async def _make(self, name: str, attributes: dict[str, str]) -> str:
        if (url := await self.find(name)) is not None:
            return url
        if self._settings.exactly_once:
            attributes = {**attributes, "FifoQueue": "true"}
        try:
            answer = await self._calls.call("create_queue", QueueName=name, Attributes=attributes)
        except CallFailedError as error:
            if error.code == _TOO_SOON:
                raise NotYetError(f"SQS makes {name} again a minute after its end", _ASK_AGAIN_S) from error
            raise
        return str(answer["QueueUrl"])
