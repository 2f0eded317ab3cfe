"""Messages on a channel of Redis. Nobody waits for it, and what nobody listens to is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from cloud_tasks.sinks.redis_server import RedisServer, open_client

WAITING_MAX = 10_000
"""Messages that are kept while the server does not take them; the oldest are dropped first."""
WAITING_BYTES_MAX = 16 * 1024 * 1024
"""Their size; with what is being sent it may be `BATCH_BYTES_MAX` more."""
BATCH_BYTES_MAX = 256 * 1024
"""What is sent at a time; it fits into a socket, so that closing one never has to wait for the server."""
_BATCH_MAX = 500
_CALL_S = 2.0
_PAUSE_S = 1.0
_HASTE_S = 0.1
_FLUSH_S = 1.0
_SCRIPT = "for at = 2, #ARGV do redis.call('PUBLISH', ARGV[1], ARGV[at]) end"
_TELLING_FAILURES = 2
"""One failure alone is a connection that had become useless while nothing happened."""


class RedisChannel:
    """Publishes messages in the background; `put` never waits, and nothing here ever raises.

    A message whose answer was lost is sent again, once the server answers: it may come twice.

    Args:
        server: The server.
        channel: The channel.
        tell: Told in words when messages cannot be published, when they can again, and what was lost.

    Attributes:
        dropped: Messages that were given up.
    """

    def __init__(self, server: RedisServer, channel: str, tell: Callable[[str], None]) -> None:
        """Take note; nothing is connected. On the event loop.

        Raises:
            ConfigurationError: The address is none, or the package is missing.
        """
        self._redis = open_client(server, "events on a channel of Redis")
        self._where = f"the channel {channel} of {server}"
        self._channel = channel
        self._tell = tell
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._batch: list[bytes] = []
        self._by_script = True
        self._failures = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._hurry = asyncio.Event()
        self._publisher = asyncio.get_running_loop().create_task(self._run())
        self.dropped = 0

    def put(self, body: bytes) -> None:
        """Have a message published. On the event loop; not after `aclose`."""
        self._waiting.append(body)
        self._waiting_bytes += len(body)
        while len(self._waiting) > WAITING_MAX or self._waiting_bytes > WAITING_BYTES_MAX:
            self._waiting_bytes -= len(self._waiting.popleft())
            self.dropped += 1
        self._idle.clear()
        self._wake.set()

    async def aclose(self) -> None:
        """Publish what waits, if that goes quickly, and let go; no error if that is done."""
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _FLUSH_S)
        self._publisher.cancel()
        await asyncio.gather(self._publisher, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._publish_all()
        except asyncio.CancelledError:
            self._publisher.uncancel()  # time limits that begin now take it for theirs otherwise
            await self._end()
            raise

    async def _end(self) -> None:
        """Nothing more comes: after `aclose`, or because the event loop ends and nobody has called that."""
        if not self._hurry.is_set():
            self._hurry.set()
            self._failures += bool(self._batch)  # whether it has arrived is not known
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_S):
                    await self._publish_waiting()
        self._tell_losses()
        with contextlib.suppress(Exception):  # boundary: a connection that is broken need not be closed well
            await asyncio.wait_for(self._redis.aclose(), _FLUSH_S)

    async def _publish_all(self) -> None:
        while True:
            _heed_cancellation()
            await self._wake.wait()
            self._wake.clear()
            await self._publish_waiting()
            self._idle.set()

    async def _publish_waiting(self) -> None:
        while self._batch or self._waiting:
            _heed_cancellation()
            self._batch = self._batch or self._take()
            await self._publish_surely(self._batch)
            self._batch = []

    def _take(self) -> list[bytes]:
        """The next messages to be sent, one at least."""
        batch: list[bytes] = []
        size_bytes = 0
        while self._waiting and len(batch) < _BATCH_MAX:
            size_bytes += len(self._waiting[0])
            if batch and size_bytes > BATCH_BYTES_MAX:
                break
            batch.append(self._waiting.popleft())
            self._waiting_bytes -= len(batch[-1])
        return batch

    async def _publish_surely(self, batch: list[bytes]) -> None:
        while True:
            try:
                async with asyncio.timeout(_CALL_S):
                    await self._publish(batch)
            except Exception as error:  # noqa: BLE001 - boundary: watching must not disturb what is watched
                _heed_cancellation()
                self._failed(error)
                await self._pause()
            else:
                self._worked()
                return

    async def _publish(self, batch: list[bytes]) -> None:
        if self._failures:
            # A server that hangs reads later what it was sent meanwhile: it gets nothing until it answers.
            await self._redis.ping()
        if self._by_script and len(batch) > 1 and await self._publish_by_script(batch):
            return
        async with self._redis.pipeline(transaction=False) as pipeline:
            for body in batch:
                pipeline.publish(self._channel, body)
            await pipeline.execute()

    async def _publish_by_script(self, batch: list[bytes]) -> bool:
        """One call with one answer costs a quarter of one for each message; not everybody may do so."""
        from redis.exceptions import NoPermissionError, ResponseError

        try:
            await self._redis.execute_command("EVAL", _SCRIPT, 0, self._channel, *batch)  # type: ignore[no-untyped-call] # no types in redis-py
        except (NoPermissionError, ResponseError):
            self._by_script = False
        return self._by_script

    async def _pause(self) -> None:
        if self._hurry.is_set():
            await asyncio.sleep(_HASTE_S)
        elif self._failures >= _TELLING_FAILURES:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), _PAUSE_S)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == _TELLING_FAILURES:
            why = f"{type(error).__name__}: {error}" if str(error) else "no answer"
            self._tell(f"events cannot be published on {self._where}, and are kept for a while: {why}")

    def _worked(self) -> None:
        if self._failures >= _TELLING_FAILURES:
            lost = f"; {self.dropped:,} had to be dropped" if self.dropped else ""
            self._tell(f"events are published again on {self._where}{lost}")
        self._failures = 0

    def _tell_losses(self) -> None:
        left = len(self._waiting) + len(self._batch)
        self.dropped += left
        if left:
            self._tell(f"events that could not be published on {self._where} before the end: {left:,}")


def _heed_cancellation() -> None:
    """End where the running task was cancelled, and a library has made something else of that.

    redis-py 8.1 does it now and then, under Python 3.11: `asyncio.run` would wait for the task for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
