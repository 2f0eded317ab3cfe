"""`WiredCarrier`: calls to the stand-in in virtual time, that fare as the plan has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.conductor.carrier import Answer
from fakes.conductor import ConductorService
from fakes.conductor.errors import throttled
from fakes.conductor.operations import read_poll
from fakes.conductor.routes import Routes
from simulation.backends.backend import Site
from simulation.backends.conductor.front import Front, Request, refused, update_in
from simulation.backends.wire import Trouble, Wire
from simulation.faults import FaultClass
from simulation.hosts import Host
from simulation.steps import Step

_ROUTES = Routes()


class WiredCarrier:
    """One worker's way to the service; see `Carrier`.

    Args:
        site: Where the service stands.
        host: The worker.
        service: Says what a poll asks for.
        front: What answers.
    """

    def __init__(self, site: Site, host: Host, service: ConductorService, front: Front) -> None:
        self.site = site
        self.host = host
        self.front = front
        self.wire = Wire(site, host)
        self._service = service

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        """See `Carrier`."""
        return await UnderWay(self, self._request(method, path, query, body or b""), timeout_s).answer

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def _request(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Request:
        target = f"/api{path}?{urlencode(query)}"
        operation, call = _ROUTES.find(method, target, body)
        poll = read_poll(self._service, operation.name, call) if operation.name == "batch_poll" else None
        update = update_in(body) if operation.name == "update_task" else None
        return Request(self.host.name, operation, call, poll, update, self.site.loop.time())


class UnderWay:
    """One call. What its caller gives up has its effect all the same.

    Args:
        carrier: Where it is made.
        request: What it asks.
        timeout_s: How long its caller waits, from now.

    Attributes:
        answer: What its caller waits for.
    """

    def __init__(self, carrier: WiredCarrier, request: Request, timeout_s: float) -> None:
        loop = carrier.site.loop
        self.answer: asyncio.Future[Answer] = loop.create_future()
        self._carrier = carrier
        self._request = request
        self._fate = carrier.wire.fate(request.operation.name)
        too_late = QueueUnavailableError("no answer came in time")
        self._timer: Step = loop.at(carrier.host, loop.time() + timeout_s, self._over, too_late)
        step = self._arrive if self._fate.trouble is Trouble.NONE else self._fail
        loop.at(loop.world, loop.time() + self._fate.there_s, step)

    def make(self) -> None:
        """Have its effect."""
        struck = self._carrier.front.strikes(self._request)
        if struck is FaultClass.REQUEST_LOST:
            self._send_back(QueueUnavailableError("the connection was closed"))
            return
        answer = self._carrier.front.answer(self._request)
        if self._carrier.wire.loses_reply(self._fate) or struck is not None:
            self._send_back(QueueUnavailableError("the connection was closed before the answer came"))
        else:
            self._send_back(answer)

    def _arrive(self) -> None:
        """Wait for a task, if that is what it is for."""
        poll, loop = self._request.poll, self._carrier.site.loop
        wait_s = 0.0 if poll is None else poll.wait_s
        if not wait_s or not self._carrier.front.polls.wait(self, loop.time() + wait_s):
            self.make()

    def _fail(self) -> None:
        trouble = self._fate.trouble
        if trouble is Trouble.THROTTLED:
            self._send_back(refused(throttled()))
        else:
            lost = trouble is Trouble.LOST
            self._send_back(QueueUnavailableError("the connection was closed" if lost else "no way there"))

    def _send_back(self, came: Answer | QueueUnavailableError) -> None:
        loop = self._carrier.site.loop
        loop.at(self._carrier.host, loop.time() + self._fate.back_s, self._over, came)

    def _over(self, came: Answer | QueueUnavailableError) -> None:
        self._timer.cancel()
        if self.answer.done():
            return
        if isinstance(came, Answer):
            self.answer.set_result(came)
        else:
            self.answer.set_exception(came)
