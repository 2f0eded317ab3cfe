"""What runs in the process of a worker: its start, payload after payload, its end."""

from __future__ import annotations

import logging
import sys

from cloud_tasks.queue_workers.base import AsyncTaskWorker, find_worker, known_workers
from cloud_tasks.queue_workers.names import Payload
from cloud_tasks.queue_workers.transport import set_usual_url
from cloud_tasks.runners.runtime import run_to_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from cloud_tasks.runners.worker_data import WorkerData

    Data: TypeAlias = Mapping[str, Any]
    """What the supervising process sends; its own, and checked there."""

FORMAT = "%(levelname)s:%(name)s:%(message)s"

_worker: AsyncTaskWorker | None = None


def serve(task_id: str, task_data: Data, worker_data: WorkerData) -> tuple[bool, object]:
    """Do what the supervising process says; the function of all processes of workers."""
    del task_id, worker_data
    ((word, data),) = task_data.items()
    return False, _DO[word](data)


def _describe(data: Data) -> object:
    """What the workers of some queues say of themselves, or what is wrong with them."""
    said = {queue: _description(queue, **one) for queue, one in data["queues"].items()}
    return {"known": known_workers(), "queues": said}


def _description(queue: str, worker: str, **options: Any) -> object:
    try:
        cls = find_worker(worker)
    except LookupError:
        return {"missing": True}
    try:
        made = cls(queue, **options)
        return {"poll_interval_ms": int(made.get_poll_interval()), "limit": _limit(made)}
    except Exception as error:  # noqa: BLE001 - boundary: the user's class
        return {"failed": f"{type(error).__name__}: {error}"}


def _limit(worker: AsyncTaskWorker) -> tuple[int, float] | None:
    limit = worker.get_limiter()
    if limit is None:
        return None
    from cloud_tasks.queue_workers.limits import plain_limit

    return plain_limit(limit)


def _start(data: Data) -> None:
    global _worker  # noqa: PLW0603 - a process has one worker
    set_up_logging(quiet=data["quiet"])
    set_usual_url(data["transport"])
    made = find_worker(data["worker"])(data["queue"], **data["options"])
    if made.logger.level == logging.NOTSET:
        made.logger.setLevel(logging.DEBUG)
    made.logger.info("Starting; queue=%s", data["queue"])
    _worker = made


def _process(payload: dict[str, Any]) -> None:
    assert _worker is not None  # noqa: S101 - tasks come after the start
    work_on(_worker, payload)


def work_on(worker: AsyncTaskWorker, payload: Payload) -> None:
    """Have a worker work on a payload, and log that.

    Raises:
        Exception: What it raises.
    """
    worker.logger.debug("Got payload: %r", payload)
    try:
        process(worker, payload)
    except Exception:  # boundary: logged, and raised again
        worker.logger.exception("An unhandled exception occurred while processing the payload")
        raise
    worker.logger.debug("Processing complete")


def process(worker: AsyncTaskWorker, payload: Payload) -> None:
    """Have a worker work on a payload, whether its `process` is a coroutine or not."""
    outcome: object = worker.process(payload)
    if hasattr(type(outcome), "__await__"):
        run_to_end(outcome)


def _end(data: Data) -> None:
    assert _worker is not None  # noqa: S101 - the end comes after the start
    if not data["asked"]:
        _worker.logger.info("No tasks found in queue")
    _worker.logger.info("Terminating")


_DO: dict[str, Callable[[Any], object]] = {
    "describe": _describe,
    "start": _start,
    "task": _process,
    "end": _end,
}


def set_up_logging(*, quiet: bool) -> None:
    """Log to standard output, in order with what is printed there, unless the program logs already."""
    if quiet:
        logging.disable(logging.CRITICAL)
    elif not logging.root.handlers:
        logging.basicConfig(format=FORMAT, level=logging.INFO, stream=sys.stdout)
