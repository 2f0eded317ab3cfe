"""`RabbitDeadLetters`: the dead letters of a queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiormq.abc import AbstractChannel

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.interfaces import DeadLetter
from cloud_tasks.queues.rabbitmq.inspector import is_nothing
from cloud_tasks.queues.rabbitmq.link import Link
from cloud_tasks.queues.rabbitmq.messages import Delivery, new_message
from cloud_tasks.queues.rabbitmq.publisher import Publisher
from cloud_tasks.queues.rabbitmq.topology import Topology, dead_name


class RabbitDeadLetters:
    """A queue of its own. To look at a message it has to be taken, and goes back to its place.

    While somebody looks, others do not see what that one has taken.

    Args:
        link: A connection.
        topology: What has to be there.
        publisher: Sends what is to be tried again.
        name: The queue that they come from.
    """

    def __init__(self, link: Link, topology: Topology, publisher: Publisher, name: str) -> None:
        self._link = link
        self._topology = topology
        self._publisher = publisher
        self._name = name

    async def oldest(self, letters_max: int) -> list[DeadLetter]:
        """The oldest, oldest first; see `DeadLetterBox`."""
        check_positive("letters_max", letters_max)
        letters: list[DeadLetter] = []
        async with self._looking() as (_, each):
            async for one in each:
                letters.append(self._letter(one))
                if len(letters) == letters_max:
                    break
        return letters

    async def find(self, key: str) -> DeadLetter | None:
        """One of them; looks at all that are older."""
        async with self._looking() as (_, each):
            async for one in each:
                if one.key == key:
                    return self._letter(one)
        return None

    async def retry(self, keys: Sequence[str] | None) -> int:
        """Put them back; see `DeadLetterBox`."""
        count = 0
        async with self._looking() as (channel, each):
            async for one in each:
                if keys is None or one.key in keys:
                    await self._publisher.send(self._name, [new_message(one.body)])
                    await channel.basic_ack(one.tag)
                    count += 1
        return count

    async def purge(self, keys: Sequence[str] | None) -> int:
        """Remove them for good; see `DeadLetterBox`."""
        if keys is None:
            await self._topology.need_queue(self._name)
            async with self._link.borrowed() as channel:
                return (await channel.queue_purge(dead_name(self._name))).message_count or 0
        count = 0
        async with self._looking() as (channel, each):
            async for one in each:
                if one.key in keys:
                    await channel.basic_ack(one.tag)
                    count += 1
        return count

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[tuple[AbstractChannel, AsyncIterator[Delivery]]]:
        await self._topology.need_queue(self._name)
        async with self._link.looking() as channel:
            yield channel, self._each(channel)

    async def _each(self, channel: AbstractChannel) -> AsyncIterator[Delivery]:
        """All that are there now; each once, as what was taken does not come again.

        A letter is taken before they are counted: it comes when the queue has got to it, and so has taken
        back what somebody else has just looked at. A count alone may be older than that.
        """
        name = dead_name(self._name)
        left = None
        while left != 0:
            message = await channel.basic_get(name, timeout=self._link.call_s)
            if is_nothing(message):
                return
            if left is None:
                found = await channel.queue_declare(name, passive=True, timeout=self._link.call_s)
                left = (found.message_count or 0) + 1
            yield Delivery(message, "")
            left -= 1

    def _letter(self, one: Delivery) -> DeadLetter:
        return DeadLetter(
            key=one.key,
            queue=self._name,
            body=one.body,
            reason=one.reason,
            attempts=one.died_after,
            died_at=one.at,
            history=one.history(),
        )
