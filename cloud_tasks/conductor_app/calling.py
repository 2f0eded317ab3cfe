"""From a task of the server to a call of its worker, in a task process or in the worker's own."""

from __future__ import annotations

import base64
import contextvars
import pickle

from cloud_tasks.conductor_app.models import NonRetryableError, Task, TaskResult, TaskResultStatus
from cloud_tasks.conductor_app.workers import WorkerAbc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from typing import Any

    from cloud_tasks.runners.worker_data import WorkerData

_COMES_AGAIN = (TaskResultStatus.FAILED, TaskResultStatus.IN_PROGRESS)
_current: contextvars.ContextVar[WorkerData] = contextvars.ContextVar("cloud_tasks_conductor_worker_data")
_worker: WorkerAbc | None = None
"""The worker of this process."""


def hand_down(worker: WorkerAbc) -> str:
    """A worker as text that a task process makes it from again; what that needs was written by ourselves.

    Raises:
        Exception: It cannot be pickled.
    """
    return base64.b64encode(pickle.dumps(worker)).decode()


def call_worker(_: str, task_data: Mapping[str, Any], worker_data: WorkerData) -> object:
    """Run the worker that was handed down on a task: `(retry, result)`, or what can be awaited for that."""
    global _worker  # noqa: PLW0603 - one worker for each process
    if _worker is None:
        # Written by the program that started this process, and sent to it alone.
        _worker = pickle.loads(base64.b64decode(worker_data.handed_down))  # noqa: S301 - as said
    return run_worker(_worker, task_data, worker_data)


def current_worker_data() -> WorkerData:
    """What the task that is being run is told of its worker: the attempt, the deadline, notices, progress.

    Raises:
        LookupError: No task is being run here.
    """
    return _current.get()


def run_worker(worker: WorkerAbc, told: Mapping[str, Any], worker_data: WorkerData) -> object:
    """Run a worker on a task: `(retry, result)`, or what can be awaited for that."""
    _current.set(worker_data)
    try:
        value = worker.execute(Task.from_json(told))
    except NonRetryableError as error:
        return _failed_for_good(error)
    return _answer(value) if isinstance(value, TaskResult) else _finish(worker, value)


async def run_worker_on_loop(worker: WorkerAbc, told: Mapping[str, Any], worker_data: WorkerData) -> object:
    """As `run_worker`, on the loop that it is called on."""
    value = run_worker(worker, told, worker_data)
    return await value if hasattr(type(value), "__await__") else value  # type: ignore[misc] # as asked for


def _finish(worker: WorkerAbc, value: object) -> object:
    if hasattr(type(value), "__await__"):
        return _wait(worker, value)  # type: ignore[arg-type] # as asked for
    raise TypeError(_not_a_result(worker, value))


async def _wait(worker: WorkerAbc, value: Awaitable[object]) -> object:
    try:
        result = await value
    except NonRetryableError as error:
        return _failed_for_good(error)
    if not isinstance(result, TaskResult):
        raise TypeError(_not_a_result(worker, result))
    return _answer(result)


def _answer(result: TaskResult) -> object:
    if result.status is None:
        raise TypeError("the TaskResult has no status")
    return result.status in _COMES_AGAIN, result.to_json()


def _failed_for_good(error: NonRetryableError) -> object:
    result = TaskResult(status="FAILED_WITH_TERMINAL_ERROR", reason_for_incompletion=str(error))
    return False, result.to_json()


def _not_a_result(worker: WorkerAbc, value: object) -> str:
    return (
        f"`execute` of {type(worker).__name__} returned {type(value).__name__}, and must return a TaskResult"
    )
