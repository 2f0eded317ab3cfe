"""The model without a server: calls that wait for nothing."""

from __future__ import annotations

from typing import Any

from fakes.clock import VirtualClock
from fakes.pubsub import PubSubService
from fakes.pubsub.creating import create_subscription, create_topic
from fakes.pubsub.holders import Holder
from fakes.pubsub.message import Content, Entry

TOPIC = "projects/p/topics/topic"
SUBSCRIPTION = "projects/p/subscriptions/subscription"
DEAD = "projects/p/topics/dead"
DEAD_SUBSCRIPTION = "projects/p/subscriptions/dead"
POLICY = {"dead_letter_topic": DEAD, "max_delivery_attempts": 5}


class Got:
    """A delivery."""

    def __init__(self, entry: Entry) -> None:
        self.ack_id = entry.backlog.ack_id(entry)
        self.attempt = entry.backlog.delivery_attempt(entry)
        self.number = entry.published.number
        self.data = entry.published.content.data.decode()
        self.key = entry.key


class Model:
    """A topic with a subscription, and one for dead letters."""

    def __init__(self, **fields: Any) -> None:
        self.clock = VirtualClock()
        self.service = PubSubService(self.clock)
        for topic, name, more in ((DEAD, DEAD_SUBSCRIPTION, {}), (TOPIC, SUBSCRIPTION, fields)):
            create_topic(self.service, topic)
            create_subscription(self.service, name, topic, **more)

    def publish(self, *data: str, key: str = "") -> list[int]:
        contents = [Content(one.encode(), {}, key, len(one)) for one in data]
        return [one.number for one in self.service.publish(TOPIC, contents)]

    def take(self, count: int = 1000, name: str = SUBSCRIPTION, holder: Holder | None = None) -> list[Got]:
        subscription = self.service.consumable(name)
        return [Got(entry) for entry in self.service.take(subscription, count, holder or Holder())]

    def ack(self, *ack_ids: str) -> dict[str, str]:
        return self.service.ack(self.service.consumable(SUBSCRIPTION), ack_ids)

    def extend(self, seconds: float, *ack_ids: str) -> dict[str, str]:
        subscription = self.service.consumable(SUBSCRIPTION)
        return self.service.extend(subscription, [(one, seconds) for one in ack_ids])

    def nack(self, *ack_ids: str) -> dict[str, str]:
        return self.extend(0, *ack_ids)
