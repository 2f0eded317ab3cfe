"""`cloud_tasks monitor_event_queue`: events into the database, and a report at the end."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec

from cloud_tasks.cli.backends import database_path
from cloud_tasks.cli.call import Call
from cloud_tasks.cli.monitor_view import LiveView
from cloud_tasks.cli.room import check_folder
from cloud_tasks.cli.running import Session, run_session
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.sources import in_thread
from cloud_tasks.interfaces import MessageFeed
from cloud_tasks.monitor import EventMonitor, MonitorSettings, OutputFile
from cloud_tasks.monitor.wording import report_lines
from cloud_tasks.task_db import EventBook, Report, read_report


def run(call: Call) -> int:
    """Follow the job; its report at the end."""
    check_folder(Path(database_path(call)))
    return run_session(call, lambda session: _monitor(call, session))


async def _monitor(call: Call, session: Session) -> int:
    await session.backend.check(tasks=False, events=True, create=False)
    feed = await session.backend.feed()
    try:
        await _follow(call, session, feed)
    finally:
        await feed.aclose()
    report = await in_thread(partial(read_report, Path(database_path(call))))
    _tell(call, report)
    return session.status(1 if report.failed else 0)


async def _follow(call: Call, session: Session, feed: MessageFeed) -> None:
    path = Path(database_path(call))
    clock = SystemClock()
    with ExitStack() as parts:
        book = parts.enter_context(EventBook(path))
        if not book.snapshot().total:
            call.say(f"note: there are no tasks in {path} yet; is it the one that load_queue wrote?")
        output = _output(call, book, parts)
        view = LiveView(clock, print_events=call.switch("print_events"), quiet=call.json)
        settings = MonitorSettings(auto_complete=not call.switch("no_auto_complete"))
        monitor = EventMonitor(feed, book, parts.enter_context(view), settings, clock=clock, output=output)
        session.on_signal = monitor.stop
        await monitor.run()


def _output(call: Call, book: EventBook, parts: ExitStack) -> OutputFile | None:
    name = call.text("output_file")
    if name is None:
        return None
    output = OutputFile(Path(name), book)
    parts.callback(output.close)
    if output.is_foreign:
        call.say(f"note: the last event of {name} is not in the database: only new events are appended")
    return output


def _tell(call: Call, report: Report) -> None:
    if call.json:
        call.print_json(msgspec.to_builtins(report))
    else:
        call.print(*report_lines(report))
