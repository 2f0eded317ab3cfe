"""`Publisher`: sends messages, and knows when the broker has them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiormq.channel import Channel
from aiormq.exceptions import DeliveryError, PublishError

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.rabbitmq.failures import unavailable
from cloud_tasks.queues.rabbitmq.link import Link
from cloud_tasks.queues.rabbitmq.messages import Outgoing
from cloud_tasks.queues.rabbitmq.topology import Topology, dead_name, delay_ms

TRIES_MAX = 10
PAUSE_S = 0.1


class Publisher:
    """One channel with confirms, on a connection of its own.

    A broker that is short of memory stops reading from those who send; those who receive must go on.

    Args:
        link: The connection.
        topology: What has to be there.
        call_s: How long the broker may take to confirm, in seconds.
        clock: Time.
    """

    def __init__(self, link: Link, topology: Topology, call_s: float, clock: Clock) -> None:
        self._clock = clock
        self._link = link
        self._topology = topology
        self._call_s = call_s
        self._opening = asyncio.Lock()
        self._channel: Channel | None = None

    async def send(self, queue: str, messages: Sequence[Outgoing], delay_s: float = 0.0) -> None:
        """Put messages into a queue, to be taken when the delay is over.

        Raises:
            QueueUnavailableError: Nobody knows which of them were.
        """
        await self._topology.need_queue(queue)
        if delay_s:
            name = await self._topology.need_delay(queue, delay_ms(delay_s))
            await self._publish("", name, messages)
        else:
            await self._publish(self._topology.exchange, queue, messages)

    async def bury(self, queue: str, message: Outgoing) -> None:
        """Put a message among the dead letters of a queue."""
        await self._topology.need_queue(queue)
        await self._publish("", dead_name(queue), [message])

    async def _publish(self, exchange: str, key: str, messages: Sequence[Outgoing]) -> None:
        """Send until the broker has taken all of them.

        A queue that is being made, or whose leader changes, refuses for a moment what is sent to it.
        """
        for _ in range(TRIES_MAX):
            messages = await self._publish_once(exchange, key, messages)
            if not messages:
                return
            await self._clock.sleep_until(self._clock.monotonic() + PAUSE_S)
        raise QueueUnavailableError(f"RabbitMQ at {self._link.where}: the queue takes no messages")

    async def _publish_once(
        self, exchange: str, key: str, messages: Sequence[Outgoing]
    ) -> Sequence[Outgoing]:
        """Send; returns those that were refused."""
        channel = await self._opened()
        with unavailable(self._link.where):
            calls = [
                channel.basic_publish(
                    message.body,
                    exchange=exchange,
                    routing_key=key,
                    properties=message.properties(),
                    mandatory=True,
                    wait=False,
                )
                for message in messages
            ]
            async with asyncio.timeout(self._call_s):
                ends = await asyncio.gather(*calls, return_exceptions=True)
            self._look_at(ends)
        return [
            message for message, end in zip(messages, ends, strict=True) if isinstance(end, DeliveryError)
        ]

    def _look_at(self, ends: Sequence[object]) -> None:
        failures = [end for end in ends if isinstance(end, BaseException)]
        if any(isinstance(failure, PublishError) for failure in failures):
            self._topology.forget()
            raise QueueUnavailableError(f"RabbitMQ at {self._link.where}: the queue is gone")
        for failure in failures:
            if isinstance(failure, DeliveryError):
                continue  # refused, and known not to be there
            if isinstance(failure, asyncio.CancelledError):
                raise QueueUnavailableError(f"RabbitMQ at {self._link.where}: the connection was lost")
            raise failure

    async def _opened(self) -> Channel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._topology.forget()
                self._channel = await self._link.channel(confirms=True)
            return self._channel
