"""`SqsInspector`: looking at a queue, and managing it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.failures import NO_QUEUE, CallFailedError
from cloud_tasks.queues.sqs.limits import BATCH_MAX
from cloud_tasks.queues.sqs.queues import Queues, Which

PEEK_LEASE_S = 30
"""How long messages that are looked at are hidden, should we die before they are handed back."""
PEEK_WAIT_S = 1
"""How long is waited for the first message of a queue that seems to be empty."""
PURGING = "PurgeQueueInProgress"


class SqsInspector:
    """One queue, to be looked at and managed.

    Args:
        calls: The connection.
        queues: Calls about queues.
        which: Which of the two.
    """

    def __init__(self, calls: Calls, queues: Queues, which: Which) -> None:
        self._calls = calls
        self._queues = queues
        self._which: Which = which

    async def depth(self) -> Mapping[str, int]:
        """Number of messages: "visible", "in_flight", "delayed", and "dead" where there is a place for those.

        SQS counts approximately, and may be some seconds late.
        """
        attributes = await self._queues.attributes(await self._url())
        counts = {
            "visible": attributes.visible,
            "in_flight": attributes.in_flight,
            "delayed": attributes.delayed,
        }
        if self._which == "tasks" and (dead := await self._queues.dead_letter_url(attributes)) is not None:
            counts["dead"] = (await self._queues.attributes(dead)).visible
        return counts

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at some messages: they are taken and handed back, which counts as a delivery of each."""
        check_positive("tasks_max", tasks_max)
        url = await self._url()
        taken: list[tuple[str, str]] = []
        try:
            while len(taken) < tasks_max:
                # A short poll asks some of the servers only, which is good enough after the first.
                wait_s = 0 if taken else PEEK_WAIT_S
                more = await self._take(url, min(tasks_max - len(taken), BATCH_MAX), wait_s)
                taken += more
                if not more:
                    break
        finally:
            await self._hand_back(url, [receipt for receipt, _ in taken])
        bodies = [body.encode("utf-8", "surrogatepass") for _, body in taken]
        tasks = ((body, decode_task(body)) for body in bodies)
        return [task if isinstance(task, Task) else body for body, task in tasks]

    async def purge(self) -> None:
        """Remove every message; takes up to a minute at SQS. One purge a minute is possible."""
        try:
            await self._calls.call("purge_queue", QueueUrl=await self._url())
        except CallFailedError as error:
            if error.code != PURGING:
                raise

    async def create(self) -> None:
        """Create the queue, and for tasks the place for dead letters; what exists stays."""
        await self._queues.create(self._which)

    async def delete(self) -> None:
        """Delete the queue; the dead letters stay. SQS lets no queue of that name be made for a minute."""
        url = await self._queues.find(self._queues.name(self._which))
        if url is None:
            return
        try:
            await self._calls.call("delete_queue", QueueUrl=url)
        except CallFailedError as error:
            if error.code not in NO_QUEUE:
                raise

    async def _url(self) -> str:
        name = self._queues.name(self._which)
        url = await self._queues.find(name)
        if url is None:
            raise QueueUnavailableError(f"there is no queue {name}")
        return url

    async def _take(self, url: str, messages_max: int, wait_s: int) -> list[tuple[str, str]]:
        answer = await self._calls.poll(
            QueueUrl=url,
            MaxNumberOfMessages=messages_max,
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=PEEK_LEASE_S,
        )
        return [(one["ReceiptHandle"], one.get("Body", "")) for one in answer.get("Messages", ())]

    async def _hand_back(self, url: str, receipts: list[str]) -> None:
        batches = Batches(self._calls, url)
        for start in range(0, len(receipts), BATCH_MAX):
            wanted = [(receipt, 0) for receipt in receipts[start : start + BATCH_MAX]]
            with contextlib.suppress(CallFailedError):  # they come back by themselves, only later
                await batches.set_visibility(wanted)
