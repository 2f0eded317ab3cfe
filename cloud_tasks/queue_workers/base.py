"""`AsyncTaskWorker`: the class that users derive theirs from, and the list of those that were imported."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod

from cloud_tasks.errors import Problem, ProgramError
from cloud_tasks.queue_workers.names import Payload
from cloud_tasks.queue_workers.transport import get_transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cloud_tasks.queues.rate_limit import RateLimit

POLL_INTERVAL_MS = 500


class AsyncTaskWorker(ABC):
    """Works on one queue, in a process of its own: `process` is called for one payload after another.

    A process makes one object of the class, before its first payload.

    Attributes:
        name: What settings call the worker; a class without one is there to be derived from.
        queue: The queue that this object works on.
        logger: A logger with the name of the class.
    """

    name: str = ""

    def __init_subclass__(cls, **options: object) -> None:
        """Enter a class with a name of its own into the list.

        Raises:
            ProgramError: Another class has that name.
        """
        super().__init_subclass__(**options)
        name = cls.__dict__.get("name")
        if isinstance(name, str) and name:
            _enter(name, cls)

    def __init__(
        self, queue: str, *, poll_interval_ms: int = POLL_INTERVAL_MS, limit: tuple[int, float] | None = None
    ) -> None:
        """Work on a queue.

        Args:
            queue: Its name.
            poll_interval_ms: What `get_poll_interval` says, unless a class says otherwise.
            limit: Calls and period in seconds of the rate limit that the settings have, if any.
        """
        self.queue = queue
        self.logger = logging.getLogger(type(self).__name__)
        self._poll_interval_ms = poll_interval_ms
        self._limit = limit

    @abstractmethod
    def process(self, payload: Payload) -> Coroutine[object, object, None] | None:
        """Work on one payload; may be an `async def`, which then has an event loop of its own.

        What it raises is logged, and the payload is put among the dead letters; the worker goes on.
        """

    def requeue(self, payload: Payload) -> None:
        """Put a payload at the end of this worker's queue.

        Raises:
            QueueUnavailableError: Nobody knows whether it is there.
            MessageRefusedError: It is not JSON, or too large.
        """
        get_transport().submit_task(self.queue, payload)
        self.logger.debug("Requeued payload: %r", payload)

    def get_limiter(self) -> RateLimit | None:
        """How many payloads this worker may be given in a while; None: as many as there are.

        Asked once, before the worker's first payload; whoever starts the workers keeps the limit.
        """
        if self._limit is None:
            return None
        from cloud_tasks.queues.rate_limit import RateLimit

        return RateLimit(*self._limit)

    def get_poll_interval(self) -> int:
        """How long the queue may stay unobserved where its transport has to look, in milliseconds.

        Asked once, before the worker's first payload. Of several workers, the shortest counts for all.
        """
        return self._poll_interval_ms


_known: dict[str, type[AsyncTaskWorker]] = {}


def known_workers() -> tuple[str, ...]:
    """Names of all workers that were imported, sorted."""
    return tuple(sorted(_known))


def find_worker(name: str) -> type[AsyncTaskWorker]:
    """The worker of that name.

    Raises:
        LookupError: None that was imported is called that.
    """
    try:
        return _known[name]
    except KeyError:
        known = ", ".join(known_workers()) or "none"
        raise LookupError(f"there is no worker {name!r}; those that were imported: {known}") from None


def _enter(name: str, cls: type[AsyncTaskWorker]) -> None:
    other = _known.get(name)
    if other is not None and _address(other) != _address(cls):
        raise ProgramError(
            Problem(
                f"two workers are called `{name}`: {_address(other)} and {_address(cls)}",
                helps=("give each a name of its own",),
            )
        )
    _known[name] = cls


def _address(cls: type[AsyncTaskWorker]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
