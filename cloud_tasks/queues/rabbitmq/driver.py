"""`RabbitDriver`: the queues of one broker."""

from __future__ import annotations

from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed

from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.absence import away
from cloud_tasks.queues.rabbitmq.dead_letters import RabbitDeadLetters
from cloud_tasks.queues.rabbitmq.inbox import Inbox
from cloud_tasks.queues.rabbitmq.inspector import RabbitInspector
from cloud_tasks.queues.rabbitmq.link import Link, address_of
from cloud_tasks.queues.rabbitmq.names import checked
from cloud_tasks.queues.rabbitmq.problems import bad_exchange
from cloud_tasks.queues.rabbitmq.publisher import Publisher
from cloud_tasks.queues.rabbitmq.sender import RabbitSender
from cloud_tasks.queues.rabbitmq.settings import RabbitSettings
from cloud_tasks.queues.rabbitmq.task_queue import RabbitQueue
from cloud_tasks.queues.rabbitmq.topology import Topology


class RabbitDriver:
    """Queues in RabbitMQ; see `QueueDriver`.

    Belongs to the event loop of its first call.

    Args:
        settings: Which broker, and how it is used.
        clock: Time.

    Raises:
        ConfigurationError: The address is none.
    """

    def __init__(self, settings: RabbitSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        url = address_of(settings)
        self._receiving = Link(url, settings.call_s, has_flags=settings.has_flags)
        self._sending = Link(url, settings.call_s, has_flags=settings.has_flags)
        self._topology = Topology(self._receiving, settings.exchange_name, clock)
        self._publisher = Publisher(
            self._sending,
            Topology(self._sending, settings.exchange_name, clock),
            settings.call_s,
            clock,
        )
        self._names: set[str] = set()

    async def connect(self) -> None:
        """See that the broker and the exchange can be used; see `QueueDriver`."""
        try:
            await self._receiving.check()
        except QueueUnavailableError as error:
            raise away(error, "--rabbitmq-url", has_flags=self._settings.has_flags) from error
        try:
            await self._topology.need_exchange()
        except QueueUnavailableError as error:
            if not isinstance(error.__cause__, ChannelPreconditionFailed | ChannelAccessRefused):
                raise
            raise ConfigurationError(
                bad_exchange(self._settings.exchange_name, str(error), has_flags=self._settings.has_flags)
            ) from error

    async def disconnect(self) -> None:
        """Let go of connections, and so of all that is held; see `QueueDriver`."""
        await self._receiving.aclose()
        await self._sending.aclose()

    def tasks(self, queue: str, lease_s: float) -> RabbitQueue:
        """The queue for a worker. The length of a lease is the broker's matter, not ours."""
        self._names.add(checked(queue))
        inbox = Inbox(
            self._receiving, self._topology, queue, self._settings.prefetch_count - 1, self._settings.call_s
        )
        return RabbitQueue(inbox, self._publisher, queue, self._settings.held_s_max, self._clock)

    def sender(self, queue: str) -> RabbitSender:
        """The queue for a producer."""
        self._names.add(checked(queue))
        return RabbitSender(self._publisher, queue)

    def inspector(self, queue: str) -> RabbitInspector:
        """The queue, to be looked at and managed."""
        self._names.add(checked(queue))
        return RabbitInspector(self._receiving, self._topology, queue)

    def dead_letters(self, queue: str) -> RabbitDeadLetters:
        """The dead letters of the queue."""
        return RabbitDeadLetters(self._receiving, self._topology, self._publisher, checked(queue))

    async def queue_names(self) -> list[str]:
        """Names of the queues that this driver was asked for: the protocol cannot list them."""
        return sorted(self._names)
