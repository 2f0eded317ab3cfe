"""`Transport`: queues for programs without an event loop, workers among them."""

from __future__ import annotations

import atexit
import os
from contextlib import contextmanager
from threading import Lock

from cloud_tasks.queue_workers.names import Payload, check_queue_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Any, TypeAlias, TypeVar

    from cloud_tasks.core.task import Json
    from cloud_tasks.interfaces import QueueDriver
    from cloud_tasks.queue_workers.portal import Portal

    T = TypeVar("T")
    Opener: TypeAlias = Callable[[str], QueueDriver]

VARIABLE = "ASYNCTASK_TRANSPORT"
"""Where the queues are, for programs that do not say."""
LEASE_S = 60.0
"""How long a task is hidden by a `get_task` whose process died in the midst of it."""

_lock = Lock()
_opener: Opener | None = None
_usual_url: str | None = None
_transports: dict[tuple[int, str], Transport] = {}


class Transport:
    """The queues at one address; may be used by any thread.

    Every method may raise `QueueUnavailableError` (try again later), and the first call `ConfigurationError`.

    Attributes:
        url: The address.
    """

    def __init__(self, url: str, driver: QueueDriver, portal: Portal) -> None:
        """Made by `get_transport`."""
        self.url = url
        self._driver = driver
        self._portal = portal
        self._connected = False

    def submit_task(self, queue: str, payload: Payload) -> None:
        """Put a payload at the end of a queue.

        Raises:
            ValueError: No queue can be called that.
            TypeError: The payload is no JSON object.
            MessageRefusedError: It holds what JSON cannot, or is too large.
        """
        check_queue_name(queue)
        if not isinstance(payload, dict):
            raise TypeError(f"a payload is a dict, not {type(payload).__name__}")
        from cloud_tasks.queue_workers import calls

        self._run(calls.submit(self._driver, queue, payload))

    def get_task(self, queue: str) -> dict[str, Json] | None:
        """Take the first payload out of a queue, for good; None if there is none.

        What is in no form of ours is put among the dead letters.

        Raises:
            ValueError: No queue can be called that.
        """
        check_queue_name(queue)
        from cloud_tasks.queue_workers import calls

        return self._run(calls.take(self._driver, queue, LEASE_S))

    def poll_queue(self, queue: str) -> bool:
        """Whether there is a payload in a queue that could be taken now.

        Raises:
            ValueError: No queue can be called that.
        """
        check_queue_name(queue)
        from cloud_tasks.queue_workers import calls

        return self._run(calls.has_task(self._driver, queue))

    def close(self) -> None:
        """Let go of connections; the next call makes new ones."""
        if self._connected:
            self._connected = False
            self._portal.run(self._driver.disconnect())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if not self._connected:
            try:
                self._portal.run(self._driver.connect())
            except BaseException:  # boundary: closed, and raised again
                work.close()
                raise
            self._connected = True
        return self._portal.run(work)


def get_transport(url: str | None = None) -> Transport:
    """The queues at an address; the same object for the same address.

    Args:
        url: The address, as docs/transports.md has them; None: in a worker its own, elsewhere the one that
            the variable ASYNCTASK_TRANSPORT holds.

    Raises:
        ConfigurationError: The address is none, a package is missing, or nobody has said where to look.
    """
    url = usual_url(url)
    with _lock:
        key = (os.getpid(), url)  # what another process opened before it forked is of no use here
        if key not in _transports:
            _transports[key] = _opened(url)
        return _transports[key]


def usual_url(url: str | None = None) -> str:
    """The address, or where the queues are if nobody says otherwise.

    Raises:
        ConfigurationError: Nobody says anything.
    """
    url = url or _usual_url or os.environ.get(VARIABLE, "").strip()
    if not url:
        raise _nowhere()
    return url


def set_opener(opener: Opener) -> None:
    """Say how drivers are opened."""
    global _opener  # noqa: PLW0603 - one way for the whole program
    _opener = opener


def set_usual_url(url: str) -> None:
    """Say where the queues are if nobody says otherwise."""
    global _usual_url  # noqa: PLW0603 - what a worker works on is one thing for all its modules
    _usual_url = url


@contextmanager
def working_at(url: str) -> Generator[None, None, None]:
    """Let the queues be there, within the block, if nobody says otherwise."""
    global _usual_url  # noqa: PLW0603 - one thing for all modules, for a while
    before, _usual_url = _usual_url, url
    try:
        yield
    finally:
        _usual_url = before


def close_transports() -> None:
    """Let go of all connections of this process."""
    with _lock:
        mine = [_transports.pop(key) for key in list(_transports) if key[0] == os.getpid()]
    for transport in mine:
        transport.close()


def _opened(url: str) -> Transport:
    from cloud_tasks.queue_workers.portal import portal

    assert _opener is not None  # noqa: S101 - whoever imports the facade has said it
    if not any(pid == os.getpid() for pid, _ in _transports):
        atexit.register(close_transports)
    return Transport(url, _opener(url), portal())


def _nowhere() -> Exception:
    from cloud_tasks.errors import ConfigurationError, Problem

    return ConfigurationError(
        Problem(
            "nobody has said where the queues are",
            helps=(f"get_transport(url), or the variable {VARIABLE}",),
        )
    )
