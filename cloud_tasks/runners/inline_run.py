"""One run in the worker's own process."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Protocol

import msgspec

from cloud_tasks.core.task import EndKind, RunEnd
from cloud_tasks.interfaces import RunListener, RunSpec
from cloud_tasks.runners.attempt import ENDED_BEFORE
from cloud_tasks.runners.reporting import PROGRESS_INTERVAL_S
from cloud_tasks.runners.results import BadResultError, Encoder, check_pair, encode_result
from cloud_tasks.runners.tracebacks import traceback_text
from cloud_tasks.runners.wire import deadline_of
from cloud_tasks.runners.worker_data import WorkerData

ABANDONED = "interrupted: a thread cannot be killed, so the function goes on until it returns"
_CANCEL_S_MAX = 0.5
"""How long a coroutine has to heed its cancellation; less than from a worker's last kill to its end."""
CANCELLED = RunEnd(EndKind.EXITED, exception="interrupted: the function was cancelled")


class _Here(threading.local):
    """What every thread has for itself."""

    def __init__(self) -> None:
        self.encoder = Encoder()


_here = _Here()


class InlineOwner(Protocol):
    """What inline runs share."""

    def forget(self, run: InlineRun) -> bool:
        """Take back a run that waits; whether it did."""

    def run_abandoned(self, run: InlineRun) -> None:
        """Its end was reported, and it goes on."""

    def run_over(self, run: InlineRun) -> None:
        """Nothing is left of it."""


class InlineRun:
    """A run as an asyncio task, or in a thread."""

    def __init__(
        self,
        owner: InlineOwner,
        settings: WorkerData,
        spec: RunSpec,
        listener: RunListener,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.spec = spec
        self.worker_data = WorkerData.__new__(WorkerData)
        self.worker_data.__dict__ = dict(settings.__dict__)
        self.worker_data.attempt = spec.attempt
        self.worker_data.deadline = deadline_of(spec, time.monotonic())
        self.worker_data._report_progress = self._progress  # noqa: SLF001 - the runners own this
        self.task: asyncio.Task[None] | None = None
        self.asked = False
        self._owner = owner
        self._listener = listener
        self._loop = loop
        self._next_progress = 0.0
        self._started = False
        self._ended = False
        self._gone = False

    @property
    def abandoned(self) -> bool:
        """Whether its end was reported, and it goes on all the same."""
        return self._ended and not self._gone

    def stop(self) -> None:
        """Cancel the task; a thread goes on, because nothing can stop it but itself."""
        if self._gone:
            return
        self.asked = True
        if self.task is not None:
            self.task.cancel()
        elif self._owner.forget(self):
            self._loop.call_soon(self.fail, ENDED_BEFORE)

    def kill(self) -> None:
        """Cancel the task, and do not wait for what does not end; a thread is not waited for at all."""
        self.stop()
        if self.task is not None:
            self._loop.call_later(_CANCEL_S_MAX, self.abandon)
        else:
            self._loop.call_soon(self.abandon)

    def abandon(self) -> None:
        """Report the end of what cannot be ended; `gone` is told when it really returns."""
        if not self._ended and not self._gone:
            self.tell_started()
            self._ended = True
            self._listener.ended(RunEnd(EndKind.EXITED, exception=ABANDONED))
            self._owner.run_abandoned(self)

    def tell_started(self) -> None:
        """Say that it runs, unless that was said."""
        if not self._started and not self._gone:
            self._started = True
            self._listener.started(os.getpid())

    def fail(self, reason: str) -> None:
        """Say that it could not be started."""
        if not self._gone:
            self._let_go()
            self._listener.start_failed(reason)

    def over(self, end: RunEnd) -> None:
        """Say how it ended, unless it was abandoned before; and that nothing is left."""
        self.tell_started()
        told, self._ended = self._ended, True
        self._let_go()
        self._owner.run_over(self)
        if told:
            self._listener.gone()
        else:
            self._listener.finished(end)

    def _let_go(self) -> None:
        """Nothing is left to be done: what has been seen of it by now is all.

        What leads back to the run is let go of, as otherwise only the garbage collector would find it, and
        each of its rounds goes through all that the worker has imported.
        """
        self._gone = True
        self.task = None
        self.worker_data._report_progress = None  # noqa: SLF001 - the runners own this

    def _progress(self, done: float, total: float | None) -> None:
        """Called by the function, in whatever thread it runs."""
        now = time.monotonic()
        if now >= self._next_progress or (total is not None and done == total):
            self._next_progress = now + PROGRESS_INTERVAL_S
            numbers = float(done), None if total is None else float(total)
            self._loop.call_soon_threadsafe(self._tell_progress, *numbers)

    def _tell_progress(self, done: float, total: float | None) -> None:
        if self._started and not self._ended:
            self._listener.progress(done, total)


def end_of_value(value: object, *, success_first: bool) -> RunEnd:
    """The end of a function that returned."""
    try:
        retry, result = check_pair(value, success_first=success_first)
        encoded = encode_result(result, _here.encoder)
    except BadResultError as error:
        return RunEnd(EndKind(error.kind), exception=str(error))
    return RunEnd(EndKind.RETURNED, retry=retry, result=msgspec.Raw(encoded))


def end_of_exception(error: BaseException, *, asked: bool) -> RunEnd:
    """The end of a function that raised, was cancelled (`asked`: as it was to be), or called `sys.exit`."""
    if asked and isinstance(error, asyncio.CancelledError):
        return CANCELLED
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        return RunEnd(EndKind.EXITED, exit_code=code & 0xFF, exception="the function called sys.exit()")
    return RunEnd(EndKind.RAISED, exception=traceback_text(error))
