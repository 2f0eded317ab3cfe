"""Calls that reach a stand-in for Conductor in the same process: no sockets, so the same order every time."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.conductor.carrier import Answer
from fakes.conductor import ConductorService
from fakes.conductor.calls import Reply, refusal
from fakes.conductor.errors import ConductorError
from fakes.conductor.faulty import Faulty, NoReplyError, carry_out
from fakes.conductor.routes import Routes

_PREFIX = "/api"


class InProcessCarrier:
    """Carries calls to a service.

    Args:
        service: What answers.
        faults: What goes wrong; None: nothing.
    """

    def __init__(self, service: ConductorService, faults: Faulty | None = None) -> None:
        self._service = service
        self._routes = Routes()
        self._carry_out = carry_out if faults is None else faults.carry_out

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        """Make one call; see `Carrier`. The service's own clock ends what takes long."""
        target = _PREFIX + path + ("?" + urlencode(query) if query else "")
        try:
            reply = await self._answer(method, target, body or b"")
        except NoReplyError:
            raise QueueUnavailableError(f"{method} {path}: the connection was closed") from None
        after = "" if reply.retry_after_s is None else str(reply.retry_after_s)
        return Answer(reply.status, reply.body, after)

    async def _answer(self, method: str, target: str, body: bytes) -> Reply:
        try:
            operation, call = self._routes.find(method, target, body)
            return await self._carry_out(self._service, operation, call)
        except ConductorError as error:
            return refusal(error, "in-process")

    async def aclose(self) -> None:
        """There is nothing to let go of."""
