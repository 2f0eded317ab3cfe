"""MySQL itself, where a variable names its program: it takes the place of MariaDB in every test.

No package of Debian 12 has it, and its program may be called as MariaDB's, so it is not looked for.
"""

# ruff: noqa: S603 - the program is one that the user has named

from __future__ import annotations

import os
import subprocess
from typing import ClassVar

from tests.services.binaries import Service
from tests.services.mariadb import MariadbServer

VARIABLE = "CLOUD_TASKS_TESTS_MYSQLD"
"""The path of `mysqld`, from MySQL 8.0 on."""


class MysqlServer(MariadbServer):
    """As MariaDB, with what MySQL has another way; new users log in with `caching_sha2_password`."""

    service: ClassVar[Service] = Service("MySQL", ((os.environ.get(VARIABLE, "mysqld"),),), "", "mysql")
    more: ClassVar[tuple[str, ...]] = ("--mysqlx=OFF", "--secure-file-priv=NULL")

    def make_tables(self, programs: list[str]) -> None:
        """Make the system tables."""
        subprocess.run(
            [programs[0], "--no-defaults", "--initialize-insecure", f"--datadir={self.data}"],
            check=True,
            capture_output=True,
            cwd=self.data,
            user=self.user_if_root(),
            extra_groups=[] if os.geteuid() == 0 else None,
        )
