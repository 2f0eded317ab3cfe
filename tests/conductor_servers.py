"""The Conductor stand-in in a thread of its own, for clients that block and for workers in processes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cloud_tasks.clock import SystemClock
from fakes.conductor import ConductorService
from fakes.conductor.faulty import Faulty
from fakes.conductor.server import ConductorServer
from fakes.faults import FaultInjector, FaultPlan

T = TypeVar("T")

ANSWER_S = 60
"""Longer than anything takes that is not broken."""


class ThreadedConductor:
    """A stand-in that serves in a thread, on the machine's clock.

    Attributes:
        url: Where it is, with `/api`.
        injector: What goes wrong.
    """

    def __init__(self, plan: FaultPlan | None = None) -> None:
        clock = SystemClock()
        self.url = ""
        self.injector = FaultInjector(plan or FaultPlan(), clock)
        self._service = ConductorService(clock)
        self._server = ConductorServer(self._service, faults=Faulty(self.injector, clock) if plan else None)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="conductor-stand-in", daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(ANSWER_S)
        self.url = self._server.url

    def run(self, work: Callable[[ConductorService], T]) -> T:
        """Do something with the model, in its thread."""

        async def worked() -> T:
            return work(self._service)

        return asyncio.run_coroutine_threadsafe(worked(), self._loop).result(ANSWER_S)

    def wait_until(self, is_so: Callable[[ConductorService], bool]) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: It never is.
        """
        until = time.monotonic() + ANSWER_S
        while not self.run(is_so):
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.02)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.aclose(), self._loop).result(ANSWER_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def serving(plan: FaultPlan | None = None) -> Iterator[ThreadedConductor]:
    """A stand-in for as long as the block lasts."""
    one = ThreadedConductor(plan)
    one.start()
    try:
        yield one
    finally:
        one.stop()
