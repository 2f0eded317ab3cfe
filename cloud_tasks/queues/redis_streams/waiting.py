"""`Watch`: one call that waits for tasks, shared by everybody who waits for the queue."""

from __future__ import annotations

import asyncio
import contextlib

from msgspec import Struct

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.redis_streams.connection import BLOCK_S_MAX, Connection
from cloud_tasks.queues.redis_streams.keys import QueueKeys


class Nothing(Struct, frozen=True):
    """What the receive script says when there is no task.

    Attributes:
        due_at: When the next one that is hidden is due, on the clock; None: there is none.
        last_id: Last id in the stream.
        wake_id: Last id in the stream that tells waiting workers to look again.
    """

    due_at: float | None
    last_id: bytes
    wake_id: bytes


class Watch:
    """Waits for what may be new after the script said that there was nothing.

    The call goes on when those who wait have gone: giving it up would cost a connection. Who comes later
    joins it; what has changed since it began ends it at once, so nothing is missed.

    Args:
        connection: The server.
        keys: The queue.
        clock: Time.
    """

    def __init__(self, connection: Connection, keys: QueueKeys, clock: Clock) -> None:
        self._clock = clock
        self._connection = connection
        self._keys = keys
        self._call: asyncio.Task[None] | None = None

    async def wait(self, nothing: Nothing, wait_s: float) -> None:
        """Return when there may be a task, or after `wait_s`.

        Raises:
            QueueUnavailableError: Nobody could be asked.
        """
        if self._call is None:
            self._call = asyncio.get_running_loop().create_task(self._ask(nothing))
            self._call.add_done_callback(self._ended)
        call = self._call
        done, _ = await asyncio.wait({call}, timeout=wait_s)
        if done and not call.cancelled():
            call.result()

    async def aclose(self) -> None:
        """Send everybody home."""
        call = self._call
        if call is not None:
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError, QueueUnavailableError):
                await call

    async def _ask(self, nothing: Nothing) -> None:
        block_s = BLOCK_S_MAX
        if nothing.due_at is not None:
            block_s = min(block_s, nothing.due_at - self._clock.monotonic())
        # A block of 0 ms would last for ever.
        await self._connection.wait(
            *(b"XREAD", b"COUNT", 1, b"BLOCK", max(0, int(block_s * 1000)) + 1),
            *(b"STREAMS", self._keys.stream, self._keys.wake, nothing.last_id, nothing.wake_id),
        )

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._call = None
        if not call.cancelled():
            call.exception()  # looked at here, so that nobody has to
