"""The batch requests of SQS, with an answer for each entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloud_tasks.errors import QueueError, QueueUnavailableError
from cloud_tasks.queues.gathering import Answers
from cloud_tasks.queues.sqs.calls import Answer, Calls
from cloud_tasks.queues.sqs.failures import of_entry


class Batches:
    """Batch requests to one queue.

    Args:
        calls: The connection.
        url: The queue's address.
    """

    def __init__(self, calls: Calls, url: str) -> None:
        self._calls = calls
        self._url = url

    async def delete(self, receipts: Sequence[str]) -> Answers:
        """Delete messages."""
        return await self._request("delete_message_batch", [{"ReceiptHandle": one} for one in receipts])

    async def set_visibility(self, wanted: Sequence[tuple[str, int]]) -> Answers:
        """Set the visibility timeouts of messages, in seconds from now."""
        entries = [{"ReceiptHandle": receipt, "VisibilityTimeout": seconds} for receipt, seconds in wanted]
        return await self._request("change_message_visibility_batch", entries)

    async def send(self, entries: Sequence[Mapping[str, Any]]) -> Answers:
        """Send messages: the members of each but its `Id`."""
        return await self._request("send_message_batch", entries)

    async def _request(self, operation: str, entries: Sequence[Mapping[str, Any]]) -> Answers:
        numbered = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
        return _answers(len(entries), await self._calls.call(operation, QueueUrl=self._url, Entries=numbered))


def _answers(count: int, answer: Answer) -> list[QueueError | None]:
    """What became of each entry; of one that the answer does not name nothing is known, and nothing good."""
    ends: list[QueueError | None] = [
        QueueUnavailableError("the answer does not say what became of it") for _ in range(count)
    ]
    for entry in answer.get("Successful", ()):
        ends[int(entry["Id"])] = None
    for entry in answer.get("Failed", ()):
        ends[int(entry["Id"])] = of_entry(entry)
    return ends
