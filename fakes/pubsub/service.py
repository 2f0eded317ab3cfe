"""The model of the service: topics, subscriptions and snapshots, and what goes from one to the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from cloud_tasks.interfaces import Clock
from fakes.deadlines import Deadlines
from fakes.pubsub.alarm import Alarm
from fakes.pubsub.backlog import Backlog
from fakes.pubsub.dead_letters import dead_letter
from fakes.pubsub.directory import Directory
from fakes.pubsub.errors import failed_precondition, unavailable
from fakes.pubsub.holders import Holder, StreamHolder
from fakes.pubsub.message import Content, Entry, Published
from fakes.pubsub.settings import SubscriptionSettings
from fakes.pubsub.subscription import Subscription
from fakes.pubsub.topic import Topic

PULL_WAIT_S = 90.0
"""How long a pull waits for a message before it is answered without one."""

PULL_MESSAGES_MAX = 1_000
PULL_BYTES_MAX = 10_000_000


class PubSubService:
    """A model of Pub/Sub, in memory and on any clock.

    Deterministic: the same calls at the same times give the same ids and the same order. Every call costs
    the same however many messages there are, but for a seek. Nothing happens between calls: each first
    catches up with what has become due, and while somebody waits, an alarm does.

    Args:
        clock: Leases, rests and retention end on its monotonic side; messages are dated by its other one.

    Attributes:
        directory: What is there, by name.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.directory = Directory(clock)
        self._timers: Deadlines[Entry] = Deadlines()
        self._numbers = itertools.count(1)
        self._backlogs = itertools.count(1)
        self._alarm = Alarm(clock, self.catch_up)

    # --- Topics and subscriptions

    def create_topic(self, config: Any, retention_s: float | None = None) -> Topic:
        """Make a topic.

        Args:
            config: A `google.pubsub.v1.Topic`.
            retention_s: How long it keeps what was published to it; None: not at all.

        Raises:
            PubSubError: There is one of that name.
        """
        return self.directory.add_topic(Topic(config, retention_s))

    def create_subscription(self, config: Any, settings: SubscriptionSettings) -> Subscription:
        """Make a subscription.

        Args:
            config: A `google.pubsub.v1.Subscription`.
            settings: How it behaves.

        Raises:
            PubSubError: There is one of that name, or its topic is not there.
        """
        backlog = Backlog(next(self._backlogs), settings, self._timers, self._bury)
        return self.directory.add_subscription(Subscription(backlog, config, self.clock))

    def publish(self, name: str, contents: Iterable[Content]) -> list[Published]:
        """Publish messages to a topic.

        Raises:
            PubSubError: It is not there.
        """
        self.catch_up()
        topic = self.directory.topic(name)
        now, utc = self.clock.monotonic(), self.clock.utc_now().timestamp()
        messages = [Published(next(self._numbers), content, now, utc) for content in contents]
        self.directory.drop_unused(topic)
        topic.publish(messages)
        return messages

    # --- Taking and settling

    async def pull(self, name: str, count: int, *, wait: bool = True) -> list[Entry]:
        """Lease up to `count` messages of a subscription, or wait for the first.

        Raises:
            PubSubError: The subscription is not there, or cannot be pulled from.
        """
        until = self.clock.monotonic() + PULL_WAIT_S
        while True:
            taken = self.take(self.consumable(name), count, Holder())
            if taken or not wait or self.clock.monotonic() >= until:
                return taken
            poll = self.consumable(name).poll
            with self._alarm.waiting(self._timers.next_moment()):
                goes_on = await poll.wait(until)
            if not goes_on:
                self.consumable(name)
                raise unavailable()

    def take(
        self, subscription: Subscription, count: int, holder: Holder, lease_s: float | None = None
    ) -> list[Entry]:
        """Lease up to `count` messages, if there are any."""
        self.catch_up()
        now = self.clock.monotonic()
        count = min(count, PULL_MESSAGES_MAX)
        taken = subscription.backlog.take(now, count, PULL_BYTES_MAX, holder, lease_s)
        self._after(subscription)
        return taken

    async def wait_for(self, stream: StreamHolder) -> None:
        """Wait until a stream may have something to take."""
        with self._alarm.waiting(self._timers.next_moment()):
            await stream.wait()

    def ack(self, subscription: Subscription, ack_ids: Iterable[str]) -> dict[str, str]:
        """Ack deliveries; returns which were refused, and why."""
        self.catch_up()
        refused = subscription.settling.ack(self.clock.monotonic(), ack_ids)
        self._after(subscription)
        return refused

    def extend(self, subscription: Subscription, ack_ids: Iterable[tuple[str, float]]) -> dict[str, str]:
        """Let leases end so many seconds from now, 0: at once; returns which were refused, and why."""
        self.catch_up()
        refused = subscription.settling.extend(self.clock.monotonic(), ack_ids)
        self._after(subscription)
        return refused

    def give_away(self, subscription: Subscription, ack_ids: Iterable[str]) -> None:
        """Let leased messages be taken by others too."""
        subscription.settling.give_away(ack_ids)
        self._after(subscription)

    def replay(self, subscription: Subscription, wanted: Iterable[Published]) -> None:
        """Let exactly these messages be unacked."""
        subscription.backlog.replay(
            self.clock.monotonic(), [one for one in wanted if subscription.accepts(one)]
        )
        self._after(subscription)

    def consumable(self, name: str) -> Subscription:
        """A subscription that messages can be pulled from.

        Raises:
            PubSubError: It is not there, is detached, or has its messages pushed.
        """
        subscription = self.directory.subscription(name)
        if subscription.detached:
            raise failed_precondition("The subscription is detached from its topic.")
        if subscription.settings.pushes:
            raise failed_precondition(
                "The subscription has a push configuration, so that its messages cannot be pulled; "
                "this stand-in pushes nothing."
            )
        return subscription

    # --- Time

    def catch_up(self) -> None:
        """Carry out what has become due, in order of time."""
        now = self.clock.monotonic()
        stirred: dict[int, Subscription] = {}
        while (moment := self._timers.next_moment()) is not None and moment <= now:
            entry = self._timers.pop_due(now)
            if entry is not None:
                entry.backlog.due(entry, moment)
                stirred[entry.backlog.number] = self.directory.numbered[entry.backlog.number]
        for subscription in stirred.values():
            subscription.stir()
        self._alarm.expect(self._timers.next_moment())

    def close(self) -> None:
        """Send everybody home who waits."""
        self.directory.hang_up()

    def _after(self, subscription: Subscription) -> None:
        """Wake who may have something to do now, and see to it that the others wake in time."""
        subscription.stir()
        self._alarm.expect(self._timers.next_moment())

    def _bury(self, backlog: Backlog, entry: Entry) -> bool:
        """Publish a message to the dead-letter topic; returns whether there is one."""
        source, policy = self.directory.numbered[backlog.number], backlog.settings.dead_letters
        topic = None if policy is None else self.directory.topics.get(policy.topic)
        if topic is None:
            return False
        now, utc = self.clock.monotonic(), self.clock.utc_now().timestamp()
        topic.publish([Published(next(self._numbers), dead_letter(source, entry), now, utc)])
        return True
