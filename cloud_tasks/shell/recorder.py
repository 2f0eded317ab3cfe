"""Stores events in order, for as long as it takes."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from datetime import datetime

import msgspec

from cloud_tasks.core.events import Event, EventRecord
from cloud_tasks.core.policy import Backoff
from cloud_tasks.errors import SinkUnavailableError
from cloud_tasks.interfaces import Clock, EventSink
from cloud_tasks.shell.bell import Bell

BUSY_S = 0.0005
GATHER_S = 0.001
"""When events come in a stream (one batch within `BUSY_S` of the other), they are gathered for so long."""
_PAUSES = Backoff(base_s=0.2, cap_s=30.0)
_HASTE = Backoff(base_s=0.2, cap_s=1.0)
"""When the worker is to end: what is not stored by then is done once more."""


class Recorder:
    """Hands events to the sink, batch after batch; what comes in while one is stored makes the next batch.

    A sink that fails is tried again with growing pauses, with the same events, for ever: nothing is settled
    meanwhile, and nothing overtakes (F3).

    Args:
        sink: Where events go.
        clock: For time stamps and pauses.
        hostname: Name of this machine, for the records.
        stored: Told the events that are durable now, and the attempts that waited for them.
        failing: Told the first time that the sink fails, and why.
    """

    def __init__(
        self,
        sink: EventSink,
        clock: Clock,
        hostname: str,
        stored: Callable[[list[Event], list[int]], None],
        failing: Callable[[str], None],
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._hostname = hostname
        self._stored = stored
        self._failing = failing
        self._waiting: list[tuple[EventRecord, int | None]] = []
        self._storing: list[tuple[EventRecord, int | None]] = []
        self._wake = Bell()
        self._idle: asyncio.Event | None = None
        self._failures = 0
        self._pauses = _PAUSES
        self._pausing: asyncio.Task[None] | None = None

    def put(self, event: Event, attempt_id: int | None) -> None:
        """Take an event in; returns at once."""
        timestamp = utc_text(self._clock.utc_now())
        self._waiting.append((EventRecord(timestamp, self._hostname, event), attempt_id))
        self._wake.ring()

    def hurry(self) -> None:
        """The worker is to end: try again now, and with short pauses from now on."""
        self._pauses = _HASTE
        if self._pausing is not None:
            self._pausing.cancel()

    def unconfirmed(self) -> list[Event]:
        """The events that are not known to be stored; what comes later is stored after them."""
        return [record.event for record, _ in (*self._storing, *self._waiting)]

    async def flush(self) -> None:
        """Wait until everything that was taken in is stored."""
        while self._waiting or self._storing:
            if self._idle is None:
                self._idle = asyncio.Event()
            await self._idle.wait()

    async def run(self) -> None:
        """Store what comes, until cancelled."""
        stored_at = float("-inf")
        while True:
            await self._wake.wait()
            if self._clock.monotonic() - stored_at < BUSY_S:
                await self._clock.sleep_until(self._clock.monotonic() + GATHER_S)
            batch, self._waiting = self._waiting, []
            if batch:
                self._storing = batch
                await self._store(batch)
                self._storing = []
                stored_at = self._clock.monotonic()
            if self._idle is not None and not self._waiting:
                self._idle.set()
                self._idle = None

    async def _store(self, batch: list[tuple[EventRecord, int | None]]) -> None:
        records = [record for record, _ in batch]
        while True:
            try:
                await self._sink.emit(records)
            except SinkUnavailableError as error:
                await self._pause(str(error))
            except Exception:  # noqa: BLE001 - boundary: a fault of a sink must not end the worker
                await self._pause(traceback.format_exc())
            else:
                break
        self._failures = 0
        waiting = [attempt_id for _, attempt_id in batch if attempt_id is not None]
        self._stored([record.event for record in records], waiting)

    async def _pause(self, why: str) -> None:
        self._failures += 1
        if self._failures == 1:
            self._failing(why)
        until = self._clock.monotonic() + self._pauses.pause_s(self._failures, "sink")
        self._pausing = asyncio.get_running_loop().create_task(self._clock.sleep_until(until))
        try:
            await asyncio.wait((self._pausing,))
        finally:
            self._pausing.cancel()
            self._pausing = None


_encode = msgspec.json.Encoder().encode


def utc_text(moment: datetime) -> str:
    """A moment in UTC as its `isoformat()` is, which takes several times as long, and each event has one."""
    return f"{_encode(moment)[1:-2].decode()}+00:00"
