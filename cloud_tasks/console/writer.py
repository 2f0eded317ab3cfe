"""A thread that writes, so that nobody else waits for a slow terminal or pipe."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from cloud_tasks.console.output import Output

HIGH_WATER_BYTES = 1 << 20
"""Above this the producer is asked to pause."""
PENDING_BYTES_MAX = 16 << 20
"""Above this what comes is left out."""
ROOM_WAIT_S = 2.0
"""How long a producer pauses at most: tasks are slowed down by a pager that nobody scrolls, never stopped."""
LINGER_S = 60.0
"""How long `aclose` waits for a reader that takes nothing."""
_PAUSE_S = 0.04
_POLL_S = 0.01

Compose = Callable[[bytes, bool], bytes]
"""Makes what is written from what is waiting; the flag says that it is the last time."""


def as_it_is(data: bytes, last: bool) -> bytes:  # noqa: FBT001 - a Compose
    """Write what is waiting and nothing else."""
    del last
    return data


class Writer:
    """Collects bytes and writes them from a daemon thread of its own, some 25 times a second at most.

    Args:
        output: Where to.
        compose: Called in the thread before each write; adds bars and the like.
        tick_s: Seconds between two turns of `compose` when nothing is waiting; None: it gets none.
    """

    def __init__(self, output: Output, compose: Compose = as_it_is, tick_s: float | None = None) -> None:
        self._output = output
        self._compose = compose
        self._tick_s = tick_s
        self._lock = threading.Lock()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._lost_bytes = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._started = False

    @property
    def has_room(self) -> bool:
        """Whether producers may go on."""
        return self._pending_bytes < HIGH_WATER_BYTES or self._output.gone or self._closing.is_set()

    def start(self) -> None:
        """Start the thread, if it does not run yet."""
        with self._lock:
            self._start_locked()

    def put(self, data: bytes) -> None:
        """Have it written some time soon; left out if there is no room at all, or no reader."""
        if self._output.gone:
            return
        with self._lock:
            self._start_locked()
            if self._pending_bytes + len(data) > PENDING_BYTES_MAX:
                self._lost_bytes += len(data)
                return
            self._pending.append(data)
            self._pending_bytes += len(data)
        if not self._wake.is_set():
            self._wake.set()

    async def wait_room(self) -> None:
        """Wait until producers may go on, but not for long."""
        give_up = time.monotonic() + ROOM_WAIT_S
        while not self.has_room and time.monotonic() < give_up:  # noqa: ASYNC110 - it is another thread that makes room
            await asyncio.sleep(_PAUSE_S)

    async def aclose(self, linger_s: float = LINGER_S) -> None:
        """Write what is waiting; give up when the reader has taken nothing for `linger_s` seconds."""
        self._closing.set()
        self._wake.set()
        written_bytes, give_up = -1, 0.0
        while self._thread.is_alive():
            if self._output.written_bytes != written_bytes:
                written_bytes, give_up = self._output.written_bytes, time.monotonic() + linger_s
            elif time.monotonic() >= give_up:
                return
            await asyncio.sleep(_POLL_S)

    def _start_locked(self) -> None:
        if not self._started and not self._closing.is_set():
            self._started = True
            self._thread.start()

    def _run(self) -> None:
        last = False
        while not last:
            self._wake.wait(self._tick_s)
            self._wake.clear()
            last = self._closing.is_set()
            self._write_waiting(last=last)
            # Many small writes become one.
            self._closing.wait(_PAUSE_S)

    def _write_waiting(self, *, last: bool) -> None:
        with self._lock:
            data, lost_bytes = b"".join(self._pending), self._lost_bytes
            self._pending.clear()
            self._lost_bytes = 0
        note = (
            b"... %d bytes of output left out: nobody read them in time\n" % lost_bytes if lost_bytes else b""
        )
        self._output.write(self._composed(data + note, last))
        # Not before: what the reader has not taken is still waiting.
        with self._lock:
            self._pending_bytes -= len(data)

    def _composed(self, data: bytes, last: bool) -> bytes:  # noqa: FBT001 - as in Compose
        try:
            return self._compose(data, last)
        except Exception:  # noqa: BLE001 - boundary: what cannot be drawn must not take what is written with it
            return data
