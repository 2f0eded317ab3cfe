"""What `cloud_tasks workers` writes: the log of all its processes, and what payloads print, in one stream."""

from __future__ import annotations

import asyncio
import logging
import sys

from cloud_tasks.console.output import Output
from cloud_tasks.console.writer import Writer
from cloud_tasks.core.events import (
    EventRecord,
    FatalException,
    NonFatalException,
    TaskDeadLettered,
    TaskTimedOut,
    WorkerStopped,
)
from cloud_tasks.queue_workers.child import FORMAT
from cloud_tasks.runners.resident import Loss

LOGGER = "AsyncTaskWorkerTask"
LINE_BYTES_MAX = 65_536
"""A longer line is passed on in parts, and may be mixed with others."""
log = logging.getLogger(LOGGER)


class Lines:
    """Standard output and standard error, written by threads: nobody else waits for a slow reader."""

    def __init__(self) -> None:
        self.stdout = Writer(Output(sys.stdout))
        self.stderr = Writer(Output(sys.stderr))

    def set_up_logging(self, *, quiet: bool) -> None:
        """Log to standard output, through the same writer as what workers print."""
        if quiet:
            logging.disable(logging.CRITICAL)
        handler = _Handler(self.stdout)
        handler.setFormatter(logging.Formatter(FORMAT))
        logging.basicConfig(handlers=[handler], level=logging.WARNING)
        log.setLevel(logging.INFO)

    async def aclose(self) -> None:
        """Write what is left."""
        await asyncio.gather(self.stdout.aclose(), self.stderr.aclose())


class _Handler(logging.Handler):
    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, with its traceback."""
        self._writer.put(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))


class Words:
    """What one worker's process writes, a whole line at a time: those of others do not get into it."""

    def __init__(self, lines: Lines) -> None:
        self._writers = {"stdout": lines.stdout, "stderr": lines.stderr}
        self._begun = {"stdout": b"", "stderr": b""}

    def __call__(self, task_id: str, stream: str, chunk: bytes) -> bool:
        """Take a piece; False where the next had better wait."""
        whole, newline, begun = (self._begun[stream] + chunk).rpartition(b"\n")
        if len(begun) > LINE_BYTES_MAX:
            newline, begun = newline + begun, b""
        self._begun[stream] = begun
        writer = self._writers[stream]
        if newline:
            writer.put(whole + newline)
        return writer.has_room

    def flush(self) -> None:
        """Nothing more comes: pass on what was begun."""
        for stream, begun in self._begun.items():
            if begun:
                self._writers[stream].put(begun + b"\n")
                self._begun[stream] = b""


class QueueLog:
    """Tells what becomes of the worker of one queue: the watcher of its process, and a sink of its events.

    Args:
        queue: The queue.
        worker: The worker's name.
        words: What its process writes.
    """

    def __init__(self, queue: str, worker: str, words: Words) -> None:
        self._queue = queue
        self._worker = worker
        self._words = words

    def launching(self) -> None:
        """A process is about to be started."""
        log.info("Launching %s to work on queue %s", self._worker, self._queue)

    def lost(self, why: Loss, reason: str, pause_s: float) -> None:
        """It is no more, and another takes its place."""
        self._words.flush()
        what = "could not begin" if why == "died" and reason else _WORDS[why]
        soon = f" in {pause_s:.3g} s" if pause_s else ""
        more = f"\n{reason.rstrip()}" if reason else ""
        log.error("Worker for queue %s %s; restarting...%s%s", self._queue, what, soon, more)

    async def emit(self, records: list[EventRecord]) -> None:
        """Tell of what nobody else tells of."""
        for record in records:
            event = record.event
            if isinstance(event, NonFatalException | FatalException):
                log.error("Queue %s: %s", self._queue, event.exception)
            elif isinstance(event, TaskTimedOut):
                log.error("Queue %s: a payload took too long: %.3g s", self._queue, event.elapsed_time)
            elif isinstance(event, WorkerStopped):  # its process has ended before that
                self._words.flush()
            elif isinstance(event, TaskDeadLettered):
                log.error("Queue %s: put among the dead letters: %s", self._queue, event.reason)

    async def aclose(self) -> None:
        """Nothing is held."""


_WORDS: dict[Loss, str] = {
    "died": "died",
    "stopped": "was stopped",
    "full": "met its memory limit",
    "refused": "cannot be started",
}
