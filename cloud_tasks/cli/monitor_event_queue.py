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
from cloud_tasks.monitor import EventMonitor, MonitorSettings, OutputFile
from cloud_tasks.monitor.wording import report_lines
from cloud_tasks.task_db import EventBook, Report, read_report


def run(call: Call) -> int:
    """Follow the job; its report at the end."""
    check_folder(Path(database_path(call)))
    return run_session(call, lambda session: _monitor(call, session))


async def _monitor(call: Call, session: Session) -> int:
    await session.backend.check(tasks=False, events=True, create=False)
    path = Path(database_path(call))
    feed = await session.backend.feed()
    try:
        with ExitStack() as parts:
            book = parts.enter_context(EventBook(path))
            output = _output(call, book, parts)
            view = parts.enter_context(LiveView(print_events=call.switch("print_events"), quiet=call.json))
            settings = MonitorSettings(auto_complete=not call.switch("no_auto_complete"))
            monitor = EventMonitor(feed, book, view, settings, clock=SystemClock(), output=output)
            session.on_signal = monitor.stop
            await monitor.run()
    finally:
        await feed.aclose()
    report = await in_thread(partial(read_report, path))
    _tell(call, report)
    return session.status(0)


def _output(call: Call, book: EventBook, parts: ExitStack) -> OutputFile | None:
    name = call.text("output_file")
    if name is None:
        return None
    output = OutputFile(Path(name), book.bodies())
    parts.callback(output.close)
    return output


def _tell(call: Call, report: Report) -> None:
    if call.json:
        call.print_json(msgspec.to_builtins(report))
    else:
        call.print(*report_lines(report))
