"""A machine in virtual time: an adapter, and the stand-in that it asks over loopback.

Both live on one event loop, so an adapter that blocked it would never get an answer (F6).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from cloud_tasks.interfaces import InstanceMetadata
from cloud_tasks.metadata.http import MetadataHttp
from fakes.clock import VirtualClock
from fakes.metadata import Step
from fakes.metadata.server import Logged, MetadataServer

LIMIT_S = 30.0
_Adapter = TypeVar("_Adapter", bound=InstanceMetadata)


class Machine:
    """Where an adapter runs."""

    def __init__(self, server: MetadataServer, clock: VirtualClock) -> None:
        self.server = server
        self.clock = clock
        self._adapters: list[InstanceMetadata] = []

    def ask(self, make: Callable[[MetadataHttp, VirtualClock, str], _Adapter]) -> _Adapter:
        """An adapter that asks the stand-in; closed with the machine."""
        adapter = make(MetadataHttp(self.server.url), self.clock, "some-host")
        self._adapters.append(adapter)
        return adapter

    def do(self, step: Step) -> None:
        self.server.do(step)

    def asked(self, path: str = "/", method: str = "") -> list[Logged]:
        """What was asked for under a path."""
        return [
            each for each in self.server.log if each.path.startswith(path) and method in ("", each.method)
        ]

    async def asleep(self, count: int) -> None:
        """Wait until so many wait for time to go by: adapters, and answers that the stand-in holds back."""
        await until(lambda: len(self.clock._sleepers) >= count)

    async def pass_time(self, seconds: float, count: int) -> None:
        """Let time go by; before each step of it, `count` wait for it."""
        end = self.clock.monotonic() + seconds
        while True:
            await self.asleep(count)
            moment = self.clock.next_deadline()
            assert moment is not None
            if moment > end:
                break
            self.clock.advance_to(moment)
        self.clock.advance_to(end)

    async def aclose(self) -> None:
        for adapter in self._adapters:
            await adapter.aclose()


@asynccontextmanager
async def running_machine() -> AsyncIterator[Machine]:
    clock = VirtualClock()
    async with MetadataServer(clock) as server:
        machine = Machine(server, clock)
        try:
            yield machine
        finally:
            await machine.aclose()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that takes real time, but no virtual time."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - it looks at what others do
            await asyncio.sleep(0.001)
