"""`RabbitInspector`: looking at a queue, and managing it."""

from __future__ import annotations

from collections.abc import Mapping

from aiormq import spec
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Task
from cloud_tasks.queues.rabbitmq.link import Link
from cloud_tasks.queues.rabbitmq.topology import Topology, dead_name


class RabbitInspector:
    """One queue, to be looked at and managed.

    Args:
        link: A connection.
        topology: What has to be there.
        name: The queue.
    """

    def __init__(self, link: Link, topology: Topology, name: str) -> None:
        self._link = link
        self._topology = topology
        self._name = name

    async def depth(self) -> Mapping[str, int]:
        """Number of messages: "visible" and "dead".

        The protocol does not tell how many are held by workers, nor which delays there are.
        """
        return {
            "visible": await self._count(self._name),
            "dead": await self._count(dead_name(self._name)),
        }

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at some messages: they are taken and put back, which counts as a delivery of each."""
        check_positive("tasks_max", tasks_max)
        await self._topology.need_queue(self._name)
        bodies: list[bytes] = []
        async with self._link.looking() as channel:
            while len(bodies) < tasks_max:
                message = await channel.basic_get(self._name, timeout=self._link.call_s)
                if is_nothing(message):
                    break
                bodies.append(message.body)
        tasks = ((body, decode_task(body)) for body in bodies)
        return [task if isinstance(task, Task) else body for body, task in tasks]

    async def purge(self) -> None:
        """Remove every message that can be taken; not those that are held or delayed."""
        await self._topology.need_queue(self._name)
        async with self._link.borrowed() as channel:
            await channel.queue_purge(self._name)

    async def create(self) -> None:
        """Make the queue; see `QueueInspector`."""
        self._topology.forget()
        await self._topology.need_queue(self._name)

    async def delete(self) -> None:
        """Remove the queue and its dead letters; what waits for a delay to end is removed some time later."""
        self._topology.forget()
        for name in (self._name, dead_name(self._name)):
            async with self._link.borrowed() as channel:
                await channel.queue_delete(name)

    async def _count(self, name: str) -> int:
        async with self._link.borrowed() as channel:
            try:
                return (await channel.queue_declare(name, passive=True)).message_count or 0
            except ChannelNotFoundEntity:
                return 0


def is_nothing(message: DeliveredMessage) -> bool:
    """Whether a get found the queue empty."""
    return isinstance(message.delivery, spec.Basic.GetEmpty)
