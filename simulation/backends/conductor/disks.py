"""Disks of machines: what workers leave there is found by the next worker on that machine."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from simulation.backends.backend import Site
from simulation.backends.conductor.happenings import DiskGone, DiskTaken, ResultKept, ResultRemoved
from simulation.happenings import EndAsked, WorkerEnded, WorkerKilled
from simulation.hosts import Host

T = TypeVar("T")


async def inline(function: Callable[..., T], /, *args: object) -> T:
    """Call what would block a thread; who waits for it may be killed before it has begun, or after it."""
    await asyncio.sleep(0)
    result = function(*args)
    await asyncio.sleep(0)
    return result


class Disk:
    """A machine's disk.

    Attributes:
        name: Identity.
        files: What is on it, oldest first.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: list[File] = []


class Disks:
    """Gives each worker a machine: that of one who is no more, or a new one.

    A machine that was given a notice is gone, with its disk, as soon as its worker is.

    Args:
        site: Where they are.
        receipt_of: Under which receipt a worker knows a task of the server.
    """

    def __init__(self, site: Site, receipt_of: Callable[[str], str]) -> None:
        self._site = site
        self._receipt_of = receipt_of
        self._made = 0
        self._free: list[Disk] = []
        self._in_use: dict[str, Disk] = {}
        self._doomed: dict[str, None] = {}
        site.history.on(EndAsked, self._on_asked)
        site.history.on(WorkerKilled, self._on_over)
        site.history.on(WorkerEnded, self._on_over)

    def results(self, host: Host) -> SimulatedResults:
        """What a worker on this host has of a disk."""
        if self._free:
            disk = self._free.pop(0)
        else:
            self._made += 1
            disk = Disk(f"disk-{self._made}")
        self._in_use[host.name] = disk
        loop, history = self._site.loop, self._site.history
        history.tell(DiskTaken(at=loop.time(), worker=host.name, disk=disk.name))
        return SimulatedResults(self._site, host, disk, self._receipt_of)

    def _on_asked(self, happening: EndAsked) -> None:
        if happening.why == "notice":
            self._doomed[happening.worker] = None

    def _on_over(self, happening: WorkerEnded | WorkerKilled) -> None:
        disk = self._in_use.pop(happening.worker, None)
        if disk is None:
            return
        if happening.worker in self._doomed:
            self._site.history.tell(DiskGone(at=happening.at, worker=happening.worker, disk=disk.name))
            return
        for file in disk.files:
            file.let_go()
        self._free.append(disk)


class SimulatedResults:
    """Takes the place of the adapter's `Spool`.

    Args:
        site: Where it is.
        host: The worker.
        disk: That of its machine.
        receipt_of: Under which receipt a worker knows a task of the server.
    """

    def __init__(self, site: Site, host: Host, disk: Disk, receipt_of: Callable[[str], str]) -> None:
        self.directory = Path("/results")
        self._site = site
        self._host = host
        self._disk = disk
        self._receipt_of = receipt_of

    def keep(self, task_id: str, body: bytes) -> File:
        """See `Results`."""
        now, host = self._site.loop.time(), self._host.name
        if self._site.weather.full_until.get(host, 0.0) > now:
            raise OSError(errno.ENOSPC, "No space left on device")
        file = File(self, body, self._receipt_of(task_id))
        self._disk.files.append(file)
        told = ResultKept(at=now, worker=host, receipt=file.receipt, disk=self._disk.name)
        self._site.history.tell(told)
        return file

    def adopt(self) -> list[File]:
        """See `Results`."""
        left = [file for file in self._disk.files if file.owner is None]
        for file in left:
            file.owner = self
        return left

    def forget(self, file: File) -> None:
        """Remove a file."""
        self._disk.files.remove(file)
        now, host = self._site.loop.time(), self._host.name
        told = ResultRemoved(at=now, worker=host, receipt=file.receipt, disk=self._disk.name)
        self._site.history.tell(told)


class File:
    """A result on a disk; see `KeptResult`.

    Attributes:
        body: What the server is to be told.
        receipt: Of the delivery that it is about.
        owner: Who looks after it; None: nobody any more.
    """

    def __init__(self, owner: SimulatedResults, body: bytes, receipt: str) -> None:
        self.body = body
        self.receipt = receipt
        self.owner: SimulatedResults | None = owner

    def remove(self) -> None:
        """See `KeptResult`."""
        if self.owner is not None:
            self.owner.forget(self)

    def put_aside(self) -> Path:
        """Refused results would be kept for people."""
        raise AssertionError(f"the server refuses {msgspec.json.decode(self.body)}")

    def let_go(self) -> None:
        """See `KeptResult`."""
        self.owner = None
