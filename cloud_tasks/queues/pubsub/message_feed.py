"""`PubSubFeed`: reading an event queue."""

from __future__ import annotations

from cloud_tasks.core.arguments import check_receive
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock, FeedMessage
from cloud_tasks.queues.pubsub.ack_requests import AckRequests
from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.limits import ACK_IDS_MAX
from cloud_tasks.queues.pubsub.pulling import Puller


class PubSubFeed:
    """Takes messages and removes them. What is taken and not acked comes again after the ack deadline.

    Args:
        calls: The connection.
        subscription: Its full name.
        clock: Time.
    """

    def __init__(self, calls: Calls, subscription: str, clock: Clock) -> None:
        self._puller = Puller(calls, subscription, clock)
        self._requests = AckRequests(calls, subscription)

    async def receive(self, messages_max: int, wait_s: float) -> list[FeedMessage]:
        """Take up to `messages_max` messages; see `MessageFeed`."""
        check_receive(messages_max, wait_s)
        received = await self._puller.pull(messages_max, wait_s)
        return [FeedMessage(one.message.data, one.ack_id) for one in received]

    async def ack(self, messages: list[FeedMessage]) -> None:
        """Remove messages; see `MessageFeed`."""
        receipts = [one.receipt for one in messages]
        for start in range(0, len(receipts), ACK_IDS_MAX):
            part = receipts[start : start + ACK_IDS_MAX]
            refused = await self._requests.acknowledge(part)
            if len(refused) == len(part) and isinstance(error := refused[part[0]], QueueUnavailableError):
                raise error

    async def aclose(self) -> None:
        """Send whoever waits home."""
        self._puller.close()
