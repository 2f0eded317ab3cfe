"""How long workers, ours or those of a peer, take to run the tasks that are waiting for them.

The time is that from the start of the first task to the end of the last one, as `benchmarks/peers/tally.py`
has noted it in the processes that run them. Thus the start of interpreters, imports, connecting, and
whatever a worker does when its queue is empty count for nobody.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from benchmarks.measuring import ROOT, Finding, missing
from benchmarks.peers import tally
from tests.services.binaries import Service, find
from tests.services.server import Server

_LOOK_S = 0.1
_STUCK_S = 60.0
"""So long without any task being run means that nothing more comes."""
_END_S = 2.0
"""By now everything has been measured; who takes longer is killed."""

S_co = TypeVar("S_co", bound=Server, covariant=True)


class Make(Protocol[S_co]):
    """A kind of server."""

    def __call__(self, directory: Path, watch_pid: int) -> S_co:
        """One that has not been started."""
        ...


@contextmanager
def running(make: Make[S_co]) -> Iterator[S_co]:
    """A real server on a free port, gone with everything that it has at the end."""
    directory = Path(tempfile.mkdtemp(prefix="cloud-tasks-bench-"))
    directory.chmod(0o711)  # some servers are another user's
    server = make(directory, os.getpid())
    try:
        server.start()
        yield server
    finally:
        server.remove()


def absent(service: Service) -> Finding | None:
    """A word about a server that is not installed here."""
    if find(service):
        return None
    return missing(service.name, "nothing measured: it is not installed; `make services` may do so")


async def everything(findings: AsyncIterator[Finding]) -> list[Finding]:
    """What an asynchronous benchmark finds."""
    return [each async for each in findings]


def drain(
    commands: Sequence[Sequence[str]],
    env: dict[str, str],
    count: int,
    until_settled: Callable[[], None] | None = None,
) -> tally.Tally:
    """Start workers on a queue that holds `count` tasks; returns what they did.

    Args:
        commands: A worker each.
        env: Added to their environment.
        count: Tasks, numbered from 0.
        until_settled: Returns when the queue has been told of all of them, while the workers still run.

    Raises:
        RuntimeError: Not all tasks were run.
    """
    directory = Path(tempfile.mkdtemp(prefix="cloud-tasks-bench-"))
    told = {**env, tally.DIRECTORY: str(directory), tally.COUNT: str(count)}
    try:
        with (directory / "log").open("w+b") as log, contextlib.ExitStack() as closing:
            workers = [
                closing.enter_context(_worker(command, told, directory, log.fileno())) for command in commands
            ]
            if not _all_were_run(directory, count, workers):
                log.seek(0)
                seen = tally.read(directory, count)
                raise RuntimeError(f"{commands[0]}: {seen} of {count}\n{log.read()[-3000:].decode()}")
            if until_settled is not None:
                until_settled()
        return tally.read(directory, count)
    finally:
        shutil.rmtree(directory)


@contextmanager
def _worker(
    command: Sequence[str], env: dict[str, str], directory: Path, log: int
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(  # noqa: S603 - our own programs, and those of the peers
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    ) as worker:
        try:
            yield worker
        finally:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(worker.pid, signal.SIGTERM)
                worker.wait(_END_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)


def _all_were_run(directory: Path, count: int, workers: Sequence[subprocess.Popen[bytes]]) -> bool:
    """False as soon as it is clear that this does not come."""
    runs, deadline = 0, time.monotonic() + _STUCK_S
    while time.monotonic() < deadline and all(worker.poll() is None for worker in workers):
        time.sleep(_LOOK_S)
        before, runs = runs, tally.tasks_so_far(directory)
        if runs > before:
            deadline = time.monotonic() + _STUCK_S
        if runs >= count and tally.read(directory, count).done == count:
            return True
    return False
