"""The fixtures: one server of each kind for the whole run, and servers that a module has to itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from tests.services.mariadb import MariadbServer
from tests.services.mysql import VARIABLE as MYSQLD_VARIABLE
from tests.services.mysql import MysqlServer
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer
from tests.services.server import Server, end_keeper

S = TypeVar("S", bound=Server)
S_co = TypeVar("S_co", bound=Server, covariant=True)


class Make(Protocol[S_co]):
    """A kind of server, as its fixtures make one."""

    def __call__(self, directory: Path, watch_pid: int, port: int | None = None) -> S_co:
        """One that has not been started, or that others have started on `port`."""
        ...


class Run:
    """One run of pytest, whose processes share servers.

    Args:
        pid: The process that outlives the others.
        directory: Where the servers are.
    """

    def __init__(self, pid: int, directory: Path) -> None:
        self.pid = pid
        self.directory = directory

    def shared(self, name: str, make: Make[S]) -> S:
        """The server of that name; whoever is the first to ask starts it."""
        directory = self.directory / name
        with (self.directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            started = directory / "port"
            if started.exists():
                return make(directory, self.pid, int(started.read_text()))
            server = make(Path(directory), self.pid)
            server.start()
            started.write_text(str(server.port))
            return server

    def own(self, make: Make[S]) -> Iterator[S]:
        """A server for one user."""
        directory = Path(tempfile.mkdtemp(dir=self.directory, prefix="own-"))
        directory.chmod(0o711)
        server = make(directory, self.pid)
        try:
            server.start()
            yield server
        finally:
            server.remove()

    def end(self) -> None:
        """End what is left."""
        for lock in self.directory.glob("*/keeper.lock"):
            with contextlib.suppress(OSError):
                end_keeper(lock.parent)
        shutil.rmtree(self.directory, ignore_errors=True)


RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Tests in several processes (xdist) are told by the first where the servers are."""
    told: dict[str, str] | None = getattr(config, "workerinput", None)
    if told:
        config.stash[RUN] = Run(int(told["services_pid"]), Path(told["services_directory"]))
    else:
        directory = Path(tempfile.mkdtemp(prefix="cloud-tasks-tests-"))
        directory.chmod(0o711)  # some servers are another user's
        config.stash[RUN] = Run(os.getpid(), directory)


class _Node(Protocol):
    config: pytest.Config
    workerinput: dict[str, str]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: _Node) -> None:
    """Tell a process that is about to be started; a hook of xdist."""
    run = node.config.stash[RUN]
    node.workerinput |= {"services_pid": str(run.pid), "services_directory": str(run.directory)}


def pytest_unconfigure(config: pytest.Config) -> None:
    """The first process is the last to end."""
    if not hasattr(config, "workerinput") and RUN in config.stash:
        config.stash[RUN].end()


def _of_mysqls_family() -> Make[MariadbServer]:
    """MySQL where a variable names its program, or else MariaDB."""
    return MysqlServer if os.environ.get(MYSQLD_VARIABLE) else MariadbServer


@pytest.fixture(scope="session")
def redis_server(pytestconfig: pytest.Config) -> RedisServer:
    """Redis, shared: give your keys a prefix of their own, and do not stop it."""
    return pytestconfig.stash[RUN].shared("redis", RedisServer)


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    """PostgreSQL, shared: make a database of your own, and do not stop it."""
    return pytestconfig.stash[RUN].shared("postgres", PostgresServer)


@pytest.fixture(scope="session")
def mariadb_server(pytestconfig: pytest.Config) -> MariadbServer:
    """MariaDB or MySQL, shared: make a database of your own, and do not stop it."""
    return pytestconfig.stash[RUN].shared("mariadb", _of_mysqls_family())


@pytest.fixture(scope="session")
def rabbitmq_server(pytestconfig: pytest.Config) -> RabbitmqServer:
    """RabbitMQ, shared: give your queues names of their own, and do not stop it."""
    return pytestconfig.stash[RUN].shared("rabbitmq", RabbitmqServer)


@pytest.fixture(scope="module")
def own_redis_server(pytestconfig: pytest.Config) -> Iterator[RedisServer]:
    """Redis with an append-only file, for one module: stop it as you like."""
    yield from pytestconfig.stash[RUN].own(partial(RedisServer, append_only=True))


@pytest.fixture(scope="module")
def own_postgres_server(pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """PostgreSQL for one module: stop it as you like."""
    yield from pytestconfig.stash[RUN].own(PostgresServer)


@pytest.fixture(scope="module")
def own_mariadb_server(pytestconfig: pytest.Config) -> Iterator[MariadbServer]:
    """MariaDB or MySQL for one module: stop it as you like."""
    yield from pytestconfig.stash[RUN].own(_of_mysqls_family())


@pytest.fixture(scope="module")
def own_rabbitmq_server(pytestconfig: pytest.Config) -> Iterator[RabbitmqServer]:
    """RabbitMQ for one module: stop it as you like."""
    yield from pytestconfig.stash[RUN].own(RabbitmqServer)
