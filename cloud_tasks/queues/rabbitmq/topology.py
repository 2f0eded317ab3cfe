"""Exchange and queues as they are made, if they are not there.

A queue `q` is a quorum queue of that name, bound to the exchange. Its dead letters are in `q.dead`. What
comes again after a delay waits in `q.delay.<milliseconds>`, whose messages go back to the exchange when that
time is over; the broker removes such a queue when it has not been used for a while.
"""

from __future__ import annotations

import math

from aiormq.abc import AbstractChannel, ArgumentsType
from aiormq.exceptions import ChannelNotFoundEntity

from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.rabbitmq.link import Link

STEPS = 20
"""Delays are made longer to one of so many in each power of ten (12 % each), so that there are few queues."""
DELAY_S_MAX = 30 * 86_400.0
UNUSED_MS = 600_000
"""A queue for delays is removed when nothing has come for so much longer than its delay."""
LIMITS_BY_ITSELF = (4, 0)
"""Since this version a quorum queue drops what was delivered 20 times, unless it is told not to."""
NO_LIMIT: ArgumentsType = {"x-delivery-limit": -1}
QUORUM: ArgumentsType = {"x-queue-type": "quorum"}


def dead_name(queue: str) -> str:
    """Where its dead letters are."""
    return f"{queue}.dead"


def delay_ms(delay_s: float) -> int:
    """The delay that there is a queue for: no shorter, and a little longer at most."""
    step = math.ceil(round(STEPS * math.log10(max(1.0, min(delay_s, DELAY_S_MAX) * 1000)), 6))
    return math.ceil(round(10 ** (step / STEPS), 6))


class Topology:
    """Makes what is not there, and remembers what is.

    Args:
        link: A connection.
        exchange: Name of the exchange.
        clock: Time.
    """

    def __init__(self, link: Link, exchange: str, clock: Clock) -> None:
        self._link = link
        self.exchange = exchange
        self._clock = clock
        self._there: set[str] = set()
        self._delays: dict[str, float] = {}

    def forget(self) -> None:
        """What was there may be gone."""
        self._there.clear()
        self._delays.clear()

    async def need_exchange(self) -> None:
        """See that the exchange is there."""
        async with self._link.borrowed() as channel:
            await channel.exchange_declare(self.exchange, exchange_type="direct", durable=True)

    async def need_queue(self, queue: str) -> None:
        """See that a queue is there, with exchange and dead letters."""
        if queue in self._there:
            return
        await self.need_exchange()
        await self._need(dead_name(queue))
        await self._need(queue)
        async with self._link.borrowed() as channel:
            await channel.queue_bind(queue, self.exchange, routing_key=queue)
        self._there.add(queue)

    async def need_delay(self, queue: str, milliseconds: int) -> str:
        """See that a queue for a delay is there; returns its name.

        It is declared again now and then: that tells the broker that it is in use.
        """
        name = f"{queue}.delay.{milliseconds}"
        now = self._clock.monotonic()
        if now - self._delays.get(name, -math.inf) < UNUSED_MS / 2000:
            return name
        async with self._link.borrowed() as channel:
            await channel.queue_declare(
                name,
                durable=True,
                arguments={
                    **QUORUM,
                    "x-message-ttl": milliseconds,
                    "x-expires": milliseconds + UNUSED_MS,
                    "x-dead-letter-exchange": self.exchange,
                    "x-dead-letter-routing-key": queue,
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
            )
        self._delays[name] = now
        return name

    async def _need(self, name: str) -> None:
        """What is there is taken as it is, whatever its arguments."""
        try:
            async with self._link.borrowed() as channel:
                await _look(channel, name)
        except _NotThereError:
            async with self._link.borrowed() as channel:
                limit = NO_LIMIT if self._link.version >= LIMITS_BY_ITSELF else {}
                await channel.queue_declare(name, durable=True, arguments={**QUORUM, **limit})


class _NotThereError(Exception):
    pass


async def _look(channel: AbstractChannel, name: str) -> None:
    try:
        await channel.queue_declare(name, passive=True)
    except ChannelNotFoundEntity:
        raise _NotThereError from None
