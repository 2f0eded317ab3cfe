"""Who takes messages: a pull, or a stream with its flow control."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakes.pubsub.keyed_line import Key


class Holder:
    """One pull: it takes once, and whatever it is sent is outstanding until its leases end.

    Attributes:
        keys: The ordering keys that only this holder may be given more of, and that have more.
    """

    def __init__(self) -> None:
        self.keys: OrderedDict[str, Key] = OrderedDict()

    def room(self) -> bool:
        """Whether it may be sent one message more."""
        return True

    def took(self, size_bytes: int) -> None:
        """It was sent a message of this size."""

    def released(self, size_bytes: int) -> None:
        """One of its messages is no longer outstanding."""

    def wake(self) -> None:
        """There may be something for it."""


class StreamHolder(Holder):
    """A stream: it takes as long as less is outstanding than its limits.

    Args:
        messages_max: How many messages may be outstanding; 0 or less: any number.
        bytes_max: How many bytes; 0 or less: any number.

    Attributes:
        messages: How many messages are outstanding.
        size_bytes: How many bytes.
        hung_up: Whether the service wants to be rid of it.
    """

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        super().__init__()
        self.messages = 0
        self.size_bytes = 0
        self.hung_up = False
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._stirred = asyncio.Event()

    def room(self) -> bool:
        """See `Holder`."""
        return not (0 < self._messages_max <= self.messages or 0 < self._bytes_max <= self.size_bytes)

    def took(self, size_bytes: int) -> None:
        """See `Holder`."""
        self.messages += 1
        self.size_bytes += size_bytes

    def released(self, size_bytes: int) -> None:
        """See `Holder`."""
        self.messages -= 1
        self.size_bytes -= size_bytes
        self._stirred.set()

    def wake(self) -> None:
        """See `Holder`."""
        self._stirred.set()

    def hang_up(self) -> None:
        """Let it look again, and end."""
        self.hung_up = True
        self._stirred.set()

    async def wait(self) -> None:
        """Wait until there may be something to take, or room for it."""
        await self._stirred.wait()
        self._stirred.clear()
