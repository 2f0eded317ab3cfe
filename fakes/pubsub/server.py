"""The stand-in as a gRPC server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from fakes.faults import FaultInjector
from fakes.listening import LOOPBACK, Listening
from fakes.pubsub.calls import Calls
from fakes.pubsub.errors import PubSubError
from fakes.pubsub.faulty import Faulty
from fakes.pubsub.operations import STREAMING_PULL
from fakes.pubsub.protos import raw
from fakes.pubsub.rpcs import PUBLISHER, SUBSCRIBER, Rpc, rpcs, serialise
from fakes.pubsub.service import PubSubService
from fakes.pubsub.streaming import Stream
from fakes.pubsub.wire import refuse

_GRACE_S = 1.0
"""For calls to end by themselves; gRPC prints a traceback for each that the loop ends before."""
_OPTIONS = [
    # The service says itself what is too large.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Otherwise two servers could share a port, and each would get some of the calls.
    ("grpc.so_reuseport", 0),
]


class PubSubServer(Listening):
    """Pub/Sub on a socket, for every client that speaks gRPC; it runs in the loop that starts it.

    Args:
        service: What answers.
        host: Where to listen.
        port: Likewise; 0: on a free one.
        faults: What goes wrong; None: nothing.
    """

    def __init__(
        self,
        service: PubSubService,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        faults: FaultInjector | None = None,
    ) -> None:
        super().__init__(host, port)
        self.service = service
        self._calls = Calls(service) if faults is None else Faulty(service, faults)
        self._server: grpc.aio.Server | None = None
        self._under_way = 0
        self._idle = asyncio.Event()

    @property
    def address(self) -> str:
        """Where it listens, as `PUBSUB_EMULATOR_HOST` takes it."""
        return self._where

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port cannot be had.
        """
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(self._handlers())
        try:
            self._port = server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise OSError(str(error)) from None
        await server.start()
        self._server = server

    async def aclose(self) -> None:
        """Hang up on everybody and stop listening."""
        self.service.close()
        if self._server is not None:
            await self._server.stop(_GRACE_S)
            await self._rest()

    async def _rest(self) -> None:
        """Wait until gRPC is done with its calls: it stops as soon as they are answered."""
        if self._under_way:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), _GRACE_S)
        await asyncio.sleep(0)

    def _begin(self, context: Any) -> None:
        self._under_way += 1
        context.add_done_callback(self._done)

    def _done(self, _: Any) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        methods: dict[str, dict[str, Any]] = {PUBLISHER: {}, SUBSCRIBER: {}}
        for rpc in rpcs(self.service):
            methods[rpc.service][rpc.name] = grpc.unary_unary_rpc_method_handler(
                self._unary(rpc),
                request_deserializer=rpc.request.FromString,
                response_serializer=serialise,
            )
        methods[SUBSCRIBER][STREAMING_PULL] = grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=raw("StreamingPullRequest").FromString,
            response_serializer=serialise,
        )
        return tuple(grpc.method_handlers_generic_handler(name, each) for name, each in methods.items())

    def _unary(self, rpc: Rpc) -> Callable[[Any, Any], Awaitable[Any]]:
        async def answer(request: Any, context: Any) -> Any:
            self._begin(context)
            try:
                return await self._calls.carry_out(rpc, request)
            except PubSubError as error:
                await refuse(context, error, request)

        return answer

    async def _stream(self, _: Any, context: Any) -> None:
        self._begin(context)

        async def read() -> Any:
            request = await context.read()
            return None if request is grpc.aio.EOF else request

        try:
            await Stream(self.service, read, context.write, self._calls.take).serve()
        except PubSubError as error:
            await refuse(context, error)
