"""Commands that talk to queues: an event loop, the backend, signals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cloud_tasks.cli.backends import backend_settings
from cloud_tasks.cli.call import Call
from cloud_tasks.compose.backends import BackendSettings, unreachable
from cloud_tasks.compose.signals import SignalWatch
from cloud_tasks.compose.telling import FAILED_STATUS, tell
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import QueueBackend

SIGNAL_STATUS = {"SIGINT": 130, "SIGTERM": 143}


class Session:
    """A backend that is open, and the signals that come meanwhile.

    Attributes:
        settings: Which queues they are.
        backend: The queues.
        signalled: The first signal that came; "" if none did.
        on_signal: Called at the first signal, to end in good order; a second one breaks off.
    """

    def __init__(self, settings: BackendSettings, backend: QueueBackend) -> None:
        self.settings = settings
        self.backend = backend
        self.signalled = ""
        self.on_signal: Callable[[], object] = self._break_off
        self._task = asyncio.current_task()

    def status(self, otherwise: int = 0) -> int:
        """The exit status: that of the signal, if one came."""
        return SIGNAL_STATUS.get(self.signalled, otherwise)

    def receive(self, name: str) -> None:
        """A signal came."""
        if self.signalled:
            self._break_off()
        else:
            self.signalled = name
            self.on_signal()

    def _break_off(self) -> None:
        if self._task is not None:
            self._task.cancel()


def run_session(call: Call, work: Callable[[Session], Awaitable[int]]) -> int:
    """Open the queues of a call, and do the work; its exit status.

    Raises:
        ConfigurationError: The queues are not named, or cannot be opened.
    """
    return asyncio.run(_session(call, work))


async def _session(call: Call, work: Callable[[Session], Awaitable[int]]) -> int:
    settings = backend_settings(call)
    session = Session(settings, call.open_backend(settings))
    try:
        with SignalWatch(session.receive):
            return await work(session)
    except QueueUnavailableError as error:
        tell([unreachable(settings.provider, error)])
        return session.status(FAILED_STATUS)
    except asyncio.CancelledError:
        if not session.signalled:
            raise
        return session.status()
    finally:
        await session.backend.aclose()
