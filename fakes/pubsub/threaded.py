"""The stand-in in a thread of its own, for programs and tests that have no loop to give."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from cloud_tasks.interfaces import Clock
from fakes.faults import FaultInjector
from fakes.pubsub.server import PubSubServer
from fakes.pubsub.service import PubSubService


class ThreadedPubSubServer:
    """Pub/Sub on a free port of the loopback interface, with a thread and a loop of its own.

    Args:
        clock: Leases follow it; it is asked in the server's thread.
        faults: What goes wrong; None: nothing.
    """

    def __init__(self, clock: Clock, faults: FaultInjector | None = None) -> None:
        self.clock = clock
        self._faults = faults
        self._address = ""
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="pubsub stand-in", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as `PUBSUB_EMULATOR_HOST` takes it."""
        return self._address

    def start(self) -> str:
        """Listen; returns where."""
        self._thread.start()
        self._started.wait()
        return self._address

    def stop(self) -> None:
        """Hang up on everybody and stop listening."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with PubSubServer(PubSubService(self.clock), faults=self._faults) as server:
            self._address = server.address
            self._started.set()
            await self._end.wait()
