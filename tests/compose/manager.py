"""A service manager, as far as a service sees one: a socket to which it sends messages."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 30.0


class Manager:
    """Keeps what it is told, and when.

    Attributes:
        told: Moment and text of each message.
    """

    def __init__(self, path: Path) -> None:
        self.told: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.05)
        self._ended = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        self.address = str(path)

    def env(self, watchdog_s: float = 0.0, **more: str) -> dict[str, str]:
        """What it puts into the environment of a service."""
        limit = {"WATCHDOG_USEC": str(int(watchdog_s * 1e6))} if watchdog_s else {}
        return {"NOTIFY_SOCKET": self.address, **limit, **more}

    def states(self) -> list[str]:
        """All that it was told, line by line."""
        return [line for _, text in list(self.told) for line in text.splitlines()]

    def of(self, state: str) -> list[float]:
        """When it was told something."""
        return [at for at, text in list(self.told) if state in text.splitlines()]

    def wait_for(self, condition: Callable[[list[str]], bool], limit_s: float = LIMIT_S) -> None:
        deadline = time.monotonic() + limit_s
        while not condition(self.states()):
            assert time.monotonic() < deadline, self.states()
            time.sleep(0.01)

    def _listen(self) -> None:
        while not self._ended:
            try:
                text = self._socket.recv(65536).decode()
            except TimeoutError:
                continue
            self.told.append((time.monotonic(), text))

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._socket.close()


@contextmanager
def managing(path: Path) -> Iterator[Manager]:
    manager = Manager(path)
    try:
        yield manager
    finally:
        manager.close()
