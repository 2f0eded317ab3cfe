"""A function for the tests of the resident: it hears of more than tasks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cloud_tasks.runners.worker_data import WorkerData
from tests.runners import programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tests.runners.programs import Data


def reside(task_id: str, task_data: Data, worker_data: WorkerData) -> object:
    """Write what it hears, and do what a task says."""
    ((word, data),) = task_data.items()
    assert isinstance(data, dict)
    if word == "task":
        print("task", flush=True)  # noqa: T201 - what a task prints
        return programs.behave(task_id, data, worker_data)
    print(word, *data.values(), flush=True)  # noqa: T201 - what a task prints
    if data.get("fail_if") and Path(str(data["fail_if"])).exists():
        raise RuntimeError("it cannot begin")
    if data.get("exit"):
        sys.exit(0)
    return False, os.getpid()
