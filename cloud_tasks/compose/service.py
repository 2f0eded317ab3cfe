"""Telling the system's service manager how the worker fares: the protocol of sd_notify(3)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Mapping

from cloud_tasks.core.events import EventRecord, TaskCompleted, TaskEvent, WorkerStarted, WorkerStopped
from cloud_tasks.shell import Observer

CLOSE_S = 15.0
"""How long a worker may take from the end of its grace period until it is gone; usually much less."""
_TELL_EVERY_S = 5.0


class Service:
    """Tells systemd, where it listens: an event sink and an observer, neither of which ever fails.

    READY when the first task is about to be taken, STOPPING when a signal asks for an end or the worker ends
    by itself, STATUS meanwhile; WATCHDOG as long as the event loop lives. A notice of the machine's end is no
    STOPPING: the manager would give the worker `TimeoutStopSec` from then on, and the notice may give more.

    Args:
        environ: `NOTIFY_SOCKET`: where it listens; `WATCHDOG_USEC`: within what time it wants to hear that we
            are alive; `WATCHDOG_PID`: from whom.
        grace_s: How long running tasks may go on after a signal.
        observer: The one who watches beside us.
    """

    def __init__(self, environ: Mapping[str, str], grace_s: float, observer: Observer) -> None:
        self._address = _address(environ)
        self._watchdog_s = _watchdog_s(environ)
        self._grace_s = grace_s
        self._running: set[str] = set()
        self._done = self._failed = 0
        self._stopping = False
        self._ended = ""
        self._told = ""
        self._observer = observer
        self.task_progress = observer.task_progress
        self.worker_message = observer.worker_message

    def task_started(self, task_id: str) -> None:
        """Count it."""
        self._running.add(task_id)
        self._observer.task_started(task_id)

    async def emit(self, records: list[EventRecord]) -> None:
        """Count, and tell what has to be known at once."""
        for record in records:
            event = record.event
            if isinstance(event, TaskEvent):
                self._running.discard(event.task_id)
                self._done += isinstance(event, TaskCompleted)
                self._failed += not (isinstance(event, TaskCompleted) or event.retry)
            elif isinstance(event, WorkerStarted):
                self.tell("READY=1", f"STATUS={self._status()}")
            elif isinstance(event, WorkerStopped):
                self._stopping, self._ended = True, event.reason
                self.tell("STOPPING=1", f"STATUS={self._status()}")

    def signalled(self, name: str) -> None:
        """A signal asks for an end; the manager is told how long that may take, after the first."""
        if self._stopping:
            return
        self._stopping = True
        limit_us = int((self._grace_s + CLOSE_S) * 1e6)
        self.tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={limit_us}", f"STATUS={self._status()}")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """For as long as the block lasts, say that the event loop is alive, and what it does."""
        if not self._address:
            yield
            return
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()

    async def _watch(self) -> None:
        pause_s = min(_TELL_EVERY_S, self._watchdog_s / 2) if self._watchdog_s else _TELL_EVERY_S
        while True:
            self._tell_news()
            await asyncio.sleep(pause_s)

    def _tell_news(self) -> None:
        states = ["WATCHDOG=1"] if self._watchdog_s else []
        status = self._status()
        if status != self._told:
            self._told = status
            states.append(f"STATUS={status}")
        if states:
            self.tell(*states)

    def _status(self) -> str:
        if self._ended:
            return f"ended ({self._ended}): {self._counts()}"
        return self._counts() + (", draining" if self._stopping else "")

    def _counts(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{len(self._running)} running, {self._done} done{failed}"

    def tell(self, *states: str) -> None:
        """Send one message; what cannot be sent at once is left out."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)
            sender.sendto("\n".join(states).encode(), self._address)

    async def aclose(self) -> None:
        """Nothing is held."""


def _address(environ: Mapping[str, str]) -> str:
    """Where the manager listens, a path or an abstract address; "" if nowhere."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):
        return "\0" + address[1:]
    return address if address.startswith("/") else ""


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Within what time the manager wants to hear of this process; 0: it does not."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    limit_us = environ.get("WATCHDOG_USEC", "")
    return int(limit_us) / 1e6 if limit_us.isdecimal() else 0.0
