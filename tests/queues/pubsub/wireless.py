"""The model of Pub/Sub behind a channel that needs no socket: calls cost no time but what the clock says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import grpc
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.pubsub.calls import Calls
from fakes.pubsub.errors import PubSubError
from fakes.pubsub.rpcs import rpcs, serialise
from fakes.pubsub.service import PubSubService
from fakes.pubsub.wire import trailers


def wireless(service: PubSubService) -> Calls:
    """The calls that the backend makes, carried out by the service on the same loop, deadlines included."""
    return Calls(
        PublisherGrpcAsyncIOTransport(channel=Wireless(service)),
        SubscriberGrpcAsyncIOTransport(channel=Wireless(service)),
    )


class Wireless(grpc.aio.Channel):
    """Calls with one request and one answer; a call is a task of the loop."""

    def __init__(self, service: PubSubService) -> None:
        self._clock: Clock = service.clock
        self._rpcs = {f"/{rpc.service}/{rpc.name}": rpc for rpc in rpcs(service)}
        self._unary_unary_interceptors: list[object] = []  # the transport adds its own, which only logs

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's signature
    ) -> Any:
        def call(request: Any, *, timeout: float, metadata: Any) -> asyncio.Future[Any]:
            assert metadata
            return asyncio.ensure_future(
                self._call(method, request_serializer(request), timeout, response_deserializer)
            )

        return call

    async def _call(self, method: str, asked: bytes, timeout_s: float, read: Callable[[bytes], Any]) -> Any:
        rpc = self._rpcs.get(method)
        if rpc is None:
            raise _failure("UNIMPLEMENTED", "Method not found!", ())
        request = rpc.request.FromString(asked)
        try:
            answer = rpc.answer(request)
            if inspect.isawaitable(answer):
                answer = await self._within(timeout_s, asyncio.ensure_future(answer))
        except PubSubError as error:
            raise _failure(error.code.name, error.message, trailers(error, request)) from None
        return read(serialise(answer))

    async def _within(self, timeout_s: float, answer: asyncio.Future[Any]) -> Any:
        over = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + timeout_s))
        try:
            await asyncio.wait({answer, over}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
        finally:
            for one in (answer, over):
                one.cancel()
            await asyncio.gather(answer, over, return_exceptions=True)
        raise _failure("DEADLINE_EXCEEDED", "Deadline Exceeded", ())

    # --- What the backend has no use for

    async def __aenter__(self) -> Any:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError

    async def close(self, grace: float | None = None) -> None:
        """There is nothing to let go of."""

    def get_state(self, try_to_connect: bool = False) -> Any:  # noqa: FBT001, FBT002 - gRPC's signature
        raise NotImplementedError

    async def wait_for_state_change(self, last_observed_state: Any) -> None:
        raise NotImplementedError

    async def channel_ready(self) -> None:
        raise NotImplementedError

    def unary_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def stream_unary(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def stream_stream(self, *_: Any, **__: Any) -> Any:
        """A transport asks for it, and the backend never calls it."""
        return self.unary_stream


def _failure(code: str, words: str, more: tuple[tuple[str, bytes], ...]) -> Exception:
    none, trailing = grpc.aio.Metadata(), grpc.aio.Metadata(*more)
    return grpc.aio.AioRpcError(grpc.StatusCode[code], none, trailing, words)
