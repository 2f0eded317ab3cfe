"""The worker program of a rehearsal: tasks that work, hang, crash, leak, and leave processes behind.

Every run puts itself down in the ledger. It is started by its path, as a user's program is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from cloud_tasks.worker import Worker, WorkerData
from simulation.real import ledger

_LONG_S = 3600
_HUGE_BYTES = 1 << 40
_SLEEP = f"import time; time.sleep({_LONG_S})"


def _work(seconds: float) -> None:
    time.sleep(seconds)


def _fail(seconds: float) -> None:
    time.sleep(seconds)
    raise ValueError("this task fails")


def _exit(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(7)


def _abort(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(_: float) -> None:
    time.sleep(_LONG_S)


def _ignore(_: float) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(_LONG_S)


def _devour(seconds: float) -> None:
    time.sleep(seconds)
    bytearray(_HUGE_BYTES)


KINDS: dict[str, Callable[[float], None]] = {
    "works": _work,
    "fails": _fail,
    "exits": _exit,
    "aborts": _abort,
    "hangs": _hang,
    "ignores": _ignore,
    "devours": _devour,
    "leaves": _work,
    "returns_much": _work,
    "comes_again": _work,
}
"""What tasks do, before they return if they do."""

MUCH = "x" * 50_000


def run_task(task_id: str, task_data: dict[str, Any], worker_data: WorkerData) -> tuple[bool, object]:
    """Do what the task says, and put down what becomes of it."""
    kind, attempt = task_data["kind"], worker_data.attempt
    ledger.write(ledger.BEGAN, task_id, attempt)
    try:
        if kind == "leaves":
            left = subprocess.Popen([sys.executable, "-c", _SLEEP], start_new_session=True)  # noqa: S603 - our own
            ledger.write(ledger.LEAVES, task_id, attempt, left.pid)
        KINDS[kind](task_data["seconds"])
    except BaseException:
        ledger.write(ledger.RAISED, task_id, attempt)
        raise
    ledger.write(ledger.RETURNED, task_id, attempt)
    return kind == "comes_again" and attempt == 1, MUCH if kind == "returns_much" else attempt


if __name__ == "__main__":
    sys.exit(Worker(run_task, args=sys.argv[1:]).run())
