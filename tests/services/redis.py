"""Redis, or Valkey."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.services.binaries import REDIS
from tests.services.server import Server


class RedisServer(Server):
    """Keeps nothing, unless it is to.

    Args:
        append_only: Whether it writes what it is told to a file, so that a restart loses nothing.
        options: More of its command line.
    """

    service = REDIS

    def __init__(
        self,
        directory: Path,
        watch_pid: int,
        port: int | None = None,
        *,
        append_only: bool = False,
        options: tuple[str, ...] = (),
    ) -> None:
        super().__init__(directory, watch_pid, port)
        self._append_only = append_only
        self._options = options

    @property
    def url(self) -> str:
        """Its address, database 0."""
        return f"redis://{self.host}:{self.port}"

    def prepare(self, programs: list[str]) -> None:
        """Nothing."""

    def command(self, programs: list[str]) -> tuple[list[str], dict[str, str]]:
        """A killed process loses nothing that it has written, so there is no fsync."""
        append = "yes" if self._append_only else "no"
        options = ["--bind", self.host, "--port", str(self.port), "--dir", str(self.data), "--save", ""]
        return [*programs, *options, "--appendonly", append, "--appendfsync", "no", *self._options], {}

    def is_ready(self) -> bool:
        """A server that is still loading its file says so."""
        with socket.create_connection(self.address, 5) as one:
            one.sendall(b"PING\r\n")
            return one.recv(100).startswith((b"+PONG", b"-NOAUTH"))
