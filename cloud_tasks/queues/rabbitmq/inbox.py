"""`Inbox`: what the broker has handed to us of one queue, and how much more it may."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import math
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.queues.rabbitmq.failures import SILENCE, unavailable
from cloud_tasks.queues.rabbitmq.link import Link
from cloud_tasks.queues.rabbitmq.messages import Delivery
from cloud_tasks.queues.rabbitmq.settings import PREFETCH_MAX
from cloud_tasks.queues.rabbitmq.topology import Topology

T = TypeVar("T")

SETTLING_S = 0.1
"""How long is waited for room that what is being settled gives, before more is asked for."""


class Inbox:
    """A consumer whose prefetch follows what there is room for.

    The broker sends no more than the consumer has not settled, so a worker that settles one task gets one.
    Where that is too little, another consumer joins it. None is replaced: what a broker has meant for a
    consumer that is cancelled goes back to the queue, and counts there as a delivery.

    Args:
        link: The connection.
        topology: What has to be there.
        queue: The queue.
        ahead: How many messages more than there is room for may come.
        call_s: How long a call may take, in seconds.

    Attributes:
        came: Called when a message has come.
        news: Set when a message has come, or the connection is lost.
        is_stirred: Whether more may have been sent since the broker was last asked what it has left.
        lost: Called with the receipts of what was held when the connection was lost.
    """

    def __init__(
        self,
        link: Link,
        topology: Topology,
        queue: str,
        ahead: int,
        call_s: float,
    ) -> None:
        self._link = link
        self._topology = topology
        self._queue = queue
        self._ahead = ahead
        self._call_s = call_s
        self.came: Callable[[], None] = lambda: None
        self.lost: Callable[[frozenset[str]], None] = lambda _: None
        self._changing = asyncio.Lock()
        self._channel: Channel | None = None
        self._name = ""
        self._tags: set[str] = set()
        self._prefetch = self._step = 0
        self._waiting: deque[Delivery] = deque()
        self._held: dict[str, Delivery] = {}
        self._charged: set[str] = set()
        self._changes: set[asyncio.Future[bool]] = set()
        self._barriers: set[asyncio.Future[Any]] = set()
        self._freed = asyncio.Event()
        self.news = asyncio.Event()
        self.is_stirred = False

    @property
    def is_open(self) -> bool:
        """Whether messages may come."""
        channel = self._channel
        if channel is None or channel.is_closed or not self._tags:
            return False
        return self._tags <= channel.consumers.keys()

    @property
    def count_waiting(self) -> int:
        """How many have come and wait."""
        return len(self._waiting)

    def take(self, count_max: int) -> list[Delivery]:
        """Hold what has come."""
        taken: list[Delivery] = []
        while self._waiting and len(taken) < count_max:
            delivery = self._waiting.popleft()
            self._held[delivery.receipt] = delivery
            taken.append(delivery)
        return taken

    def held(self, receipt: str) -> Delivery:
        """What is held under a receipt.

        Raises:
            LeaseLostError: Nothing is: it was settled, or the connection was lost in between.
        """
        delivery = self._held.get(receipt)
        if delivery is None:
            raise LeaseLostError(f"receipt {receipt} of {self._queue} is out of date")
        return delivery

    async def make_room(self, room: int) -> bool:
        """See that so many more may come; returns whether messages may only now be on their way.

        Raises:
            QueueUnavailableError: Nobody could be asked.
        """
        if await self._has_room(room):
            return False
        change = asyncio.get_running_loop().create_task(self._change(room))
        self._changes.add(change)
        change.add_done_callback(self._ended)
        # Given up in the middle, nobody would know what the broker sends to whom.
        return await asyncio.shield(change)

    async def _has_room(self, room: int) -> bool:
        """Whether there is room, or comes with what is being settled now."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(SETTLING_S):
                while self.is_open and self._room() < room and self._charged:
                    self._freed.clear()
                    await self._freed.wait()
        return self.is_open and self._room() >= room

    async def _change(self, room: int) -> bool:
        async with self._changing:
            if self.is_open and self._room() >= room:
                return False
            await self._topology.need_queue(self._queue)
            try:
                with unavailable(self._link.where):
                    async with asyncio.timeout(self._call_s):
                        await self._open(room)
            except QueueUnavailableError:
                self._topology.forget()
                raise
        return True

    async def remove(self, deliveries: list[Delivery]) -> None:
        """Remove messages from the queue, and wait until the broker has heard it.

        Raises:
            QueueUnavailableError: Nobody knows whether it has.
        """
        channel = self._channel
        if channel is None:
            raise QueueUnavailableError(f"RabbitMQ at {self._link.where}: the connection was lost")
        with unavailable(self._link.where):
            # A second ack of one delivery would close the channel.
            new = [delivery for delivery in deliveries if not delivery.removed]
            for delivery in new:
                delivery.removed = True
            up_to, others = self._split(sorted(delivery.tag for delivery in new))
            if up_to:
                await channel.basic_ack(up_to, multiple=True, wait=False)
            for tag in others:
                await channel.basic_ack(tag, wait=False)
            self._charged.difference_update(delivery.receipt for delivery in new)
            self._freed.set()
            self.is_stirred = True
            await self._reach(channel)
        for delivery in deliveries:
            self._held.pop(delivery.receipt, None)
            self._charged.discard(delivery.receipt)

    async def count_left(self) -> int:
        """How many the broker has still for who wants some; what it sent before has come when this returns.

        Raises:
            QueueUnavailableError: Nobody could be asked.
        """
        channel = self._channel
        if channel is None:
            raise QueueUnavailableError(f"RabbitMQ at {self._link.where}: the connection was lost")
        self.is_stirred = False
        with unavailable(self._link.where):
            found = await self._answer(channel.queue_declare(self._queue, passive=True))
            await self._reach(channel)
        return found.message_count or 0

    async def _reach(self, channel: Channel) -> None:
        """The channel does one thing after the other: its answer says that it has done what was before."""
        await self._answer(channel.basic_qos(prefetch_count=self._step))

    async def _answer(self, call: Coroutine[Any, Any, T]) -> T:
        """What the broker says. A call that is given up would close the channel, and with it all leases."""
        barrier = asyncio.ensure_future(call)
        self._barriers.add(barrier)
        barrier.add_done_callback(self._ended)
        done, _ = await asyncio.wait({barrier}, timeout=self._call_s)
        if not done:
            raise QueueUnavailableError(f"RabbitMQ at {self._link.where}: no answer")
        return barrier.result()

    async def pause(self) -> list[Delivery]:
        """Let nothing more come; what waits is held from now on, to be handed back."""
        async with self._changing:
            await self._cancel()
        return self.take(len(self._waiting))

    async def aclose(self) -> None:
        """Let go; what is held goes back to the queue."""
        if self._changes:
            await asyncio.wait(self._changes)
        channel, self._channel = self._channel, None
        self._lost()
        if channel is not None and not channel.is_closed:
            with contextlib.suppress(*SILENCE, RuntimeError, asyncio.CancelledError):
                async with asyncio.timeout(self._call_s):
                    await channel.close()

    def _split(self, tags: list[int]) -> tuple[int, list[int]]:
        """The newest up to which nothing else is unsettled, so that one ack does; and those after it."""
        unsettled = [one.tag for one in (*self._held.values(), *self._waiting) if not one.removed]
        first = min(unsettled, default=math.inf)
        before = bisect.bisect_left(tags, first)
        return (tags[before - 1] if before else 0), tags[before:]

    def _room(self) -> int:
        return self._prefetch - len(self._charged) + len(self._waiting)

    async def _open(self, room: int) -> None:
        channel = self._channel
        if channel is None or channel.is_closed:
            channel = await self._link.channel()
            self._channel, self._name = channel, secrets.token_hex(6)
            channel.closing.add_done_callback(lambda _: self._lost_with(channel))
        if not self.is_open:
            await self._cancel()
        step = min(room - self._room() + self._ahead, PREFETCH_MAX - self._prefetch)
        if step < 1:
            return
        self._step = step
        await channel.basic_qos(prefetch_count=step)
        tag = f"{self._name}-{secrets.token_hex(4)}"
        self._tags.add(tag)
        self._prefetch += step
        self.is_stirred = True
        await channel.basic_consume(self._queue, self._take_in, consumer_tag=tag)

    async def _cancel(self) -> None:
        """What is still on its way comes before this returns."""
        tags, self._tags = self._tags, set()
        channel = self._channel
        if channel is not None and not channel.is_closed:
            for tag in tags & channel.consumers.keys():
                await channel.basic_cancel(tag, timeout=self._call_s)
        # What is held still is nothing that the next consumer would have to settle.
        self._prefetch = 0
        self._charged.clear()

    def _ended(self, call: asyncio.Future[Any]) -> None:
        self._changes.discard(call)
        self._barriers.discard(call)
        if not call.cancelled():
            call.exception()  # looked at here, so that nobody has to

    async def _take_in(self, message: DeliveredMessage) -> None:
        if message.channel is not self._channel:
            return  # it was on its way when the connection was lost, and is no longer ours
        delivery = Delivery(message, self._name)
        self._waiting.append(delivery)
        self.is_stirred = True
        if message.consumer_tag in self._tags:
            self._charged.add(delivery.receipt)
        self.news.set()
        self.came()

    def _lost_with(self, channel: Channel) -> None:
        if channel is self._channel:
            self._channel = None
            held = frozenset(self._held)
            self._lost()
            if held:
                self.lost(held)

    def _lost(self) -> None:
        """What was held is no longer ours: the broker gives it to somebody else."""
        self._tags.clear()
        self._prefetch = 0
        self._waiting.clear()
        self._held.clear()
        self._charged.clear()
        self._freed.set()
        self.news.set()
