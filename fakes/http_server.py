"""What the stand-ins have in common that speak HTTP."""

from __future__ import annotations

from abc import abstractmethod

from aiohttp import web

from fakes.listening import Listening

_HANG_UP_S = 0.2
"""For calls that wait when the server is closed; they have been let go of by then."""


class HttpServer(Listening):
    """Answers every request by one method, in the loop that starts it.

    Args:
        host: Where to listen.
        port: Likewise; 0: on a free one.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens, as an address without a path."""
        return f"http://{self._where}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port cannot be had.
        """
        # Who hangs up while it waits for a message must not take one with him.
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_HANG_UP_S)
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
        self._let_go()
        if self._runner is not None:
            await self._runner.cleanup()

    @abstractmethod
    async def _answer(self, request: web.BaseRequest) -> web.Response | None:
        """Answer a request; None hangs up without an answer."""

    @abstractmethod
    def _let_go(self) -> None:
        """Let go of whoever waits for an answer: the end has come."""

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        answer = await self._answer(request)
        if answer is not None:
            return answer
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


async def body_of(request: web.BaseRequest) -> bytes:
    """All of the body, however large: `request.read` would refuse what is larger than a MiB."""
    return await request.content.read()
