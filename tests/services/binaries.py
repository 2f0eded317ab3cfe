"""Which programs the tests' servers need, and where they are; the standard library alone.

`make services` runs this before anything else is installed, see `install.py`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

REQUIRED_VARIABLE = "CLOUD_TASKS_TESTS_NEED_SERVICES"
"""Set to anything: a server that cannot be started fails the tests that need it, instead of skipping them."""

# Debian keeps some programs off the path, Homebrew the "keg-only" ones.
_DIRECTORIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/rabbitmq/bin",
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    "/opt/homebrew/opt/*/bin",
    "/usr/local/opt/*/bin",
)


class Service(NamedTuple):
    """A server that tests use.

    Attributes:
        name: As people call it.
        programs: What it needs; each with the other names that it may have.
        debian: Its package there.
        brew: Its formula.
    """

    name: str
    programs: tuple[tuple[str, ...], ...]
    debian: str
    brew: str


REDIS = Service("Redis", (("redis-server", "valkey-server"),), "redis-server", "redis")
POSTGRES = Service("PostgreSQL", (("postgres",), ("initdb",)), "postgresql", "postgresql@17")
MARIADB = Service(
    "MariaDB", (("mariadbd",), ("mariadb-install-db", "mysql_install_db")), "mariadb-server", "mariadb"
)
RABBITMQ = Service("RabbitMQ", (("rabbitmq-server",), ("epmd",)), "rabbitmq-server", "rabbitmq")
SERVICES = (REDIS, POSTGRES, MARIADB, RABBITMQ)


def find(service: Service) -> list[str] | None:
    """Paths of its programs, in their order; None if one is missing."""
    paths = [_find_any(names) for names in service.programs]
    there = [path for path in paths if path is not None]
    return there if len(there) == len(paths) else None


def _find_any(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := _find_one(name))), None)


def _find_one(name: str) -> str | None:
    # The directories come first: what Debian has of RabbitMQ on the path wants to be the system's own.
    beside = [str(path) for pattern in _DIRECTORIES for path in sorted(Path("/").glob(pattern[1:]))[::-1]]
    return shutil.which(name, path=os.pathsep.join([*beside, os.environ.get("PATH", os.defpath)]))
