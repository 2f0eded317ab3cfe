"""Processes that belong together, found through /proc by a mark in their environment.

A mark stays with whatever a process starts, also after its parent has died and after it has gone into a
session of its own, so nothing gets away unseen, and nothing that somebody else started is ever touched.
"""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from pathlib import Path

SIGKILL, SIGSTOP, SIGCONT = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT

VARIABLE = "CLOUD_TASKS_REHEARSAL"


def new_mark() -> str:
    """A mark that nobody else has."""
    return uuid.uuid4().hex


def environment(mark: str, whose: str = "") -> dict[str, str]:
    """What to put into the environment of a process.

    Args:
        mark: The mark.
        whose: To tell some of the marked processes from the others.
    """
    return {VARIABLE: f"{mark}:{whose}"}


def marked(mark: str) -> dict[int, str]:
    """All living processes with this mark, rising, and whose they are; zombies have no mark any more."""
    pids = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {pid: whose for pid in pids if (whose := whose_is(pid, mark)) is not None}


def whose_is(pid: int, mark: str) -> str | None:
    """Whose a process is; None where it has not this mark, or is gone."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    head = f"{VARIABLE}={mark}:".encode()
    return next((entry[len(head) :].decode() for entry in variables if entry.startswith(head)), None)


def send(pid: int, mark: str, number: signal.Signals) -> bool:
    """Send a signal to a process if it still is a marked one; returns whether it was sent."""
    try:
        # The file stands for this very process, so a number that is given away again does no harm.
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if whose_is(pid, mark) is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
            return True
        return False
    finally:
        os.close(handle)


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped; false where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def describe(pid: int) -> str:
    """A process in a few words: its name, its state, its parent and its session."""
    try:
        before, _, after = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
    except OSError:
        return f"{pid}, gone by now"
    name, fields = before.partition("(")[2], after.split()
    return f"{pid} {name}, state {fields[0]}, parent {fields[1]}, group {fields[2]}, session {fields[3]}"
