"""`Loader`: from a task file over the database into a queue.

A task is *pending* in the database, then noted as being sent, then sent, then confirmed. After a kill, what
was noted but not confirmed is in doubt: the queue itself is looked at before any of it is sent again. See
docs/decisions/0058-loading-again-without-duplicates.md.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError, Problem, QueueUnavailableError, SendFailedError
from cloud_tasks.interfaces import Clock, TaskSender
from cloud_tasks.loading.outage import Outage
from cloud_tasks.loading.values import LoadBook, LoadProgress, LoadSettings, LoadSummary, QueueLook

REFUSED_KEPT_MAX = 25
_CONFIRM_EVERY = 1000
_CONFIRM_S_MAX = 0.25
_STORE_AT_A_TIME = 2000
LOOKS_MAX = 50
LOOKS_IN_VAIN_MAX = 2
_ROUNDS_MAX = 3
"""How often what failed is looked for and sent again, before the load ends with it unsent."""


class Loader:
    """One load.

    Args:
        book: The database.
        sender: Where tasks go.
        inspector: The same queue, to be looked at when it is in doubt what it holds.
        settings: How to go about it.
        clock: For pauses.
        chance: Spreads pauses.
        progress: Told how far the load is, after each step.
    """

    def __init__(
        self,
        book: LoadBook,
        sender: TaskSender,
        inspector: QueueLook,
        settings: LoadSettings,
        *,
        clock: Clock,
        chance: random.Random,
        progress: Callable[[LoadProgress], None],
    ) -> None:
        self._book = book
        self._sender = sender
        self._inspector = inspector
        self._settings = settings
        self._clock = clock
        self._outage = Outage(settings, clock, chance)
        self._progress = progress
        self._stopped = False
        self._ready: deque[Task] = deque()
        self._confirmed: list[str] = []
        self._confirmed_at = clock.monotonic()
        self._refused: dict[str, Problem] = {}
        self._total, pending, _ = book.counts()
        self._done = self._total - pending
        self._sent = 0
        self._found = 0
        self._doubtful = 0

    def stop(self) -> None:
        """Begin no further call; `load` returns when those under way have ended."""
        self._stopped = True

    async def load(self, tasks: Iterable[Task]) -> LoadSummary:
        """Write the tasks into the database, and put every pending one into the queue.

        Raises:
            TaskFileError: A task is in the database with other data, or the file was changed.
            QueueUnavailableError: The queue was away for too long; what was sent is noted.
            QueueError: The queue cannot be sent to at all.
        """
        await self._store(tasks)
        return await self._send()

    async def _store(self, tasks: Iterable[Task]) -> None:
        remaining = iter(tasks)
        stored = 0
        while not self._stopped and (some := list(itertools.islice(remaining, _STORE_AT_A_TIME))):
            self._total += self._book.add(some)
            stored += len(some)
            self._tell(stored)
            await asyncio.sleep(0)

    async def _send(self) -> LoadSummary:
        try:
            for _ in range(_ROUNDS_MAX):
                await self._settle_doubts()
                await self._send_pending()
                if self._stopped or self._is_done():
                    break
            if self._refused:
                self._book.give_back(tuple(self._refused))
        finally:
            self._flush()
            self._tell(self._total)
        _, pending, _ = self._book.counts()
        refused = tuple(itertools.islice(self._refused.values(), REFUSED_KEPT_MAX))
        unsent = pending + len(self._book.in_doubt())
        return LoadSummary(
            self._total, self._sent, self._found, self._doubtful, unsent, refused, self._stopped
        )

    def _is_done(self) -> bool:
        self._flush()
        _, pending, _ = self._book.counts()
        return not pending and set(self._book.in_doubt()) <= self._refused.keys()

    async def _settle_doubts(self) -> None:
        """Look into the queue for the tasks that may be there; the others are sent again."""
        doubtful = set(self._book.in_doubt()) - self._refused.keys()
        if not doubtful or self._stopped:
            return
        found, complete = await self._look_for(doubtful)
        self._book.confirm(sorted(found))
        self._book.give_back(sorted(doubtful - found))
        self._found += len(found)
        self._doubtful += 0 if complete else len(doubtful - found)
        self._done += len(found)
        self._tell(self._total)

    async def _look_for(self, doubtful: set[str]) -> tuple[set[str], bool]:
        """Which of these tasks are in the queue, and whether everything was seen that is known to be there.

        A look need not show all: some queues give a sample only. So it is repeated until nothing new is seen.
        """
        _, _, in_queue = self._book.counts()
        there: set[str] = set()
        in_vain = 0
        for look in range(LOOKS_MAX):
            if look:
                await self._clock.sleep_until(self._clock.monotonic() + self._settings.look_pause_s)
            before = len(there)
            seen = await self._inspector.peek(in_queue + len(doubtful))
            there.update(task.task_id for task in seen if isinstance(task, Task))
            in_vain = in_vain + 1 if len(there) == before else 0
            if doubtful <= there or in_vain >= LOOKS_IN_VAIN_MAX:
                break
        return doubtful & there, len(there - doubtful) >= in_queue

    async def _send_pending(self) -> None:
        """Send with so many calls at a time, until nothing is pending."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.concurrent_calls):
                    group.create_task(self._send_batches())
        except BaseExceptionGroup as group_error:
            # The others failed in the same way, or were cancelled because of the first.
            raise group_error.exceptions[0] from None
        finally:
            self._book.give_back([task.task_id for task in self._ready])
            self._ready.clear()
            self._flush()

    async def _send_batches(self) -> None:
        while batch := self._next_batch():
            try:
                await self._outage.call(partial(self._sender.send_many, batch))
            except SendFailedError as error:
                self._failed(batch, error)
            except QueueUnavailableError:
                # Nobody knows which of them are in the queue: they stay in doubt, and are looked for.
                self._raise_if_gave_up()
            except MessageRefusedError as error:
                self._refuse(batch, error)
            else:
                self._worked([task.task_id for task in batch])

    def _next_batch(self) -> list[Task]:
        if self._stopped:
            return []
        if not self._ready:
            self._ready.extend(self._book.take(self._settings.page_size))
        count = min(self._settings.batch_size, len(self._ready))
        return [self._ready.popleft() for _ in range(count)]

    def _failed(self, batch: list[Task], error: SendFailedError) -> None:
        not_sent = {*error.unsent, *error.in_doubt}
        self._worked([task.task_id for task in batch if task.task_id not in not_sent])
        self._book.give_back(error.unsent)
        self._raise_if_gave_up()

    def _refuse(self, batch: list[Task], error: MessageRefusedError) -> None:
        """One of them cannot be sent; those before it were, and those after it were not."""
        helps = ("store its data where the task can fetch it, and pass a URL",)
        self._refused[error.task_id] = Problem(str(error), helps=helps)
        task_ids = [task.task_id for task in batch]
        at = task_ids.index(error.task_id)
        self._worked(task_ids[:at])
        self._book.give_back(task_ids[at + 1 :])

    def _worked(self, task_ids: list[str]) -> None:
        self._confirmed += task_ids
        self._sent += len(task_ids)
        self._done += len(task_ids)
        now = self._clock.monotonic()
        if len(self._confirmed) >= _CONFIRM_EVERY or now - self._confirmed_at >= _CONFIRM_S_MAX:
            self._flush()
            self._tell(self._total)

    def _flush(self) -> None:
        if self._confirmed:
            self._book.confirm(self._confirmed)
            self._confirmed = []
        self._confirmed_at = self._clock.monotonic()

    def _raise_if_gave_up(self) -> None:
        if self._outage.gave_up is not None:
            raise self._outage.gave_up

    def _tell(self, stored: int) -> None:
        self._progress(LoadProgress(stored, self._done, self._total))
