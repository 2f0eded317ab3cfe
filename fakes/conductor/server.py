"""The stand-in as an HTTP server."""

from __future__ import annotations

from aiohttp import web

from fakes.conductor.calls import Reply, refusal
from fakes.conductor.errors import ConductorError
from fakes.conductor.faulty import Faulty, NoReplyError, carry_out
from fakes.conductor.routes import Routes
from fakes.conductor.service import ConductorService
from fakes.http_server import HttpServer, body_of
from fakes.listening import LOOPBACK


class ConductorServer(HttpServer):
    """Conductor on a socket, for workers of either layout.

    Args:
        service: What answers.
        host: Where to listen.
        port: Likewise; 0: on a free one.
        faults: What goes wrong; None: nothing.
    """

    def __init__(
        self,
        service: ConductorService,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        faults: Faulty | None = None,
    ) -> None:
        super().__init__(host, port)
        self.service = service
        self._routes = Routes()
        self._carry_out = carry_out if faults is None else faults.carry_out

    @property
    def url(self) -> str:
        """Where it listens, as clients are told: with `/api`."""
        return f"{super().url}/api"

    async def _answer(self, request: web.BaseRequest) -> web.Response | None:
        try:
            reply = await self._reply(request)
        except NoReplyError:
            return None
        headers = {} if reply.kind is None else {"Content-Type": reply.kind}
        if reply.retry_after_s is not None:
            headers["Retry-After"] = str(reply.retry_after_s)
        return web.Response(status=reply.status, headers=headers, body=reply.body)

    def _let_go(self) -> None:
        self.service.close()

    async def _reply(self, request: web.BaseRequest) -> Reply:
        try:
            operation, call = self._routes.find(request.method, request.raw_path, await body_of(request))
            return await self._carry_out(self.service, operation, call)
        except ConductorError as error:
            return refusal(error, f"{self._host}:{self._port}")
