"""Making room for a load: what is there is removed, after a confirmation."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from cloud_tasks.cli.backends import database_path
from cloud_tasks.cli.call import Call, refused
from cloud_tasks.cli.chosen import Chosen, chosen, counted, total
from cloud_tasks.cli.confirm import confirm
from cloud_tasks.cli.emptying import empty
from cloud_tasks.cli.running import Session
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.sources import in_thread
from cloud_tasks.errors import NotYetError, Problem, QueueError
from cloud_tasks.loading import put_aside, remove

_COUNTS_LATE = frozenset({"GCP"})
"""Providers whose counts of messages are minutes old."""
_ASKED_MAX = 20
"""How often a queue is asked for that cannot be made yet; on AWS for more than the minute that it takes."""
_PURGE_S = 60.0
"""For so long AWS may take away what is sent to a queue that is being purged."""


def check_folder(database: Path) -> None:
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


async def make_room(call: Call, session: Session) -> None:
    """Make room for a new load, or see that there is one to go on with. The file was read before."""
    database = Path(database_path(call))
    is_there = await in_thread(database.exists)
    if call.switch("continue"):
        if not is_there:
            helps = ("without --continue, the load begins from the start",)
            raise refused(Problem(f"there is no database `{database}` to go on with", helps=helps))
        # One that was made now would not hold what the database says.
        await session.backend.check(tasks=True, events=True, create=False)
        return
    await _make_queues(call, session)
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


async def _make_queues(call: Call, session: Session) -> None:
    """Make what is missing; a provider may refuse that for a while after a queue of that name was deleted."""
    for asked in itertools.count(1):
        try:
            await session.backend.check(tasks=True, events=True, create=True)
        except NotYetError as error:
            if asked == _ASKED_MAX:
                raise
            if asked == 1:
                call.say(f"{error}: waiting for that")
            await asyncio.sleep(error.wait_s)
        else:
            return


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
