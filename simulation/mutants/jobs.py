"""Mutants of the monitor, of its database, and of the load."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AbstractContextManager
from typing import Any

from cloud_tasks.interfaces import FeedMessage
from cloud_tasks.loading import Loader
from cloud_tasks.monitor import EventMonitor, OutputFile
from cloud_tasks.task_db import EventBook, book
from cloud_tasks.task_db.outcomes import TaskOutcome
from simulation.mutants.patching import swapped

_NOTHING_YET = "UPDATE tasks SET status = 'in_queue_original' WHERE task_id = ?"


def applies_twice() -> AbstractContextManager[None]:
    """An event that comes again is taken for another one."""
    numbers = itertools.count()

    def always_new(_body: bytes, _event: object) -> bytes:
        return next(numbers).to_bytes(16, "big")

    return swapped(book, "digest", always_new)


def removes_before_storing() -> AbstractContextManager[None]:
    """Events are removed from their queue as they come."""
    receive = EventMonitor._receive  # noqa: SLF001 - what is to be changed

    async def receive_and_remove(self: Any, wait_s: float) -> list[FeedMessage]:
        messages = await receive(self, wait_s)
        if messages:
            await self._feed.ack(messages)
        return messages

    return swapped(EventMonitor, "_receive", receive_and_remove)


def last_event_wins() -> AbstractContextManager[None]:
    """Whatever comes last is what became of a task."""
    settle = EventBook._settle  # noqa: SLF001 - what is to be changed

    def settle_anew(self: Any, outcome: TaskOutcome, changes: list[tuple[str, str]]) -> str:
        self._db.execute(_NOTHING_YET, (outcome.task_id,))
        return settle(self, outcome, changes)

    return swapped(EventBook, "_settle", settle_anew)


def begins_the_file_anew() -> AbstractContextManager[None]:
    """A monitor that is started again writes only what comes from then on."""

    def last_of_all(self: Any) -> int:
        return int(self._book.last_id())

    return swapped(OutputFile, "_find_last_id", last_of_all)


def confirms_before_the_reply() -> AbstractContextManager[None]:
    """A load notes that tasks are in the queue when it sends them."""
    next_batch = Loader._next_batch  # noqa: SLF001 - what is to be changed

    def note_and_send(self: Any) -> list[Any]:
        batch = next_batch(self)
        self._book.confirm([task.task_id for task in batch])
        return batch

    return swapped(Loader, "_next_batch", note_and_send)


def leaves_calls_behind() -> AbstractContextManager[None]:
    """A monitor that is to end does not wait for what it has given up."""
    left: list[asyncio.Future[Any]] = []

    async def begin_and_leave(self: Any, work: Any) -> Any:
        working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())
        left[:] = [working, stopping]
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None

    return swapped(EventMonitor, "_unless_stopped", begin_and_leave)
