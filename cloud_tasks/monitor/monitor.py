"""`EventMonitor`: receives events, stores them, and only then removes them from the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from cloud_tasks.core.policy import Backoff
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock, FeedMessage, MessageFeed
from cloud_tasks.monitor.wording import odd_message
from cloud_tasks.task_db import Applied, EventBook, Snapshot

T = TypeVar("T")

_PAUSES = Backoff(base_s=0.5, cap_s=30.0)
_READING = "the event queue cannot be read"
_REMOVING = "what is stored cannot be removed from the event queue"


class MonitorSettings(Struct, frozen=True, kw_only=True):
    """How the monitor goes about it.

    Attributes:
        auto_complete: Whether it ends when every task is finished.
        batch_max: Most messages of one call.
        calls_at_once: How many calls are under way at a time while messages come in; one waits while none do.
        wait_s: How long one look into the queue may wait.
        show_every_s: How often the view is brought up to date while messages come in.
    """

    auto_complete: bool = True
    batch_max: int = 1000
    calls_at_once: int = 4
    wait_s: float = 5.0
    show_every_s: float = 0.5


class MonitorView(Protocol):
    """Somebody who watches."""

    def show(self, snapshot: Snapshot, now_s: float) -> None:
        """How far the job is, at `now_s` of the monotonic clock."""
        ...

    def event(self, applied: Applied) -> None:
        """An event was stored that was not there before."""
        ...

    def say(self, text: str) -> None:
        """There is something to say."""
        ...


class EventOutput(Protocol):
    """Where stored events go besides."""

    def catch_up(self) -> None:
        """Append what has been stored since."""
        ...


class EventMonitor:
    """Follows a job until it is finished, or until it is told to stop.

    The order is always: database, output file, view, queue. A kill at any point loses nothing: what was not
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
        self._failing = ""
        self._failures = 0
        self._busy = False
        self._shown_at = float("-inf")
        self._told: set[str] = set()

    def stop(self) -> None:
        """End in good order, with what was taken stored and acked."""
        self._stopping.set()

    async def run(self) -> Snapshot:
        """Follow the job; returns how far it was at the end.

        Raises:
            ConfigurationError: The database or the output file cannot be written any more.
        """
        self._show(at_once=True)
        while not self._stopping.is_set() and not self._is_complete():
            took = await self._step(self._settings.wait_s)
            self._show(at_once=not took)
        # What workers told after the last task, as far as it is there already.
        took = True
        while took and not self._stopping.is_set():
            took = await self._step(0.0)
        self._show(at_once=True)
        return self._book.snapshot()

    def _is_complete(self) -> bool:
        return self._settings.auto_complete and self._book.is_finished()

    async def _step(self, wait_s: float) -> bool:
        """Take what is there; whether there was something."""
        doing = _READING
        try:
            messages = await self._unless_stopped(self._receive(wait_s)) or []
            if messages:
                self._store([message.body for message in messages])
                doing = _REMOVING
                await self._feed.ack(messages)
        except QueueUnavailableError as error:
            # What is stored and could not be removed comes again, and is known then.
            self._busy = False
            await self._pause(doing, error)
            return False
        if messages or self._failing == _READING:
            self._recovered()
        return bool(messages)

    async def _receive(self, wait_s: float) -> list[FeedMessage]:
        """Look once, and wait; or look several times at once, where there was something the last time."""
        count, wait_s = (self._settings.calls_at_once, 0.0) if self._busy else (1, wait_s)
        calls = (self._feed.receive(self._settings.batch_max, wait_s) for _ in range(count))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        messages = [message for answer in answers if isinstance(answer, list) for message in answer]
        self._busy = bool(messages)
        for answer in answers:
            if isinstance(answer, BaseException) and not (
                messages and isinstance(answer, QueueUnavailableError)
            ):
                raise answer
        return messages

    def _store(self, bodies: Sequence[bytes]) -> None:
        applied = self._book.apply(bodies)
        if self._output is not None:
            self._output.catch_up()
        for body, one in zip(bodies, applied, strict=True):
            if (text := odd_message(body, one)) is not None and one.effect not in self._told:
                self._told.add(one.effect)
                self._view.say(text)
            if one.effect != "duplicate":
                self._view.event(one)

    def _recovered(self) -> None:
        if self._failing:
            self._failing, self._failures = "", 0
            self._view.say("the event queue answers again")

    async def _pause(self, doing: str, error: QueueUnavailableError) -> None:
        if self._failing != doing:
            self._failing, self._failures = doing, 0
            self._view.say(f"{doing}, and it will be tried again: {error}")
        self._failures += 1
        pause_s = _PAUSES.pause_s(self._failures, "event queue")
        await self._unless_stopped(self._clock.sleep_until(self._clock.monotonic() + pause_s))

    async def _unless_stopped(self, work: Awaitable[T]) -> T | None:
        """What the work returns; None if it was given up because the monitor is to end."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    def _show(self, *, at_once: bool) -> None:
        now_s = self._clock.monotonic()
        if at_once or now_s - self._shown_at >= self._settings.show_every_s:
            self._shown_at = now_s
            self._view.show(self._book.snapshot(), now_s)
