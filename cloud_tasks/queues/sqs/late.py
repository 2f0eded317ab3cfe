"""Queues by name, opened when they are first used; and tasks that come later than SQS can delay them.

SQS delays a new message by a quarter of an hour at most. One that is to come later carries when, and how
often it will be delivered before: who receives it too early hides it again, for twelve hours at most, and no
attempt is counted for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.core.arguments import check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Task
from cloud_tasks.errors import QueueError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.batching import body_of
from cloud_tasks.queues.delays import check_delay
from cloud_tasks.queues.opened_late import QueueOpenedLate
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.leases import SqsLease
from cloud_tasks.queues.sqs.limits import LATE_S_MAX, LEASE_S_MAX, SEND_DELAY_S_MAX
from cloud_tasks.queues.sqs.opening import OpenedQueue
from cloud_tasks.queues.sqs.sender import SqsSender
from cloud_tasks.queues.sqs.task_queue import QueueFacts, SqsQueue, capabilities_of

_MARK = '"not_before"'
_HIDE_S_MAX = LEASE_S_MAX - 60
_SLACK_S = 1.0
"""Clocks differ by a little, and SQS hides by whole seconds."""


class _Late(Struct):
    not_before: float = 0.0
    early_deliveries: int = 0


_decode = msgspec.json.Decoder(_Late).decode


class LateSender:
    """Produces tasks for a queue that is opened when the first is sent."""

    def __init__(self, opened: OpenedQueue, clock: Clock) -> None:
        """Nothing is asked yet."""
        self._opened = opened
        self._clock = clock
        self._sender: SqsSender | None = None

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue, also with a delay that SQS does not know; see `TaskSender`.

        Raises:
            ValueError: The delay is longer than the queue would keep the task.
        """
        check_delay(delay_s, LATE_S_MAX, "SQS")
        sender = await self._open()
        if delay_s <= SEND_DELAY_S_MAX:
            await sender.send(task, delay_s)
        else:
            await sender.send_body(task, self._late_body(task, delay_s), SEND_DELAY_S_MAX)

    def _late_body(self, task: Task, delay_s: float) -> bytes:
        """The message with when it is to be run."""
        body = body_of(task)
        early = math.ceil((delay_s - SEND_DELAY_S_MAX) / _HIDE_S_MAX)
        late = _Late(self._clock.utc_now().timestamp() + delay_s, early)
        return body[:-1] + b"," + msgspec.json.encode(late)[1:]

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in; see `TaskSender`."""
        await (await self._open()).send_many(tasks)

    async def _open(self) -> SqsSender:
        if self._sender is None:
            connection, url, _ = await self._opened.addresses()
            self._sender = SqsSender(Batches(connection.calls, url), fifo=False)
        return self._sender


class LateQueue(QueueOpenedLate[SqsQueue]):
    """Takes tasks from a queue that is opened with the first receive; see `TaskQueue`."""

    def __init__(self, opened: OpenedQueue, lease_s: float, clock: Clock) -> None:
        """Nothing is asked yet."""
        super().__init__()
        self._opened = opened
        self._lease_s = lease_s
        self._clock = clock

    @property
    def capabilities(self) -> QueueCapabilities:
        """As of any queue of SQS with a place for dead letters."""
        return capabilities_of(self._lease_s, dead_letters=True)

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; those that are too early are hidden again."""
        check_receive(tasks_max, wait_s)
        if self._closed:
            return []
        queue = await self._open()
        leases = [self._in_time(lease) for lease in await queue.receive(tasks_max, wait_s)]
        early = [(lease, left_s) for lease, left_s in leases if left_s > 0]
        await asyncio.gather(*(_hide(queue, lease, left_s) for lease, left_s in early))
        return [lease for lease, left_s in leases if left_s <= 0]

    def _in_time(self, lease: Lease) -> tuple[Lease, float]:
        """The lease without its early deliveries, and for how long it is still too early."""
        if not isinstance(lease, SqsLease) or _MARK not in lease.delivery.body:
            return lease, 0.0
        try:
            late = _decode(lease.delivery.body.encode("utf-8", "surrogatepass"))
        except (msgspec.MsgspecError, ValueError):
            return lease, 0.0
        left_s = late.not_before - _SLACK_S - self._clock.utc_now().timestamp()
        others = (lease.delivery_count or 1) - 1 - lease.interruptions
        early = min(late.early_deliveries, max(others, 0))
        return replace(lease, interruptions=lease.interruptions + early), left_s

    async def _open(self) -> SqsQueue:
        async with self._opening:
            if self._queue is None:
                connection, url, dead_url = await self._opened.addresses()
                facts = QueueFacts(url=url, fifo=False, dead_letter_url=dead_url)
                self._queue = SqsQueue(connection.calls, facts, self._lease_s, self._clock)
            return self._queue


async def _hide(queue: SqsQueue, lease: Lease, left_s: float) -> None:
    """Hide what is too early; where that fails it comes again when its lease ends."""
    with contextlib.suppress(QueueError):
        await queue.nack(lease, min(left_s, _HIDE_S_MAX), HandBack.SKIPPED)
