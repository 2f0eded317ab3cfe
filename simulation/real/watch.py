"""Watches the processes that the ledger names, and tells when each is gone."""

from __future__ import annotations

import json
import os
import select
import time
from pathlib import Path

from simulation.real import ledger, marked
from simulation.real.seen import Notes, What


class Watch:
    """Reads the ledger as it grows, and waits for what it names.

    Args:
        path: The ledger.
        mark: Of the processes.
        notes: Told of each that is gone.

    Attributes:
        began: How many runs have begun.
    """

    def __init__(self, path: Path, mark: str, notes: Notes) -> None:
        self.began = 0
        self._path = path
        self._mark = mark
        self._notes = notes
        self._place = 0
        self._looked_at = time.monotonic()
        self._poll = select.poll()
        self._watched: dict[int, tuple[int, str]] = {}

    @property
    def running(self) -> list[int]:
        """The processes of tasks that have not gone."""
        return sorted(pid for pid, _ in self._watched.values())

    def wait(self, seconds: float) -> None:
        """Let so much time go by, and note who has gone meanwhile."""
        until = time.monotonic() + seconds
        while True:
            self._read()
            left_s = max(until - time.monotonic(), 0.0)
            ended = self._poll.poll(left_s * 1000)
            now = time.monotonic()
            for handle, _ in ended:
                self._forget(handle, now)
            self._looked_at = now
            if time.monotonic() >= until:
                return

    def close(self) -> None:
        """Let go of everything."""
        for handle in list(self._watched):
            os.close(handle)
        self._watched.clear()

    def _read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._place)
            block = file.read()
        whole = block[: block.rfind(b"\n") + 1]
        self._place += len(whole)
        for line in whole.splitlines():
            entry = json.loads(line)
            self.began += entry["what"] == ledger.BEGAN
            if entry["what"] in {ledger.BEGAN, ledger.LEAVES}:
                self._follow(entry["pid"], entry["worker"], entry["at"])

    def _follow(self, pid: int, worker: str, since: float) -> None:
        handle = self._open(pid)
        if handle is None:
            now = time.monotonic()
            self._notes.put(What.GONE, worker, pid=pid, at=now, size=now - since)
            return
        self._watched[handle] = pid, worker
        self._poll.register(handle, select.POLLIN)

    def _open(self, pid: int) -> int | None:
        """The process; None where it is gone, or another by now."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return None
        if marked.whose_is(pid, self._mark) is None:
            os.close(handle)
            return None
        return handle

    def _forget(self, handle: int, now: float) -> None:
        pid, worker = self._watched.pop(handle)
        self._poll.unregister(handle)
        os.close(handle)
        self._notes.put(What.GONE, worker, pid=pid, at=now, size=now - self._looked_at)
