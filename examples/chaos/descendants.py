"""The processes that belong to a run, found through /proc by a mark in their environment.

A mark stays with whatever a process starts, also after its parent has died and after it has gone into a
session of its own, so nothing gets away unseen, and nothing that somebody else started is ever touched.
"""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from pathlib import Path

MARK_VARIABLE = "CHAOS_SOAK_RUN"


def new_mark() -> str:
    """A mark that no other run has."""
    return uuid.uuid4().hex


def marked(mark: str) -> list[int]:
    """Process ids of all living processes with this mark, rising; zombies have none any more."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted(pid for pid in pids if _has_mark(pid, mark))


def kill(pid: int, mark: str) -> bool:
    """Send SIGKILL to a process if it still is the marked one; returns whether it was sent."""
    try:
        # The file stands for this very process, so a number that is given away again does no harm.
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not _has_mark(pid, mark):
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    finally:
        os.close(handle)


def describe(pid: int) -> str:
    """A process in a few words: the name that its task gave it, its state, its parent and its session."""
    try:
        before, _, after = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
    except OSError:
        return f"{pid}, gone by now"
    name, fields = before.partition("(")[2], after.split()
    return f"{pid} {name}, state {fields[0]}, parent {fields[1]}, group {fields[2]}, session {fields[3]}"


def _has_mark(pid: int, mark: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{MARK_VARIABLE}={mark}".encode() in environment.split(b"\0")
