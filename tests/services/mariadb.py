"""MariaDB."""

# ruff: noqa: S105, S603 - the password is as public as the programs are known

from __future__ import annotations

import os
import socket
import subprocess
from typing import ClassVar

from tests.services.binaries import MARIADB, Service
from tests.services.server import Server

USER = PASSWORD = "test"
ZONE = "CET-1CEST,M3.5.0,M10.5.0/3"
"""Where it is: in a zone with summer time, by whose clock an hour comes twice a year."""


class MariadbServer(Server):
    """Has one user, who may do everything from everywhere, and the database "test"."""

    service: ClassVar[Service] = MARIADB
    user = "mysql"
    more: ClassVar[tuple[str, ...]] = ()
    """Options that others of its family do not know."""

    def dsn(self, database: str = "test") -> str:
        """Where a database of it is."""
        return f"mysql://{USER}:{PASSWORD}@{self.host}:{self.port}/{database}"

    def prepare(self, programs: list[str]) -> None:
        """Make the system tables, and the user at the first start."""
        self.make_tables(programs)
        (self.directory / "users.sql").write_text(
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\nCREATE DATABASE IF NOT EXISTS test;\n"
        )

    def make_tables(self, programs: list[str]) -> None:
        """Make the system tables."""
        subprocess.run(
            [
                programs[1],
                "--no-defaults",
                f"--datadir={self.data}",
                "--skip-test-db",
            ],
            check=True,
            capture_output=True,
            cwd=self.data,
            user=self.user_if_root(),
            extra_groups=[] if os.geteuid() == 0 else None,
        )

    def command(self, programs: list[str]) -> tuple[list[str], dict[str, str]]:
        """Without fsync: a killed process loses nothing that the system has been given."""
        values = {
            "datadir": str(self.data),
            "port": str(self.port),
            "bind-address": self.host,
            "socket": str(self.data / "socket"),
            "pid-file": str(self.data / "pid"),
            "init-file": str(self.directory / "users.sql"),
            "innodb-flush-log-at-trx-commit": "2",
            "innodb-flush-method": "nosync",
            "innodb-doublewrite": "0",
            "innodb-buffer-pool-size": "64M",
            "max-connections": "200",
        }
        options = [f"--{name}={value}" for name, value in values.items()]
        argv = [programs[0], "--no-defaults", "--skip-name-resolve", "--skip-log-bin", *self.more, *options]
        return argv, {"TZ": ZONE}

    def is_ready(self) -> bool:
        """It greets first, with the version of its protocol, when it has read its init-file."""
        with socket.create_connection(self.address, 5) as one:
            return one.recv(5)[4:] == b"\x0a"
