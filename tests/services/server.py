"""A real server for tests, on a free port of the loopback, with a directory that goes with it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import pytest

from tests.services.binaries import REQUIRED_VARIABLE, Service, find
from tests.services.keeper import Spec

HOST = "127.0.0.1"
START_S = 90.0
"""A loaded machine may need it; one that is idle takes six at most."""
LOOK_S = 0.02
STOPPING_S = 0.1
"""Each thread of a process that is stopped goes on until it is looked at."""
KEEPER = Path(__file__).with_name("keeper.py")


class ServerFailedError(Exception):
    """A server did not start, or did not end."""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def programs_of(service: Service) -> list[str]:
    """Its programs. Without them the test is skipped, or fails where it must not be."""
    if paths := find(service):
        return paths
    text = f"{service.name} is not installed; `make services` installs it where it may"
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(text)
    pytest.skip(text)


class Server(ABC):
    """One server; whoever asks for it starts and ends it.

    Attributes:
        directory: Its own, with a file `server.log`.
        host: Always the loopback.
        port: The same after a restart.
    """

    service: ClassVar[Service]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    user: ClassVar[str] = ""
    """Who runs it where the tests are root's and it refuses root; "": it does not."""

    def __init__(self, directory: Path, watch_pid: int, port: int | None = None) -> None:
        self.directory = directory
        self.host = HOST
        self.port = port or free_port()
        self._watch_pid = watch_pid

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    @property
    def log(self) -> str:
        """What it has printed."""
        return (self.directory / "server.log").read_text(errors="replace")

    @abstractmethod
    def prepare(self, programs: list[str]) -> None:
        """Make what it needs in `data`; once."""

    @abstractmethod
    def command(self, programs: list[str]) -> tuple[list[str], dict[str, str]]:
        """How it is started, and what its environment has beside ours."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers now; may raise OSError."""

    @property
    def data(self) -> Path:
        """Where it keeps its data."""
        return self.directory / "data"

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            ServerFailedError: It ended, or does not answer.
        """
        programs = programs_of(self.service)
        if not self.data.exists():
            self.data.mkdir(parents=True)
            self._give_to_user(self.data)
            self.prepare(programs)
        argv, env = self.command(programs)
        self._start_keeper(argv, env)
        self._wait_until_ready()

    def stop(self) -> None:
        """End it in its own way; no error if it is not there."""
        self._end(stop=True)

    def kill(self) -> None:
        """End it with SIGKILL, as when the machine's memory is used up."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            self._signal(signal.SIGKILL)
        self._end(stop=False)

    def restart(self) -> None:
        """End it, and start it on the same port with the same data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let it hang: connections stay, and nobody answers."""
        self._signal(signal.SIGSTOP)
        time.sleep(STOPPING_S)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it for good, and its directory with it."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def user_if_root(self) -> str | None:
        """Who is to run it."""
        if os.geteuid() != 0 or not self.user:
            return None
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(self.user).pw_name
        return "nobody"

    def _give_to_user(self, path: Path) -> None:
        if user := self.user_if_root():
            entry = pwd.getpwnam(user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _start_keeper(self, argv: list[str], env: dict[str, str]) -> None:
        (self.directory / "server.pid").unlink(missing_ok=True)
        spec = Spec(
            argv=argv,
            env={**os.environ, **env},
            directory=str(self.data),
            user=self.user_if_root(),
            stop_signal=int(self.stop_signal),
            watch_pid=self._watch_pid,
        )
        path = self.directory / "spec.json"
        path.write_text(json.dumps(spec))
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        log = str(self.directory / "keeper.log")
        out = (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._keeper = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", str(KEEPER), str(path)],
            dict(os.environ),
            file_actions=[null, out, (os.POSIX_SPAWN_DUP2, 1, 2)],
            setsid=True,
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if os.waitpid(self._keeper, os.WNOHANG)[0]:
                raise ServerFailedError(f"{self.service.name} ended at once: {self.log[-2000:]}")
            with contextlib.suppress(OSError):
                if self.is_ready():
                    return
            time.sleep(LOOK_S)
        self.stop()
        raise ServerFailedError(f"{self.service.name} does not answer: {self.log[-2000:]}")

    def _signal(self, number: signal.Signals) -> None:
        os.killpg(int((self.directory / "server.pid").read_text()), number)

    def _end(self, *, stop: bool) -> None:
        end_keeper(self.directory, stop=stop)
        with contextlib.suppress(AttributeError, ChildProcessError):
            os.waitpid(self._keeper, 0)


def end_keeper(directory: Path, *, stop: bool = True) -> None:
    """Have the server of a directory ended, and wait until nothing is left of it."""
    path = directory / "keeper.lock"
    if not path.exists():
        return
    with path.open() as lock:
        if stop and not _is_free(lock.fileno()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((directory / "keeper.pid").read_text()), signal.SIGTERM)
        deadline = time.monotonic() + START_S
        while not _is_free(lock.fileno()):
            if time.monotonic() > deadline:
                raise ServerFailedError(f"the server in {directory} does not end")
            time.sleep(LOOK_S)


def _is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True
