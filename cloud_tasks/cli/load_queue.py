"""`cloud_tasks load_queue`: tasks of a file into the database, and from there into the queue."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from cloud_tasks.cli import status
from cloud_tasks.cli.backends import database_path
from cloud_tasks.cli.call import Call, refused
from cloud_tasks.cli.load_view import LoadView
from cloud_tasks.cli.room import check_folder, make_room
from cloud_tasks.cli.running import Session, run_session
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.sources import in_thread
from cloud_tasks.compose.telling import FAILED_STATUS, tell
from cloud_tasks.core.task import Task
from cloud_tasks.errors import Problem, QueueUnavailableError
from cloud_tasks.loading import Loader, LoadSettings, LoadSummary, TaskBook
from cloud_tasks.task_file import TaskFile, open_task_file

_BATCH_SIZES = {"AWS": 10}

_BATCH_SIZE = 100
"""Tasks in one call, where the provider takes as many."""


def run(call: Call) -> int:
    """Load, go on with a load, or show how far one is."""
    if call.text("task_file") is None:
        if call.switch("continue"):
            return status.run(call)
        raise refused(
            Problem(
                "no task file is named",
                helps=("--task-file tasks.json names one", "--continue alone shows how far a load is"),
            )
        )
    check_folder(Path(database_path(call)))
    return run_session(call, lambda session: _load(call, session))


async def _load(call: Call, session: Session) -> int:
    with LoadView(quiet=call.json) as view:
        file = await in_thread(partial(_open_file, call, view))
    try:
        tell(file.problems, "warning")
        selection = Selection(call, file)
        await make_room(call, session)
        begun_at = time.monotonic()
        try:
            with LoadView(quiet=call.json) as view:
                summary = await _send(call, session, selection, view)
        except QueueUnavailableError as error:
            tell([Problem(str(error), helps=("--continue with the same file goes on from there",))])
            return session.status(FAILED_STATUS)
    finally:
        file.close()
    return _tell(call, session, summary, time.monotonic() - begun_at)


def _open_file(call: Call, view: LoadView) -> TaskFile:
    return open_task_file(
        call.text("task_file") or "",
        allow_partial=call.switch("allow_partial"),
        on_duplicate="skip" if call.text("on_duplicate") == "skip" else "error",
        progress=view.checked,
    )


class Selection:
    """The tasks of a file that --start-task and --limit leave.

    Attributes:
        count: How many they are.
    """

    def __init__(self, call: Call, file: TaskFile) -> None:
        """Look at the numbers.

        Raises:
            ConfigurationError: The first task to load is not in the file.
        """
        in_file = file.count or 0
        start = call.count("start_task") or 1
        limit = call.count("limit")
        if start > max(in_file, 1):
            message = f"--start-task {start}: the file has {in_file:,} task{'' if in_file == 1 else 's'}"
            raise refused(Problem(message))
        left = in_file - (start - 1)
        self.count = left if limit is None else min(limit, left)
        self._file = file
        self._first = start - 1

    def __iter__(self) -> Iterator[Task]:
        return itertools.islice(iter(self._file), self._first, self._first + self.count)


async def _send(call: Call, session: Session, selection: Selection, view: LoadView) -> LoadSummary:
    backend = session.backend
    provider = session.settings.provider
    clock = SystemClock()
    with TaskBook(Path(database_path(call)), clock) as book:
        loader = Loader(
            book,
            await backend.sender(),
            await backend.inspector("tasks"),
            LoadSettings(
                concurrent_calls=call.count("max_concurrent_queue_operations") or 1,
                batch_size=_BATCH_SIZES.get(provider, _BATCH_SIZE),
            ),
            clock=clock,
            chance=random.Random(),  # noqa: S311 - spreads pauses, guards nothing
            progress=lambda progress: view.loaded(progress, selection.count),
        )
        session.on_signal = loader.stop
        return await loader.load(selection)


def _tell(call: Call, session: Session, summary: LoadSummary, took_s: float) -> int:
    queue, database = session.settings.task_queue, database_path(call)
    if call.json:
        call.print_json({"queue": queue, "database": database, **_plain(summary)})
    else:
        tell(summary.refused)
        call.print(*_words(summary, queue, database, took_s))
    return session.status(FAILED_STATUS if summary.unsent else 0)


def _plain(summary: LoadSummary) -> dict[str, object]:
    plain: dict[str, object] = msgspec.structs.asdict(summary)
    return plain | {"refused": [problem.message for problem in summary.refused]}


def _words(summary: LoadSummary, queue: str, database: str, took_s: float) -> Iterator[str]:
    rate = f" ({summary.sent / took_s:,.0f}/s)" if summary.sent and took_s > 0 else ""
    yield f"{summary.sent:,} tasks sent to {queue} in {took_s:.1f} s{rate}; database {database}"
    if summary.found:
        yield f"{summary.found:,} tasks were found in the queue, sent before by a load that was interrupted"
    if summary.doubtful:
        yield f"{summary.doubtful:,} of them may be there twice: not all of the queue could be seen"
    if summary.unsent:
        what = "interrupted" if summary.stopped else "not all could be sent"
        left = f"{summary.unsent:,} of {summary.total:,} tasks are not in the queue"
        # What was refused would be refused again.
        yield f"{what}: {left}" + ("; --continue goes on" if summary.unsent > len(summary.refused) else "")
