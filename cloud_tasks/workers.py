"""Workers as classes, one for each queue.

    from cloud_tasks.workers import AsyncTaskWorker

    class Resize(AsyncTaskWorker):
        name = "resize"

        def process(self, payload):
            ...

`cloud_tasks workers settings.yaml` runs them; `get_transport().submit_task("images", {...})` gives them work.
"""

from __future__ import annotations

from cloud_tasks.queue_workers.base import AsyncTaskWorker, find_worker
from cloud_tasks.queue_workers.child import process
from cloud_tasks.queue_workers.names import Payload, check_queue_name
from cloud_tasks.queue_workers.transport import Transport, get_transport, set_opener, usual_url, working_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloud_tasks.interfaces import QueueDriver
    from cloud_tasks.queues.rate_limit import RateLimit

__all__ = [
    "AsyncTaskWorker",
    "Payload",
    "RateLimit",
    "Transport",
    "get_transport",
    "process_queue",
    "run_worker",
]


def _open(url: str) -> QueueDriver:
    from cloud_tasks.clock import SystemClock
    from cloud_tasks.compose.transports import open_transport

    return open_transport(url, SystemClock())


set_opener(_open)


def run_worker(worker: str, payload: Payload, queue: str = "here") -> None:
    """Have a worker work on one payload, here and now; no queue is touched.

    Args:
        worker: Name of a worker that was imported.
        payload: What it works on.
        queue: The queue that it takes itself to work on.

    Raises:
        LookupError: There is no such worker.
        Exception: What the worker raises.
    """
    check_queue_name(queue)
    process(find_worker(worker)(queue), payload)


def process_queue(queue: str, worker: str, url: str | None = None) -> int:
    """Have a worker work on what is in a queue until it is empty, here and now; for scripts and tests.

    Leases, dead letters and rate limits are as under a supervisor; the worker runs in a thread of this
    process. SIGTERM and SIGINT let it finish what it is at. Not to be called where an event loop runs.

    Args:
        queue: The queue.
        worker: Name of a worker that was imported.
        url: Address of the queue; None: as for `get_transport`.

    Returns:
        How many payloads it has done; those that it raised on are among the dead letters.

    Raises:
        LookupError: There is no such worker.
        ConfigurationError: The address cannot be used, or nobody has said it.
        QueueUnavailableError: Nobody answers there.
        ProgramError: The worker's limiter gives no limit.
    """
    import asyncio

    from cloud_tasks.compose.queue_workers_here import work_off

    check_queue_name(queue)
    url = usual_url(url)
    with working_at(url):
        return asyncio.run(work_off(find_worker(worker)(queue), url))


def __getattr__(name: str) -> object:
    """Import what is heavy when it is asked for: every process of a worker holds this module."""
    if name == "RateLimit":
        from cloud_tasks.queues.rate_limit import RateLimit

        return RateLimit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
