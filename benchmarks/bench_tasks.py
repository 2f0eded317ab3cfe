"""Task functions of the benchmarks, in a module that imports next to nothing."""

from __future__ import annotations

import time

from cloud_tasks.runners.worker_data import WorkerData


def no_op(task_id: str, task_data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
    """Do nothing."""
    return False, task_data


def sized(task_id: str, task_data: dict[str, int], worker_data: WorkerData) -> tuple[bool, object]:
    """Return so many bytes."""
    return False, "x" * task_data["size"]


def timed(task_id: str, task_data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
    """Return the time."""
    return False, time.monotonic()
