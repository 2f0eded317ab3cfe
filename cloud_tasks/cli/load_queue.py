"""`cloud_tasks load_queue`: tasks of a file into the database, and from there into the queue."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from cloud_tasks.cli import status
from cloud_tasks.cli.backends import database_path
from cloud_tasks.cli.call import Call, refused
from cloud_tasks.cli.chosen import Chosen, chosen, counted, total
from cloud_tasks.cli.confirm import confirm
from cloud_tasks.cli.emptying import empty
from cloud_tasks.cli.load_view import LoadView
from cloud_tasks.cli.running import Session, run_session
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.sources import in_thread
from cloud_tasks.compose.telling import tell
from cloud_tasks.core.task import Task
from cloud_tasks.errors import Problem, QueueError, QueueUnavailableError
from cloud_tasks.loading import Loader, LoadSettings, LoadSummary, TaskBook, put_aside, remove
from cloud_tasks.task_file import TaskFile, open_task_file

_COUNTS_LATE = frozenset({"GCP"})
"""Providers whose counts of messages are minutes old."""
_PURGE_S = 60.0
"""For so long AWS may take away what is sent to a queue that is being purged."""
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
    _check_folder(Path(database_path(call)))
    return run_session(call, lambda session: _load(call, session))


async def _load(call: Call, session: Session) -> int:
    begun_at = time.monotonic()
    with LoadView(quiet=call.json) as view:
        file = await in_thread(partial(_open_file, call, view))
    try:
        tell(file.problems, "warning")
        selection = Selection(call, file)
        await _prepare(call, session)
        with LoadView(quiet=call.json) as view:
            summary = await _send(call, session, selection, view)
    except QueueUnavailableError as error:
        tell([Problem(str(error), helps=("--continue with the same file goes on from there",))])
        return session.status(1)
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


def _check_folder(database: Path) -> None:
    """See that a database can be written, before anything is removed to make room for it.

    Raises:
        ConfigurationError: It cannot.
    """
    try:
        with tempfile.TemporaryFile(dir=database.parent):
            pass
    except OSError as error:
        helps = ("name another with --db-file",)
        raise refused(
            Problem(f"the database `{database}` cannot be written: {error.strerror}", helps=helps)
        ) from None


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


async def _prepare(call: Call, session: Session) -> None:
    """Make room for a new load, or see that there is one to go on with. The file was read before."""
    database = Path(database_path(call))
    is_there = await in_thread(database.exists)
    if call.switch("continue"):
        if not is_there:
            helps = ("without --continue, the load begins from the start",)
            raise refused(Problem(f"there is no database `{database}` to go on with", helps=helps))
        await session.backend.check(tasks=True, events=True, create=True)
        return
    await session.backend.check(tasks=True, events=True, create=True)
    depths = {}
    for queue in chosen(call, session.settings):
        depths[queue] = total(await (await session.backend.inspector(queue.which)).depth())
    lost = [f"{counted(depth)} in {queue.name}" for queue, depth in depths.items() if depth]
    lost += [f"the database {database}"] if is_there else []
    if lost:
        what = f"This removes {' and '.join(lost)}, for good."
        await in_thread(partial(confirm, call, f"EMPTY {session.settings.task_queue}", what))
    # Counts come minutes late on GCP, and making a queue anew takes no time there.
    late = session.settings.provider in _COUNTS_LATE
    old = [queue for queue, depth in depths.items() if depth or is_there or late]
    await _remove(call, session, database, old)


async def _remove(call: Call, session: Session, database: Path, queues: Sequence[Chosen]) -> None:
    """Remove what is there, in an order that a kill at any point leaves nothing to be taken for this load.

    The old database goes out of the way first, so that --continue cannot take it for this load's; it is
    deleted when the queues are empty.
    """
    aside = await in_thread(partial(put_aside, database))
    for queue in queues:
        await _empty(session, queue)
    if queues and session.settings.provider == "AWS" and not _is_stand_in(call.environ):
        call.say(f"AWS takes a minute to empty a queue: going on in {_PURGE_S:g} s")
        await asyncio.sleep(_PURGE_S)
    await in_thread(partial(remove, aside))


def _is_stand_in(environ: Mapping[str, str]) -> bool:
    """Whether AWS is not asked, but somebody in its place who has no such minute."""
    return bool(environ.get("AWS_ENDPOINT_URL_SQS") or environ.get("AWS_ENDPOINT_URL"))


async def _empty(session: Session, queue: Chosen) -> None:
    """Empty a queue that is about to be filled.

    A purge takes away what was sent before a moment by our clock, on GCP. Where that is ahead of the
    provider's, the first tasks of the load would be among it, so that the queue is made anew instead. On AWS
    a queue that was deleted cannot be made again for a minute.
    """
    inspector = await session.backend.inspector(queue.which)
    if session.settings.provider in _COUNTS_LATE:
        await inspector.delete()
        await inspector.create()
    elif left := await empty(inspector, SystemClock()):
        raise QueueError(f"{queue.name} cannot be emptied: {counted(left)} still counted; who sends to it?")


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
    return session.status(1 if summary.unsent else 0)


def _plain(summary: LoadSummary) -> dict[str, object]:
    plain: dict[str, object] = msgspec.structs.asdict(summary)
    return plain | {"refused": [problem.message for problem in summary.refused]}


def _words(summary: LoadSummary, queue: str, database: str, took_s: float) -> Iterator[str]:
    rate = f" ({summary.sent / took_s:,.0f}/s)" if took_s > 0 else ""
    yield f"{summary.sent:,} tasks sent to {queue} in {took_s:.1f} s{rate}; database {database}"
    if summary.found:
        yield f"{summary.found:,} tasks were found in the queue, sent before by a load that was interrupted"
    if summary.doubtful:
        yield f"{summary.doubtful:,} of them may be there twice: not all of the queue could be seen"
    if summary.unsent:
        what = "interrupted" if summary.stopped else "not all could be sent"
        left = f"{summary.unsent:,} of {summary.total:,} tasks are not in the queue"
        yield f"{what}: {left}; --continue goes on"
