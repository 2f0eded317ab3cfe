"""Runs one server, and ends it when it is told to (SIGTERM) or the test run is gone, however that ended.

    python keeper.py SPEC

SPEC is a JSON file, see `Spec`. The keeper holds a lock on `keeper.lock` beside it for as long as it lives:
who gets that lock knows that the server is gone.
"""

# ruff: noqa: S603 - it runs what the tests ask for

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TypedDict

LOOK_S = 0.2
"""How often it looks whether the test run is still there."""
STOP_S = 15.0
"""How long a server may take to end before it is killed."""


class Spec(TypedDict):
    """What to run.

    Attributes:
        argv: The server's command.
        env: Its environment.
        directory: Where it runs; its log and its process id are written there.
        user: Who runs it; None: whoever runs the tests.
        stop_signal: What ends it.
        watch_pid: The process of the test run.
    """

    argv: list[str]
    env: dict[str, str]
    directory: str
    user: str | None
    stop_signal: int
    watch_pid: int


class Told(Exception):  # noqa: N818 - a signal, not a fault
    """SIGTERM came."""


def main() -> None:
    """Run it to its end."""
    path = Path(sys.argv[1])
    spec: Spec = json.loads(path.read_text())
    with (path.parent / "keeper.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (path.parent / "keeper.pid").write_text(str(os.getpid()))
        keep(spec, path.parent)


def keep(spec: Spec, beside: Path) -> None:
    """Start it, wait, end it with everything that it started."""
    signal.signal(signal.SIGTERM, told)
    with (beside / "server.log").open("ab") as log:
        server = subprocess.Popen(
            spec["argv"],
            env=spec["env"],
            cwd=spec["directory"],
            user=spec["user"],
            extra_groups=None if spec["user"] is None else [],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        (beside / "server.pid").write_text(str(server.pid))
        while server.poll() is None and is_there(spec["watch_pid"]):
            time.sleep(LOOK_S)
    except Told:
        pass
    end(server, spec["stop_signal"])


def told(number: int, frame: object) -> None:
    """Stop waiting."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Told


def end(server: subprocess.Popen[bytes], stop_signal: int) -> None:
    """Politely first; then nothing of its process group may be left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGCONT)
        server.send_signal(stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def is_there(pid: int) -> bool:
    """Whether a process lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


if __name__ == "__main__":
    main()
