"""The programs of `programs/` as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fakes.conductor.execution import Execution
from tests.conductor_servers import ANSWER_S, ThreadedConductor

_PROGRAMS = Path(__file__).parent / "programs"


@contextmanager
def workers(name: str, server: ThreadedConductor, directory: Path) -> Iterator[None]:
    """The workers of a client, for as long as the block lasts."""
    log = directory / "workers.log"
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(_PROGRAMS / f"{name}_workers.py"), server.url],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            cwd=directory,
            start_new_session=True,
        )
    try:
        yield
        process.communicate(timeout=ANSWER_S)
    finally:
        # The workers are processes of their own, and must not outlive the test.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print(log.read_text())  # noqa: T201 - shown where the test fails
    assert process.returncode == 0


def calls(name: str, server: ThreadedConductor) -> str:
    """What a program that calls the server prints."""
    command = [sys.executable, str(_PROGRAMS / f"{name}_calls.py"), server.url]
    return subprocess.check_output(command, timeout=ANSWER_S, text=True)  # noqa: S603 - our own program


def ended(server: ThreadedConductor, workflow_id: str) -> Execution:
    """A workflow, when it has ended."""
    server.wait_until(lambda service: service.workflow(workflow_id).status != "RUNNING")
    return server.run(lambda service: service.workflow(workflow_id))
