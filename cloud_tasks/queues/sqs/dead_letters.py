"""The dead letters of a queue of SQS: another queue, of which one can only see what one takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import DeadLetter
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.limits import BATCH_MAX
from cloud_tasks.queues.sqs.opening import OpenedQueue
from cloud_tasks.queues.sqs.task_queue import REASON_ATTRIBUTE

LOOK_LEASE_S = 60
"""How long letters are hidden while somebody looks at them, should we die before they are handed back."""
LOOKED_MAX = 100_000
_WAIT_S = 1


class SqsDeadLetters:
    """Looks through them, in no particular order; see `DeadLetterBox`.

    No queue is made for who looks, who needs no right to make one.

    What is looked at is hidden from others meanwhile, and handed back at the end.

    Args:
        opened: The queue.
        queue: Its name.
    """

    def __init__(self, opened: OpenedQueue, queue: str) -> None:
        self._opened = opened
        self._queue = queue

    async def oldest(self, letters_max: int) -> list[DeadLetter]:
        """Some of them: SQS keeps no order."""
        letters: list[DeadLetter] = []
        async for messages in self._look(min(letters_max, LOOKED_MAX)):
            letters += [self._letter(message) for message in messages]
        return letters

    async def find(self, key: str) -> DeadLetter | None:
        """One of them; all are looked at for that."""
        found: DeadLetter | None = None
        async for messages in self._look(LOOKED_MAX):
            found = found or next((self._letter(one) for one in messages if one["MessageId"] == key), None)
        return found

    async def retry(self, keys: Sequence[str] | None) -> int:
        """Send them to their queue, and then remove them here."""
        connection, url, dead_url = await self._opened.existing()
        return await self._remove(keys, connection.calls, dead_url, to_url=url)

    async def purge(self, keys: Sequence[str] | None) -> int:
        """Remove them."""
        connection, _, dead_url = await self._opened.existing()
        return await self._remove(keys, connection.calls, dead_url, to_url=None)

    async def _remove(
        self, keys: Sequence[str] | None, calls: Calls, dead_url: str | None, *, to_url: str | None
    ) -> int:
        if dead_url is None:
            return 0
        removed = 0
        batches = Batches(calls, dead_url)
        async for messages in self._look(LOOKED_MAX):
            wanted = [one for one in messages if keys is None or one["MessageId"] in keys]
            for message in wanted if to_url else ():
                await calls.call("send_message", QueueUrl=to_url, MessageBody=_as_new(message["Body"]))
            answers = await batches.delete([one["ReceiptHandle"] for one in wanted]) if wanted else ()
            removed += sum(error is None for error in answers)
        return removed

    async def _look(self, messages_max: int) -> AsyncIterator[list[dict[str, Any]]]:
        """Take letters, batch after batch, until none comes; hand back those that are still there."""
        connection, _, dead_url = await self._opened.existing()
        if dead_url is None:
            return
        taken: list[str] = []
        try:
            while len(taken) < messages_max:
                answer = await connection.calls.poll(
                    QueueUrl=dead_url,
                    MaxNumberOfMessages=min(messages_max - len(taken), BATCH_MAX),
                    WaitTimeSeconds=_WAIT_S,
                    VisibilityTimeout=LOOK_LEASE_S,
                    AttributeNames=["All"],
                    MessageAttributeNames=[REASON_ATTRIBUTE],
                )
                messages = answer.get("Messages", [])
                if not messages:
                    return
                taken += [one["ReceiptHandle"] for one in messages]
                yield messages
        finally:
            batches = Batches(connection.calls, dead_url)
            for start in range(0, len(taken), BATCH_MAX):
                # What was removed meanwhile is refused, each by itself, and that is as it should be.
                await batches.set_visibility([(receipt, 0) for receipt in taken[start : start + BATCH_MAX]])

    def _letter(self, message: Mapping[str, Any]) -> DeadLetter:
        reason = message.get("MessageAttributes", {}).get(REASON_ATTRIBUTE, {}).get("StringValue", "")
        return DeadLetter(
            key=message["MessageId"],
            queue=self._queue,
            body=message.get("Body", "").encode("utf-8", "surrogatepass"),
            reason=reason,
        )


def _as_new(body: str) -> str:
    """The message without what was said about its delay; one that is no task stays as it is."""
    task = decode_task(body.encode("utf-8", "surrogatepass"))
    return encode_task(task).decode() if isinstance(task, Task) else body
