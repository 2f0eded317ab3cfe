"""PostgreSQL."""

# ruff: noqa: S105, S603 - the password is as public as the programs are known

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
from pathlib import Path

from tests.services.binaries import POSTGRES
from tests.services.server import Server

USER = PASSWORD = "test"
_SSL_REQUEST = struct.pack("!II", 8, 80877103)


class PostgresServer(Server):
    """Has one user, who may do everything, and the database "postgres"."""

    service = POSTGRES
    user = "postgres"
    stop_signal = signal.SIGINT  # "fast": connections are closed, nothing is lost

    def dsn(self, database: str = "postgres") -> str:
        """Where a database of it is."""
        return f"postgresql://{USER}:{PASSWORD}@{self.host}:{self.port}/{database}"

    def prepare(self, programs: list[str]) -> None:
        """Make the cluster; a second."""
        password = self.directory / "password"
        password.write_text(PASSWORD)
        self._give_to_user(password)
        files = ["-D", str(self.data), "--pwfile", str(password), "--no-sync"]
        subprocess.run(
            [programs[1], *files, "-U", USER, "--auth=scram-sha-256", "--locale=C", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd=self.data,
            user=self.user_if_root(),
            extra_groups=[] if os.geteuid() == 0 else None,
        )

    def command(self, programs: list[str]) -> tuple[list[str], dict[str, str]]:
        """Without fsync: a killed process loses nothing that the system has been given."""
        values = {
            "fsync": "off",
            "full_page_writes": "off",
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "max_connections": "200",
            "listen_addresses": self.host,
        }
        options = [part for name, value in values.items() for part in ("-c", f"{name}={value}")]
        return [programs[0], "-D", str(self.data), "-p", str(self.port), *options], {}

    def _signal(self, number: signal.Signals) -> None:
        """Its sessions are processes with groups of their own; one that hangs hangs with all of them."""
        if number in (signal.SIGSTOP, signal.SIGCONT):
            parent = (self.directory / "server.pid").read_text().strip()
            for pid in _children_of(parent):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        super()._signal(number)

    def is_ready(self) -> bool:
        """Who is refused a session gets an answer that begins with E; "N" is about encryption."""
        with socket.create_connection(self.address, 5) as one:
            one.sendall(_SSL_REQUEST)
            if one.recv(1) != b"N":
                return False
            words = b"user\0" + USER.encode() + b"\0database\0postgres\0\0"
            one.sendall(struct.pack("!II", 8 + len(words), 3 << 16) + words)
            return one.recv(1) == b"R"


def _children_of(parent: str) -> list[int]:
    """Process ids, from /proc where there is one, else from `ps`."""
    if Path("/proc/self/stat").exists():
        pids = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal()]
        return [pid for pid in pids if _parent_of(pid) == parent]
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True)  # noqa: S607 - found by its name
    rows = (line.split() for line in listed.stdout.splitlines())
    return [int(pid) for ppid, pid in rows if ppid == parent]


def _parent_of(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # it has ended meanwhile
        return ""
    return stat.rpartition(")")[2].split()[1]
