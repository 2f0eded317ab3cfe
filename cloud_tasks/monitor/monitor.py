"""`EventMonitor`: receives events, stores them, and only then removes them from the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from cloud_tasks.core.policy import Backoff
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock, FeedMessage, MessageFeed
from cloud_tasks.task_db import Applied, EventBook, Snapshot

_PAUSES = Backoff(base_s=0.5, cap_s=30.0)


class MonitorSettings(Struct, frozen=True, kw_only=True):
    """How the monitor goes about it.

    Attributes:
        auto_complete: Whether it ends when every task is finished.
        batch_max: Most events that are taken at a time.
        wait_s: How long one look into the queue may wait.
        show_every_s: How often the view is brought up to date while events come in.
    """

    auto_complete: bool = True
    batch_max: int = 1000
    wait_s: float = 5.0
    show_every_s: float = 0.5


class MonitorView(Protocol):
    """Somebody who watches."""

    def show(self, snapshot: Snapshot, now_s: float) -> None:
        """How far the job is, at `now_s` of the monotonic clock."""
        ...

    def event(self, body: bytes, event: dict[str, Any] | None) -> None:
        """An event was stored."""
        ...

    def say(self, text: str) -> None:
        """There is something to say."""
        ...


class EventOutput(Protocol):
    """Where events go besides."""

    def write(self, bodies: Sequence[bytes]) -> None:
        """Append events."""
        ...


class EventMonitor:
    """Follows a job until it is finished, or until it is told to stop.

    The order is always: output file, database, view, queue. A kill at any point loses nothing: what was not
    acked comes again, and the database knows it.

    Args:
        feed: The event queue.
        book: The database.
        view: Who watches.
        settings: How.
        clock: Time.
        output: Where events go besides; None: nowhere.
    """

    def __init__(
        self,
        feed: MessageFeed,
        book: EventBook,
        view: MonitorView,
        settings: MonitorSettings,
        *,
        clock: Clock,
        output: EventOutput | None = None,
    ) -> None:
        self._feed = feed
        self._book = book
        self._view = view
        self._settings = settings
        self._clock = clock
        self._output = output
        self._stopping = asyncio.Event()
        self._failures = 0
        self._shown_at = float("-inf")

    def stop(self) -> None:
        """End after what is under way."""
        self._stopping.set()

    async def run(self) -> Snapshot:
        """Follow the job; returns how far it was at the end."""
        self._show(at_once=True)
        while not self._stopping.is_set() and not self._is_complete():
            messages = await self._receive(self._settings.wait_s)
            if messages:
                await self._take(messages)
            self._show(at_once=not messages)
        await self._take_the_rest()
        self._show(at_once=True)
        return self._book.snapshot()

    def _is_complete(self) -> bool:
        snapshot = self._book.snapshot()
        return self._settings.auto_complete and 0 < snapshot.total == snapshot.finished

    async def _take_the_rest(self) -> None:
        """What workers tell after the last task, as far as it is there already."""
        while not self._stopping.is_set() and (messages := await self._receive(0.0)):
            await self._take(messages)

    async def _receive(self, wait_s: float) -> list[FeedMessage]:
        receiving = asyncio.ensure_future(self._feed.receive(self._settings.batch_max, wait_s))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                receiving.cancel()
            messages = await receiving
        except QueueUnavailableError as error:
            await self._pause("the event queue cannot be read", error)
            return []
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
            return []
        finally:
            stopping.cancel()
        self._failures = 0
        return messages

    async def _take(self, messages: list[FeedMessage]) -> None:
        bodies = [message.body for message in messages]
        if self._output is not None:
            self._output.write(bodies)
        self._tell(bodies, self._book.apply(bodies))
        try:
            await self._feed.ack(messages)
        except QueueUnavailableError as error:
            # They come again, and are known then.
            await self._pause("stored events cannot be removed from the queue", error)

    def _tell(self, bodies: Sequence[bytes], applied: Applied) -> None:
        for body, event, effect in zip(bodies, applied.events, applied.effects, strict=True):
            if effect != "duplicate":
                self._view.event(body, event)

    async def _pause(self, what: str, error: QueueUnavailableError) -> None:
        self._failures += 1
        if self._failures == 1:
            self._view.say(f"{what}, and will be tried again: {error}")
        pause_s = _PAUSES.pause_s(self._failures, "event queue")
        waiting = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + pause_s))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        stopping.cancel()

    def _show(self, *, at_once: bool) -> None:
        now_s = self._clock.monotonic()
        if at_once or now_s - self._shown_at >= self._settings.show_every_s:
            self._shown_at = now_s
            self._view.show(self._book.snapshot(), now_s)
