"""Workers as classes, one for each queue.

    from cloud_tasks.workers import AsyncTaskWorker

    class Resize(AsyncTaskWorker):
        name = "resize"

        def process(self, payload):
            ...

`cloud_tasks workers settings.yaml` runs them; `get_transport().submit_task("images", {...})` gives them work.
"""

from __future__ import annotations

from cloud_tasks.queue_workers.base import AsyncTaskWorker
from cloud_tasks.queue_workers.names import Payload
from cloud_tasks.queue_workers.transport import Transport, get_transport, set_opener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloud_tasks.interfaces import QueueDriver
    from cloud_tasks.queues.rate_limit import RateLimit

__all__ = ["AsyncTaskWorker", "Payload", "RateLimit", "Transport", "get_transport"]


def _open(url: str) -> QueueDriver:
    from cloud_tasks.clock import SystemClock
    from cloud_tasks.compose.transports import open_transport

    return open_transport(url, SystemClock())


set_opener(_open)


def __getattr__(name: str) -> object:
    """Import what is heavy when it is asked for: every process of a worker holds this module."""
    if name == "RateLimit":
        from cloud_tasks.queues.rate_limit import RateLimit

        return RateLimit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
