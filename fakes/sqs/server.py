"""The stand-in as an HTTP server."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from fakes.http_server import HttpServer, body_of
from fakes.listening import LOOPBACK
from fakes.sqs.errors import SqsError
from fakes.sqs.faulty import Faulty, NoReplyError, carry_out
from fakes.sqs.operations import Caller
from fakes.sqs.recording import CarryOut, who_signed
from fakes.sqs.service import SqsService
from fakes.sqs.wire import Reply, Wire


class SqsServer(HttpServer):
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
        host: str = LOOPBACK,
        port: int = 0,
        faults: Faulty | None = None,
        around: Callable[[CarryOut], CarryOut] | None = None,
    ) -> None:
        super().__init__(host, port)
        self.service = service
        self._wire = Wire()
        inner: CarryOut = carry_out if faults is None else faults.carry_out
        self._carry_out = inner if around is None else around(inner)

    async def _answer(self, request: web.BaseRequest) -> web.Response | None:
        try:
            reply = await self._reply(request, await body_of(request))
        except NoReplyError:
            return None
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    def _let_go(self) -> None:
        self.service.queues.close()

    async def _reply(self, request: web.BaseRequest, body: bytes) -> Reply:
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
