"""Tasks that never end."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import NoReturn

from cloud_tasks.worker import WorkerData
from kinds import EXCEPTION, EXITED, TIMED_OUT, Answer, Expectation, kind

_FOR_EVER_S = 600
_PR_SET_PDEATHSIG = 1


def hang() -> NoReturn:
    """Sleep, and sleep again."""
    while True:
        time.sleep(_FOR_EVER_S)


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.7)
def hangs(_: WorkerData) -> Answer:
    """Never end."""
    hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.7)
def ignores_sigterm(_: WorkerData) -> Answer:
    """Never end, and do not listen."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.5)
def holds_the_lock(_: WorkerData) -> Answer:
    """Sleep in C with the interpreter's lock held, so that no other line of Python runs."""
    ctypes.PyDLL(None).sleep(_FOR_EVER_S)
    hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.5)
def stops_itself(_: WorkerData) -> Answer:
    """Stop, as with Ctrl-Z; only SIGKILL reaches it now."""
    os.kill(os.getpid(), signal.SIGSTOP)
    hang()


@kind("hanging", Expectation(events=(TIMED_OUT,)), weight=0.5)
def outlives_its_parent(_: WorkerData) -> Answer:
    """Never end, and ask the kernel not to be told when the parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    hang()


@kind("hanging", Expectation(events=(TIMED_OUT, EXITED, EXCEPTION)), weight=0.3)
def hangs_without_files(_: WorkerData) -> Answer:
    """Close every file descriptor, then never end."""
    os.closerange(0, 4096)
    hang()
