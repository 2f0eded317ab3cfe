"""The messages of one subscription, as far as the contracts ask for: leases, ack ids, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from google.pubsub_v1 import types

from cloud_tasks.interfaces import Clock

INVALID = "PERMANENT_FAILURE_INVALID_ACK_ID"


class Message:
    """One message, and its newest delivery."""

    def __init__(self, message_id: str, published: types.PubsubMessage) -> None:
        self.message_id = message_id
        self.published = published
        self.deliveries = 0
        self.ack_id = ""
        self.leased_until = 0.0


_Use: TypeAlias = Callable[[Message, float], None]


class Backlog:
    """What a subscription has not seen acked."""

    def __init__(self, subscription: types.Subscription, clock: Clock) -> None:
        self.subscription = subscription
        self._clock = clock
        self._messages: dict[str, Message] = {}
        self._by_ack_id: dict[str, Message] = {}

    def put(self, message_id: str, published: types.PubsubMessage) -> None:
        self._messages[message_id] = Message(message_id, published)

    def take(self, messages_max: int) -> list[types.ReceivedMessage]:
        now = self._clock.monotonic()
        waiting = [one for one in self._messages.values() if one.leased_until <= now]
        return [self._deliver(one, now) for one in waiting[:messages_max]]

    def acknowledge(self, ack_ids: Iterable[str]) -> dict[str, str]:
        return dict(self._refused(ack_ids, lambda one, _: self._forget(one)))

    def set_deadline(self, ack_ids: Iterable[str], seconds: int) -> dict[str, str]:
        def use(one: Message, now: float) -> None:
            one.leased_until = now + seconds

        return dict(self._refused(ack_ids, use))

    def clear(self) -> None:
        self._messages.clear()

    def _deliver(self, one: Message, now: float) -> types.ReceivedMessage:
        one.deliveries += 1
        one.ack_id = f"{one.message_id}-{one.deliveries}"
        one.leased_until = now + self.subscription.ack_deadline_seconds
        self._by_ack_id[one.ack_id] = one
        published = types.PubsubMessage(
            data=one.published.data, attributes=one.published.attributes, message_id=one.message_id
        )
        counts = bool(self.subscription.dead_letter_policy.dead_letter_topic)
        return types.ReceivedMessage(
            ack_id=one.ack_id, message=published, delivery_attempt=one.deliveries if counts else 0
        )

    def _refused(self, ack_ids: Iterable[str], use: _Use) -> Iterator[tuple[str, str]]:
        """Use the newest ack ids; with exactly-once delivery tell which are not, or too late."""
        now = self._clock.monotonic()
        strict = self.subscription.enable_exactly_once_delivery
        for ack_id in ack_ids:
            one = self._by_ack_id.get(ack_id)
            there = one is not None and one.message_id in self._messages and one.ack_id == ack_id
            if one is not None and there and (not strict or one.leased_until > now):
                use(one, now)
            elif strict:
                yield ack_id, INVALID

    def _forget(self, one: Message) -> None:
        del self._messages[one.message_id]
