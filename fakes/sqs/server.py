"""The stand-in as an HTTP server."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from fakes.sqs.errors import SqsError
from fakes.sqs.faulty import Faulty, NoReplyError, carry_out
from fakes.sqs.operations import Caller
from fakes.sqs.recording import CarryOut, who_signed
from fakes.sqs.service import SqsService
from fakes.sqs.wire import Reply, Wire

_LOOPBACK = "127.0.0.1"
_BODY_BYTES_MAX = 16 * 1024 * 1024


class SqsServer:
    """SQS on a socket, for every client that speaks its JSON protocol.

    Args:
        service: What answers.
        host: Where to listen.
        port: Likewise; 0: on a free one.
        faults: What goes wrong; None: nothing.
        around: Put around what carries out calls, to watch them; None: nothing is.
    """

    def __init__(
        self,
        service: SqsService,
        *,
        host: str = _LOOPBACK,
        port: int = 0,
        faults: Faulty | None = None,
        around: Callable[[CarryOut], CarryOut] | None = None,
    ) -> None:
        self.service = service
        self._host = host
        self._port = port
        self._wire = Wire()
        inner: CarryOut = carry_out if faults is None else faults.carry_out
        self._carry_out = inner if around is None else around(inner)
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def url(self) -> str:
        """Where it listens, as an address without a path."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port cannot be had.
        """
        app = web.Application(client_max_size=_BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Who hangs up while it waits for a message must not take one with him.
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def aclose(self) -> None:
        """Hang up on everybody and stop listening."""
        self.service.queues.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            reply = await self._answer(request, await request.read())
        except NoReplyError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    async def _answer(self, request: web.Request, body: bytes) -> Reply:
        try:
            name, call = self._wire.read(request.headers, body)
            headers = request.headers
            caller = Caller(
                self.service,
                f"http://{headers.get('Host', self.url)}",
                who_signed(headers.get("Authorization", "")),
                headers.get("amz-sdk-invocation-id", ""),
            )
            return self._wire.write(await self._carry_out(caller, name, call))
        except SqsError as error:
            return self._wire.refuse(error)
