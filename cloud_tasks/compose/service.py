"""Telling the system's service manager how the worker fares: the protocol of sd_notify(3)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping

from cloud_tasks.core.events import EventRecord, WorkerStarted, WorkerStopped


class Service:
    """Says READY, STOPPING and WATCHDOG to systemd, where it listens; an event sink that never fails.

    Args:
        environ: `NOTIFY_SOCKET`: where it listens; `WATCHDOG_USEC`: how often it wants to hear of us.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        limit_us = environ.get("WATCHDOG_USEC", "")
        self._watchdog_s = int(limit_us) / 1e6 if limit_us.isdecimal() else 0.0

    async def emit(self, records: list[EventRecord]) -> None:
        """Pass on what it has to know."""
        for record in records:
            if isinstance(record.event, WorkerStarted):
                self.tell("READY=1")
            elif isinstance(record.event, WorkerStopped):
                self.tell("STOPPING=1")

    async def watch(self) -> None:
        """Say that the event loop is alive, twice in the time that the manager allows; until cancelled."""
        while self._watchdog_s:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def tell(self, state: str) -> None:
        """Send one message; what cannot be sent is left out."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(self._address)
            sender.send(state.encode())

    async def aclose(self) -> None:
        """Nothing is held."""
