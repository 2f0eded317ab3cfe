"""A subscription: its messages, who waits for them, and how it is told to behave."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from cloud_tasks.interfaces import Clock
from fakes.long_poll import LongPoll
from fakes.pubsub.backlog import Backlog
from fakes.pubsub.holders import StreamHolder
from fakes.pubsub.message import Published
from fakes.pubsub.names import DELETED_TOPIC
from fakes.pubsub.settings import SubscriptionSettings
from fakes.pubsub.settling import Settling


class Subscription:
    """A subscription.

    Args:
        backlog: Its messages.
        config: It, as its owner set it: a `google.pubsub.v1.Subscription`.
        clock: For those who wait.

    Attributes:
        settling: Acks, nacks and extensions.
        streams: Those who pull by a stream.
        poll: Who waits for a message by a call.
        deleted: Whether it is gone.
        used_at_s: When somebody last asked for it, on the clock.
    """

    def __init__(self, backlog: Backlog, config: Any, clock: Clock) -> None:
        self.backlog = backlog
        self.settling = Settling(backlog)
        self.config = config
        self.streams: OrderedDict[int, StreamHolder] = OrderedDict()
        self.poll = LongPoll(clock)
        self.deleted = False
        self.used_at_s = clock.monotonic()

    @property
    def name(self) -> str:
        """Its full name."""
        return str(self.config.name)

    @property
    def settings(self) -> SubscriptionSettings:
        """How it behaves."""
        return self.backlog.settings

    @property
    def topic(self) -> str:
        """Full name of its topic, which may be gone."""
        return str(self.config.topic)

    @property
    def detached(self) -> bool:
        """Whether it was cut off from its topic for good."""
        return bool(self.config.detached)

    def orphan(self) -> None:
        """Its topic is gone."""
        self.config.topic = DELETED_TOPIC

    def accepts(self, published: Published) -> bool:
        """Whether it is about a message."""
        accepts = self.settings.accepts
        return accepts is None or accepts(published.content.attributes)

    def put(self, published: Published) -> None:
        """Take in a message, if it is about it."""
        if self.accepts(published):
            self.backlog.put(published)

    def stir(self) -> None:
        """Wake one who waits, by a call and by a stream each, if there is something."""
        if not self.backlog.has_ready():
            return
        self.poll.wake_one()
        for number, stream in self.streams.items():
            if stream.room():
                self.streams.move_to_end(number)
                stream.wake()
                break

    def open_stream(self, number: int, stream: StreamHolder) -> None:
        """Somebody pulls by a stream from now on."""
        self.streams[number] = stream
        stream.wake()

    def close_stream(self, number: int) -> None:
        """He does no longer."""
        self.streams.pop(number, None)
        self.stir()

    def hang_up(self) -> None:
        """Send everybody home who waits: what they wait for has changed, or the service ends."""
        self.poll.close()
        for stream in self.streams.values():
            stream.hang_up()
