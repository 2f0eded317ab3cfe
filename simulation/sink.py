"""`SimulatedSink`: where one worker's events become durable, if they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import SinkUnavailableError
from simulation.fault_source import FaultSource
from simulation.faults import FaultClass
from simulation.happenings import EventStored, StoreFailed, StoreIssued
from simulation.history import History
from simulation.hosts import Host
from simulation.loop import SimulationLoop

STORE_S = 0.002
SLOW_S_MAX = 90.0
_SLOW, _FAILS, _REPLY_LOST = FaultClass.SINK_SLOW, FaultClass.SINK_FAILS, FaultClass.SINK_REPLY_LOST


class SimulatedSink:
    """An `EventSink`: a store that can be full, slow, or silent after the deed.

    Args:
        loop: Time.
        host: The worker.
        faults: What goes wrong.
        history: Told of each event once it is durable.
        full_until: Until when nothing can be stored, on true time.
    """

    def __init__(
        self,
        loop: SimulationLoop,
        host: Host,
        faults: FaultSource,
        history: History,
        *,
        full_until: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._host = host
        self._faults = faults
        self._history = history
        self._full_until = full_until
        self._calls = 0

    async def emit(self, records: list[EventRecord]) -> None:
        """Store events; see `EventSink`."""
        self._calls += 1
        faults, name = self._faults, self._host.name
        self._history.tell(StoreIssued(at=self._loop.now, worker=name))
        pause_s = STORE_S
        if _SLOW in faults.on:
            slow = faults.strikes(_SLOW, name, self._calls, lambda share: SLOW_S_MAX * share)
            if slow is not None:
                faults.had_effect(_SLOW)
                pause_s += slow.size
        if self._full_until() > self._loop.now:
            faults.had_effect(FaultClass.DISK_FULL)
            await asyncio.sleep(pause_s)
            self._fail("no space left on device")
        if faults.strikes(_FAILS, name, self._calls) is not None:
            faults.had_effect(_FAILS)
            await asyncio.sleep(pause_s)
            self._fail("input/output error")
        stored: asyncio.Future[None] = self._loop.create_future()
        self._loop.at(self._loop.world, self._loop.now + pause_s, self._store, list(records), stored)
        await stored
        if faults.strikes(_REPLY_LOST, name, self._calls) is not None:
            faults.had_effect(_REPLY_LOST)
            self._fail("the connection broke before the answer came")

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def _fail(self, why: str) -> NoReturn:
        self._history.tell(StoreFailed(at=self._loop.now, worker=self._host.name))
        raise SinkUnavailableError(why)

    def _store(self, records: list[EventRecord], stored: asyncio.Future[None]) -> None:
        now, history, name = self._loop.now, self._history, self._host.name
        for record in records:
            history.tell(EventStored(at=now, worker=name, event=record.event))
        if not stored.done():
            stored.set_result(None)
