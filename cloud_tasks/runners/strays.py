"""What is left of a template and a slot that were both killed: nobody else would look after it.

Every process that comes from a template carries a mark in its environment, unless the task took it away.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cloud_tasks.runners.children import kill_group, kill_process

MARK_VARIABLE = "CLOUD_TASKS_TREE"


def new_mark() -> str:
    """A mark for one tree of processes."""
    return secrets.token_hex(8)


def end_strays(mark: str, keepers: Iterable[int]) -> int:
    """Kill every marked process that no keeper looks after.

    Args:
        mark: The mark of the tree.
        keepers: Process ids of templates and slots that are alive.

    Returns:
        How many there were; look again until there are none, for they may have started others meanwhile.
    """
    parents = _marked(f"{MARK_VARIABLE}={mark}".encode())
    kept = set(keepers)
    strays = [pid for pid in parents if not _is_kept(pid, parents, kept)]
    for pid in strays:
        kill_process(pid)
    return len(strays)


def end_group_of(leader: int) -> None:
    """Kill the process group of a leader whose slot is dead, if it still is one."""
    stat = _stat(leader)
    if stat is not None and stat[1] == leader:
        kill_group(leader)


def _is_kept(pid: int, parents: dict[int, int], kept: set[int]) -> bool:
    while pid in parents and pid not in kept:
        pid = parents[pid]
    return pid in kept


def _marked(entry: bytes) -> dict[int, int]:
    """The marked processes that live, and their parents."""
    found: dict[int, int] = {}
    for path in sorted(Path("/proc").glob("[0-9]*")):
        try:
            marked = entry in (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        stat = _stat(int(path.name)) if marked else None
        if stat is not None:
            found[int(path.name)] = stat[0]
    found.pop(os.getpid(), None)
    return found


def _stat(pid: int) -> tuple[int, int] | None:
    """Parent and process group of a process that is no zombie; None where there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else (int(fields[1]), int(fields[2]))
