"""The stand-in as an HTTP server."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web

from fakes.conductor.calls import Reply, refusal
from fakes.conductor.errors import ConductorError
from fakes.conductor.faulty import Faulty, NoReplyError, carry_out
from fakes.conductor.routes import Routes
from fakes.conductor.service import ConductorService

_LOOPBACK = "127.0.0.1"


class ConductorServer:
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
        host: str = _LOOPBACK,
        port: int = 0,
        faults: Faulty | None = None,
    ) -> None:
        self.service = service
        self._host = host
        self._port = port
        self._routes = Routes()
        self._carry_out = carry_out if faults is None else faults.carry_out
        self._runner: web.ServerRunner | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def url(self) -> str:
        """Where it listens, as clients are told: with `/api`."""
        return f"http://{self._host}:{self._port}/api"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port cannot be had.
        """
        # Who hangs up while it waits for a task must not take one with him.
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def aclose(self) -> None:
        """Hang up on everybody and stop listening. Another server can go on with the model."""
        self.service.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            reply = await self._answer(request)
        except NoReplyError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = {} if reply.kind is None else {"Content-Type": reply.kind}
        if reply.retry_after_s is not None:
            headers["Retry-After"] = str(reply.retry_after_s)
        return web.Response(status=reply.status, headers=headers, body=reply.body)

    async def _answer(self, request: web.BaseRequest) -> Reply:
        try:
            # `request.read` would refuse what is larger than a MiB.
            operation, call = self._routes.find(
                request.method, request.raw_path, await request.content.read()
            )
            return await self._carry_out(self.service, operation, call)
        except ConductorError as error:
            return refusal(error, f"{self._host}:{self._port}")
