"""`Fleet`: several workers in one process, on one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from cloud_tasks.compose.garbage import garbage_looked_for_rarely
from cloud_tasks.compose.running import failures_told_to
from cloud_tasks.core.policy import Backoff
from cloud_tasks.interfaces import Clock
from cloud_tasks.shell import WorkerShell
from cloud_tasks.summary import Summary

T = TypeVar("T")
MakeWorker: TypeAlias = Callable[[], Awaitable[WorkerShell]]
"""Puts a worker together, open and ready to be run; called again when that worker has failed.

What it has opened it closes itself when it fails or is cancelled.
"""
PAUSES = Backoff(base_s=1.0, cap_s=60.0)
"""Between a failure of a worker and the next try."""


class Fleet:
    """Runs several workers side by side; one that fails is put together again, and the others do not notice.

    Whatever goes wrong is tried again: what can be known to be a mistake is best looked for before there is a
    fleet. All calls are made on the loop's own thread; from others, `loop.call_soon_threadsafe` brings them
    there.

    Args:
        workers: How each is put together, by its name.
        clock: Time.
        on_failure: Told name and error of a worker that failed, before it is put together again.
        pauses: From a failure to the next try.
    """

    def __init__(
        self,
        workers: Mapping[str, MakeWorker],
        clock: Clock,
        *,
        on_failure: Callable[[str, Exception], None],
        pauses: Backoff = PAUSES,
    ) -> None:
        self._workers = dict(workers)
        self._clock = clock
        self._on_failure = on_failure
        self._pauses = pauses
        self._shells: dict[str, WorkerShell] = {}
        self._summaries: dict[str, Summary] = {}
        self._waits: set[asyncio.Future[Any]] = set()
        self._signals: list[str] = []

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the workers that are at work now."""
        return tuple(self._shells)

    def request_shutdown(self, signal_name: str) -> None:
        """Ask all workers to end: drain at the first call, kill at the second; none is put together again."""
        self._signals.append(signal_name)
        for shell in tuple(self._shells.values()):
            shell.request_shutdown(signal_name)
        for wait in tuple(self._waits):
            wait.cancel()

    def fail(self, error: Exception) -> None:
        """Something that nobody knows the worker of went wrong: all are put together again."""
        for shell in tuple(self._shells.values()):
            shell.fail(error)

    async def run(self) -> dict[str, Summary]:
        """Work until all workers have ended; returns what each that ended in good order has to say."""
        with failures_told_to(self, loop_is_shared=False), garbage_looked_for_rarely():
            keepers = [asyncio.ensure_future(self._keep(*item)) for item in self._workers.items()]
            try:
                await asyncio.gather(*keepers)
            finally:
                for keeper in keepers:
                    keeper.cancel()
                await asyncio.gather(*keepers, return_exceptions=True)
        return self._summaries

    async def _keep(self, name: str, make: MakeWorker) -> None:
        """Run one worker until it ends in good order, or all are to end."""
        failures = 0
        while not self._signals:
            began = self._clock.monotonic()
            try:
                await self._run_once(name, make)
            except Exception as error:  # noqa: BLE001 - boundary: one worker must not end the others
                self._on_failure(name, error)
            else:
                return
            long = self._clock.monotonic() - began > self._pauses.cap_s
            failures = 1 if long else failures + 1
            pause_s = self._pauses.pause_s(failures, name)
            await self._unless_ending(self._clock.sleep_until(self._clock.monotonic() + pause_s))

    async def _run_once(self, name: str, make: MakeWorker) -> None:
        shell = await self._unless_ending(make())
        if shell is None:
            return
        self._shells[name] = shell
        for signal_name in self._signals:
            shell.request_shutdown(signal_name)
        try:
            self._summaries[name] = await shell.run()
        finally:
            del self._shells[name]

    async def _unless_ending(self, work: Awaitable[T]) -> T | None:
        """Wait for it, unless all are to end: it is given up then, and None comes back."""
        wait = asyncio.ensure_future(work)
        self._waits.add(wait)
        try:
            return await wait
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._signals or (task is not None and task.cancelling()):
                raise
            return None
        finally:
            self._waits.discard(wait)
