r"""A worker that adds two numbers, and can be made slow and unreliable on purpose.

    python examples/parallel_addition/worker_addition.py \
        --task-file examples/parallel_addition/addition_tasks.json --num-simultaneous-tasks 8

Environment variables (see README.md): ADDITION_OUTPUT_DIR, ADDITION_TASK_DELAY,
ADDITION_EXCEPTION_PROBABILITY, ADDITION_TIMEOUT_PROBABILITY, ADDITION_EXIT_PROBABILITY.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from cloud_tasks.worker import Worker, WorkerData

_FOR_EVER_S = 1_000_000
_POLL_S = 0.05
_EXIT_STATUS = 2


def add(task_id: str, task_data: dict[str, Any], worker_data: WorkerData) -> tuple[bool, str]:
    """Add `num1` and `num2` and write the sum to a file, unless the machine is about to be taken away."""
    missing = [name for name in ("num1", "num2") if name not in task_data]
    if missing:
        # Trying again would not bring them, so no retry.
        return False, f"missing: {', '.join(missing)}"
    dice = random.Random(f"{task_id} {worker_data.attempt}")  # noqa: S311 - reproducible, not secret
    _wait(_number("ADDITION_TASK_DELAY"), dice, worker_data)
    _misbehave(task_id, dice)
    # Nothing is written on a machine that may vanish in the middle of it; another worker will do the task.
    if worker_data.received_termination_notice:
        return True, "the machine is about to be taken away"
    return False, str(_write(task_id, task_data["num1"], task_data["num2"]))


def _wait(delay_s: float, dice: random.Random, worker_data: WorkerData) -> None:
    """Wait, but no longer than until a termination notice; a negative delay is the bound of a random one."""
    if delay_s < 0:
        delay_s = dice.uniform(0, -delay_s)
    end = time.monotonic() + delay_s
    while (left_s := end - time.monotonic()) > 0 and not worker_data.received_termination_notice:
        time.sleep(min(left_s, _POLL_S))


def _misbehave(task_id: str, dice: random.Random) -> None:
    """Fail in one of three ways, each with the probability that its variable gives."""
    if dice.random() < _number("ADDITION_EXCEPTION_PROBABILITY"):
        raise ArithmeticError(f"{task_id} was chosen to fail")
    if dice.random() < _number("ADDITION_TIMEOUT_PROBABILITY"):
        time.sleep(_FOR_EVER_S)
    if dice.random() < _number("ADDITION_EXIT_PROBABILITY"):
        sys.exit(_EXIT_STATUS)


def _number(variable: str) -> float:
    return float(os.environ.get(variable) or 0)


def _write(task_id: str, num1: float, num2: float) -> Path:
    """Write the sum so that the file is there whole or not at all, however often the task runs."""
    directory = Path(os.environ.get("ADDITION_OUTPUT_DIR") or "results")
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{task_id}.txt"
    partial = target.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(f"{num1} + {num2} = {num1 + num2}\n", encoding="utf-8")
    return partial.replace(target)


if __name__ == "__main__":
    worker = Worker(add, args=sys.argv[1:])
    sys.exit(worker.run())
