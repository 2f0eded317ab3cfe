"""The dead letters of a queue at Pub/Sub: another queue, of which one can only see what one takes."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_tasks.interfaces import Clock, DeadLetter
from cloud_tasks.queues.pubsub.ack_requests import AckRequests
from cloud_tasks.queues.pubsub.limits import ACK_IDS_MAX, PULL_MESSAGES_MAX
from cloud_tasks.queues.pubsub.opening import OpenedQueue
from cloud_tasks.queues.pubsub.publishing import Publishing, message
from cloud_tasks.queues.pubsub.pulling import Puller, Received
from cloud_tasks.queues.pubsub.task_queue import REASON_ATTRIBUTE

LOOKED_MAX = 10_000
"""How many letters are looked through at most."""
WAIT_S = 1.0
"""How long to wait for another letter before there is taken to be none."""
MOVED_AFTER = "CloudPubSubDeadLetterSourceDeliveryCount"
"""What Pub/Sub adds to a message that it put aside by itself: how often it had been delivered."""


class PubSubDeadLetters:
    """Looks through them; see `DeadLetterBox`.

    What is looked at is hidden from others meanwhile, for ten minutes should we die, and handed back at the
    end. Of more than ten thousand only some are seen.

    Args:
        opened: The queue.
        clock: Time.
    """

    def __init__(self, opened: OpenedQueue, clock: Clock) -> None:
        self._opened = opened
        self._clock = clock

    async def oldest(self, letters_max: int) -> list[DeadLetter]:
        """The oldest of them; all are looked at for that."""
        taken = await self._take()
        await self._let_go(taken)
        return [self._letter(one) for one in taken[:letters_max]]

    async def find(self, key: str) -> DeadLetter | None:
        """One of them; all are looked at for that."""
        taken = await self._take()
        await self._let_go(taken)
        return next((self._letter(one) for one in taken if one.message.message_id == key), None)

    async def retry(self, keys: Sequence[str] | None) -> int:
        """Publish them to the topic of their queue, and then remove them here."""
        connection, subscription = await self._opened.made()
        publishing = Publishing(connection.calls, subscription.topic)
        return await self._remove(keys, publishing)

    async def purge(self, keys: Sequence[str] | None) -> int:
        """Remove them."""
        return await self._remove(keys, None)

    async def _remove(self, keys: Sequence[str] | None, publishing: Publishing | None) -> int:
        taken = await self._take()
        wanted = [one for one in taken if keys is None or one.message.message_id in keys]
        removed: set[str] = set()
        try:
            for start in range(0, len(wanted), ACK_IDS_MAX):
                part = wanted[start : start + ACK_IDS_MAX]
                if publishing is not None:
                    await publishing.publish([message(one.message.data) for one in part])
                ack_ids = [one.ack_id for one in part]
                refused = await (await self._requests()).acknowledge(ack_ids)
                removed.update(ack_id for ack_id in ack_ids if ack_id not in refused)
        finally:
            await self._let_go([one for one in taken if one.ack_id not in removed])
        return len(removed)

    async def _take(self) -> list[Received]:
        """Letters until none comes, the oldest first."""
        await self._opened.create_dead_letters()
        connection, _, dead = await self._opened.parts()
        puller = Puller(connection.calls, dead.subscription, self._clock)
        taken: dict[str, Received] = {}
        try:
            while len(taken) < LOOKED_MAX:
                more = await puller.pull(PULL_MESSAGES_MAX, WAIT_S)
                if not more:
                    break
                taken |= {one.message.message_id: one for one in more}
        except BaseException:  # boundary: handed back, and raised again
            await self._let_go(list(taken.values()))
            raise
        return sorted(taken.values(), key=_published)

    async def _let_go(self, letters: Sequence[Received]) -> None:
        requests = await self._requests()
        for start in range(0, len(letters), ACK_IDS_MAX):
            await requests.set_deadline([one.ack_id for one in letters[start : start + ACK_IDS_MAX]], 0)

    async def _requests(self) -> AckRequests:
        connection, _, dead = await self._opened.parts()
        return AckRequests(connection.calls, dead.subscription)

    def _letter(self, received: Received) -> DeadLetter:
        attributes = received.message.attributes
        moved_after = attributes.get(MOVED_AFTER, "")
        reason = attributes.get(REASON_ATTRIBUTE, "")
        return DeadLetter(
            key=received.message.message_id,
            queue=self._opened.settings.task_queue,
            body=received.message.data,
            reason=reason or (f"Pub/Sub delivered it {moved_after} times" if moved_after else ""),
            attempts=int(moved_after) if moved_after.isdecimal() else None,
            died_at=received.message.publish_time.ToJsonString(),
        )


def _published(received: Received) -> tuple[int, int]:
    moment = received.message.publish_time
    return moment.seconds, moment.nanos
