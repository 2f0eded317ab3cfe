"""The programs of `programs/` as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fakes.conductor.live import Execution
from fakes.conductor.values import Json, TaskStatus
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
    if process.returncode:
        pytest.fail(f"the workers ended with {process.returncode}:\n{log.read_text()}")


def calls(name: str, server: ThreadedConductor) -> str:
    """What a program that calls the server prints."""
    command = [sys.executable, str(_PROGRAMS / f"{name}_calls.py"), server.url]
    return subprocess.check_output(command, timeout=ANSWER_S, text=True)  # noqa: S603 - our own program


def run_one(
    server: ThreadedConductor, given: Json, task_type: str = "scripted", domain: str | None = None
) -> Execution:
    """Start a workflow of one task, and wait for its end."""
    task = server.run(lambda service: service.start_task(task_type, given, domain=domain))
    return ended(server, task.workflow_instance_id)


def ended(server: ThreadedConductor, workflow_id: str) -> Execution:
    """A workflow, when it has ended."""
    server.wait_until(lambda service: service.workflow(workflow_id).status != "RUNNING")
    return server.run(lambda service: service.workflow(workflow_id))


def tries(execution: Execution) -> list[TaskStatus]:
    """What has become of each task of a workflow."""
    return [each.shown.status for each in execution.tasks]
