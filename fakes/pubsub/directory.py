"""What is there by name, and for how long."""

from __future__ import annotations

from cloud_tasks.interfaces import Clock
from fakes.pubsub.errors import already_exists, not_found
from fakes.pubsub.subscription import Subscription
from fakes.pubsub.topic import Snapshot, Topic


class Directory:
    """Topics, subscriptions and snapshots, by their full names.

    Args:
        clock: For those that are forgotten after a while.

    Attributes:
        topics: The topics.
        subscriptions: The subscriptions; use `subscription` to get one.
        numbered: The same, by the numbers of their backlogs.
        snapshots: The snapshots; use `snapshot` to get one.
    """

    def __init__(self, clock: Clock) -> None:
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.numbered: dict[int, Subscription] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._clock = clock

    def topic(self, name: str) -> Topic:
        """The topic of a name.

        Raises:
            PubSubError: There is none.
        """
        if name not in self.topics:
            raise not_found(name)
        return self.topics[name]

    def add_topic(self, topic: Topic) -> Topic:
        """Keep a topic.

        Raises:
            PubSubError: There is one of its name.
        """
        if topic.name in self.topics:
            raise already_exists(topic.name)
        self.topics[topic.name] = topic
        return topic

    def delete_topic(self, name: str) -> None:
        """Forget a topic; its subscriptions keep what they have.

        Raises:
            PubSubError: There is none.
        """
        topic = self.topic(name)
        for subscription in topic.subscriptions.values():
            subscription.orphan()
        del self.topics[name]

    def subscription(self, name: str) -> Subscription:
        """The subscription of a name, which counts as used now.

        Raises:
            PubSubError: There is none.
        """
        subscription = self.subscriptions.get(name)
        if subscription is None or self._is_unused(subscription):
            self._forget(subscription)
            raise not_found(name)
        subscription.used_at_s = self._clock.monotonic()
        return subscription

    def add_subscription(self, subscription: Subscription) -> Subscription:
        """Keep a subscription.

        Raises:
            PubSubError: There is one of its name, or its topic is not there.
        """
        topic = self.topic(subscription.topic)
        self.drop_unused(topic)
        if subscription.name in self.subscriptions:
            raise already_exists(subscription.name)
        self.subscriptions[subscription.name] = topic.subscriptions[subscription.name] = subscription
        self.numbered[subscription.backlog.number] = subscription
        return subscription

    def delete_subscription(self, name: str) -> None:
        """Forget a subscription with its messages.

        Raises:
            PubSubError: There is none.
        """
        self._forget(self.subscription(name))

    def detach(self, name: str) -> None:
        """Cut a subscription off from its topic for good, and drop its messages.

        Raises:
            PubSubError: There is none.
        """
        subscription = self.subscription(name)
        if (topic := self.topics.get(subscription.topic)) is not None:
            topic.subscriptions.pop(name, None)
        subscription.config.detached = True
        subscription.backlog.clear()
        subscription.hang_up()

    def snapshot(self, name: str) -> Snapshot:
        """The snapshot of a name.

        Raises:
            PubSubError: There is none.
        """
        snapshot = self.snapshots.get(name)
        if snapshot is None or snapshot.expires_at_s <= self._clock.monotonic():
            self._forget_snapshot(snapshot)
            raise not_found(name)
        return snapshot

    def add_snapshot(self, snapshot: Snapshot) -> Snapshot:
        """Keep a snapshot.

        Raises:
            PubSubError: There is one of its name, or its topic is not there.
        """
        topic = self.topic(snapshot.topic)
        self.drop_unused(topic)
        if snapshot.name in self.snapshots:
            raise already_exists(snapshot.name)
        self.snapshots[snapshot.name] = topic.snapshots[snapshot.name] = snapshot
        return snapshot

    def delete_snapshot(self, name: str) -> None:
        """Forget a snapshot.

        Raises:
            PubSubError: There is none.
        """
        self._forget_snapshot(self.snapshot(name))

    def drop_unused(self, topic: Topic | None = None) -> None:
        """Forget what nobody used for too long, of one topic or of all."""
        subscriptions = self.subscriptions if topic is None else topic.subscriptions
        for subscription in list(subscriptions.values()):
            if self._is_unused(subscription):
                self._forget(subscription)
        now = self._clock.monotonic()
        for snapshot in list((self if topic is None else topic).snapshots.values()):
            if snapshot.expires_at_s <= now:
                self._forget_snapshot(snapshot)

    def hang_up(self) -> None:
        """Send everybody home who waits."""
        for subscription in self.subscriptions.values():
            subscription.hang_up()

    def _is_unused(self, subscription: Subscription) -> bool:
        ttl_s = subscription.settings.ttl_s
        if ttl_s is None or subscription.streams:
            return False
        return self._clock.monotonic() - subscription.used_at_s >= ttl_s

    def _forget(self, subscription: Subscription | None) -> None:
        if subscription is None:
            return
        del self.subscriptions[subscription.name]
        del self.numbered[subscription.backlog.number]
        if (topic := self.topics.get(subscription.topic)) is not None:
            topic.subscriptions.pop(subscription.name, None)
        subscription.deleted = True
        subscription.backlog.clear()
        subscription.hang_up()

    def _forget_snapshot(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            return
        del self.snapshots[snapshot.name]
        if (topic := self.topics.get(snapshot.topic)) is not None:
            topic.snapshots.pop(snapshot.name, None)
