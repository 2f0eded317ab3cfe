"""The stand-in as an HTTP server: three services on one port, and what happens to them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Protocol

from aiohttp import web
from msgspec import Struct

from cloud_tasks.interfaces import Clock
from fakes.http_server import HttpServer, body_of
from fakes.listening import LOOPBACK
from fakes.metadata import aws, azure, gcp
from fakes.metadata.faults import DroppedError, Faults
from fakes.metadata.process_group import ProcessGroup
from fakes.metadata.steps import Fault, Heal, Kill, Script, SoftOff, Step
from fakes.metadata.wire import CLOUDS, Answer, Instance, Request


class Service(Protocol):
    """One cloud's service."""

    def apply(self, step: Step) -> None:
        """Something happens."""
        ...

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        ...


class Logged(Struct, frozen=True):
    """A request that was answered.

    Attributes:
        at_s: When it came, on the clock of the stand-in.
        method: Its method.
        path: Its path, without the query.
        status: The status of the answer; 0 where there was none.
    """

    at_s: float
    method: str
    path: str
    status: int


class MetadataServer(HttpServer):
    """The metadata services of one machine, on loopback.

    Args:
        clock: For tokens, deadlines and scripts.
        instance: The machine.
        clouds: Which services there are: some of `CLOUDS`.
        group: Its processes; None where there are none to be ended.
        on_step: Told each step as it is taken.
        port: Where to listen; 0: on a free one.
        log_max: How many requests are remembered: a program may serve for weeks.

    Attributes:
        log: Every request that was answered, or given up by who asked; the last `log_max` of them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        instance: Instance | None = None,
        clouds: tuple[str, ...] = CLOUDS,
        group: ProcessGroup | None = None,
        on_step: Callable[[Step], None] | None = None,
        port: int = 0,
        log_max: int = 10_000,
    ) -> None:
        super().__init__(LOOPBACK, port)
        us = instance or Instance()
        self.log: list[Logged] = []
        self._log_max = log_max
        self._clock = clock
        self._services = {prefix: make(us, clock) for cloud, prefix, make in _SERVICES if cloud in clouds}
        self._faults = Faults(clock)
        self._group = group
        self._on_step = on_step

    def do(self, step: Step) -> None:
        """Let something happen now."""
        if self._on_step is not None:
            self._on_step(step)
        match step:
            case Kill():
                self._signal(signal.SIGKILL)
            case SoftOff():
                self._signal(signal.SIGTERM)
            case Heal():
                self._faults.heal()
            case Fault():
                self._faults.add(step)
            case _:
                for service in self._services.values():
                    service.apply(step)

    async def play(self, script: Script) -> None:
        """Let everything in a script happen at its time, counted from now."""
        began = self._clock.monotonic()
        for moment in script.timeline:
            await self._clock.sleep_until(began + moment.at_s)
            self.do(moment.step)

    def _signal(self, number: signal.Signals) -> None:
        if self._group is not None:
            self._group.send(number)

    def _let_go(self) -> None:
        self._faults.heal()

    async def _answer(self, request: web.BaseRequest) -> web.Response | None:
        began, status = self._clock.monotonic(), 0
        try:
            answer = await self._reply(request)
            status = answer.status
        except DroppedError:
            return None
        finally:
            self.log.append(Logged(began, request.method, request.path, status))
            del self.log[: -self._log_max]
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=status, body=answer.text.encode(), headers=headers)

    async def _reply(self, request: web.BaseRequest) -> Answer:
        body = await body_of(request)
        fault = await self._faults.meet(request.path)
        if fault is not None:
            return fault
        asked = Request(request.method, request.path, request.headers, request.query, body)
        for prefix, service in self._services.items():
            if asked.path.startswith(prefix):
                return await service.answer(asked)
        return Answer(404, "Not Found")


_SERVICES: tuple[tuple[str, str, Callable[[Instance, Clock], Service]], ...] = (
    ("aws", aws.PREFIX, aws.AwsService),
    ("gcp", gcp.PREFIX, gcp.GcpService),
    ("azure", azure.PREFIX, azure.AzureService),
)
