"""The ledger: what tasks themselves say of their runs, a line each, written at once.

Task processes import this, so it imports nothing heavy.
"""

from __future__ import annotations

import json
import os
import resource
import time

VARIABLE = "CLOUD_TASKS_REHEARSAL_LEDGER"
WORKER_VARIABLE = "CLOUD_TASKS_REHEARSAL_WORKER"

BEGAN = "began"
"""The function was called."""
RETURNED = "returned"
"""It is about to return."""
RAISED = "raised"
"""It is about to let an exception out."""
LEAVES = "leaves"
"""It has started a process that outlives it."""


def write(what: str, task_id: str, attempt: int, pid: int | None = None) -> None:
    """Put down something about a run of a task.

    Args:
        what: One of the words of this module.
        task_id: The task.
        attempt: Number of the attempt, as the task is told.
        pid: Of the process that it is about; None: this one.
    """
    line = json.dumps(
        {
            "what": what,
            "at": time.monotonic(),
            "worker": os.environ.get(WORKER_VARIABLE, ""),
            "task_id": task_id,
            "attempt": attempt,
            "pid": os.getpid() if pid is None else pid,
        }
    )
    # The disk of a worker may be full, that of the ledger is not.
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    # One write to a file that is appended to: lines of several processes never mix.
    descriptor = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode() + b"\n")
    finally:
        os.close(descriptor)
