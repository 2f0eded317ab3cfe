"""Bounds on what a task file may hold, and on fetching one."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on task files.

    Attributes:
        task_size_bytes_max: Largest task, as it is written; for YAML, with its aliases written out.
        depth_max: How many lists and mappings may stand inside one another, the task itself included.
        anchors_size_bytes_max: How much the anchors of a YAML file may name in all.
        download_size_bytes_max: Largest file that is fetched from another machine.
        download_s_max: Longest time that fetching it may take, in seconds.
    """

    task_size_bytes_max: int = 16 * 1024 * 1024
    depth_max: int = 100
    anchors_size_bytes_max: int = 64 * 1024 * 1024
    download_size_bytes_max: int = 8 * 1024**3
    download_s_max: float = 1800.0


DEFAULT_LIMITS = Limits()
