"""Tasks whose process dies."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

from cloud_tasks.worker import WorkerData
from hanging import hang
from kinds import EXCEPTION, EXITED, Answer, Expectation, kind

_LAST_WORDS = "these are my last words"


@kind("dying", Expectation(events=(EXITED,), signals=("SIGSEGV",)))
def crashes(_: WorkerData) -> Answer:
    """Read the memory at address 0."""
    return False, ctypes.string_at(0)


@kind("dying", Expectation(events=(EXITED,), signals=("SIGABRT",)))
def aborts(_: WorkerData) -> Answer:
    """Call abort()."""
    os.abort()


@kind("dying", Expectation(events=(EXITED,), signals=("SIGBUS",)))
def bus_error(_: WorkerData) -> Answer:
    """Send itself a signal that only hardware sends."""
    os.kill(os.getpid(), signal.SIGBUS)
    hang()


@kind("dying", Expectation(events=(EXITED,), signals=("SIGKILL",)))
def kills_itself(_: WorkerData) -> Answer:
    """Die as if the out-of-memory killer had come."""
    os.kill(os.getpid(), signal.SIGKILL)
    hang()


@kind("dying", Expectation(events=(EXITED, EXCEPTION)))
def terminates_itself(_: WorkerData) -> Answer:
    """Send itself the signal that the worker would send."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    sys.exit(1)


@kind("dying", Expectation(events=(EXITED,), exit_code=0))
def exits_as_if_well(_: WorkerData) -> Answer:
    """Exit with status 0, but without a result."""
    sys.exit(0)


@kind("dying", Expectation(events=(EXITED,), exit_code=3))
def exits(_: WorkerData) -> Answer:
    """Exit with status 3."""
    sys.exit(3)


@kind("dying", Expectation(events=(EXITED,), exit_code=7))
def exits_at_once(_: WorkerData) -> Answer:
    """Exit with status 7, without cleaning up."""
    os._exit(7)


@kind("dying", Expectation(events=(EXITED,), exit_code=9, told=_LAST_WORDS))
def dies_talking(_: WorkerData) -> Answer:
    """Print to stderr, then die."""
    for number in range(200):
        print(f"line {number} before the end", file=sys.stderr)
    print(_LAST_WORDS, file=sys.stderr, flush=True)
    os._exit(9)


@kind("dying", Expectation(events=(EXITED,), signals=("SIGKILL",)))
def kills_its_group(_: WorkerData) -> Answer:
    """Kill everybody in its process group, which should be nobody else."""
    os.killpg(0, signal.SIGKILL)
    hang()
