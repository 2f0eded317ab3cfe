"""What a load is told, and what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Problem


class LoadSettings(Struct, frozen=True, kw_only=True):
    """How a load goes about it.

    Attributes:
        concurrent_calls: Calls to the queue that may be under way at a time.
        batch_size: Tasks in one call.
        page_size: Tasks that are taken from the database at a time.
        outage_s_max: How long the queue may be away before the load gives up.
        pause_s_first: Pause after the first failed call of an outage; doubled after each further one.
        pause_s_max: Longest pause.
        look_pause_s: Pause between two looks into the queue for what is in doubt.
    """

    concurrent_calls: int = 100
    batch_size: int = 10
    page_size: int = 1000
    outage_s_max: float = 120.0
    pause_s_first: float = 0.5
    pause_s_max: float = 15.0
    look_pause_s: float = 0.5


class LoadProgress(Struct, frozen=True):
    """How far a load is.

    Attributes:
        stored: Tasks of the file that are in the database.
        sent: Tasks of the database that are known to be in the queue, or to have been there.
        total: Tasks to load.
    """

    stored: int
    sent: int
    total: int


class LoadSummary(Struct, frozen=True):
    """What a load came to.

    Attributes:
        total: Tasks in the database.
        sent: Tasks that this load put into the queue.
        found: Tasks that turned out to be in the queue although nobody had confirmed it.
        doubtful: Tasks that were sent again and may be in the queue twice, because not all that is
            in it could be looked at: workers held messages, or had settled them.
        unsent: Tasks that are still to be sent.
        refused: What the queue would not take, the first few.
        stopped: Whether it was asked to stop before the end.
    """

    total: int
    sent: int
    found: int
    doubtful: int
    unsent: int
    refused: tuple[Problem, ...] = ()
    stopped: bool = False


class QueueLook(Protocol):
    """What a load needs of a `QueueInspector`."""

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at some messages without taking them away; bytes for what is not a task."""
        ...


class LoadBook(Protocol):
    """The task database, as a load sees it. Each call is one transaction, and survives SIGKILL."""

    def add(self, tasks: Sequence[Task]) -> int:
        """Take tasks in as pending, but for those that are there already; how many were new.

        Raises:
            TaskFileError: One is there with other data.
        """
        ...

    def take(self, tasks_max: int) -> list[Task]:
        """The next pending tasks, in their order, from now on noted as being sent."""
        ...

    def give_back(self, task_ids: Sequence[str]) -> None:
        """These were not sent after all: they are pending again."""
        ...

    def confirm(self, task_ids: Sequence[str]) -> None:
        """These are in the queue."""
        ...

    def in_doubt(self) -> list[str]:
        """Tasks that were noted as being sent, and neither confirmed, given back nor heard of since."""
        ...

    def counts(self) -> tuple[int, int, int]:
        """How many tasks there are; how many are pending; how many may lie in the queue."""
        ...
