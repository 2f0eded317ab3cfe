"""`Channel`: a channel of gRPC that needs no socket, for Google's generated transports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

import grpc
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from cloud_tasks.queues.pubsub.calls import Calls
from fakes.pubsub.errors import PubSubError
from fakes.pubsub.wire import trailers

Read: TypeAlias = Callable[[bytes], Any]
Start: TypeAlias = Callable[[str, bytes, float, Read], "asyncio.Future[Any]"]
"""Begins a call: its method, its request, its deadline in seconds, and what reads the answer."""


def calls_through(start: Start) -> Calls:
    """The adapter's calls, made by the generated transports."""
    return Calls(
        PublisherGrpcAsyncIOTransport(channel=Channel(start)),
        SubscriberGrpcAsyncIOTransport(channel=Channel(start)),
    )


class Channel(grpc.aio.Channel):
    """Calls with one request and one answer.

    Args:
        start: Begins a call.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._unary_unary_interceptors: list[object] = []  # the transport adds its own, which only logs

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's signature
    ) -> Any:
        """A way of making one kind of call."""

        def call(request: Any, *, timeout: float, **_: object) -> asyncio.Future[Any]:
            return self._start(method, request_serializer(request), timeout, response_deserializer)

        return call

    async def close(self, grace: float | None = None) -> None:
        """There is nothing to let go of."""

    def stream_stream(self, *_: Any, **__: Any) -> Any:
        """A transport asks for it, and the adapter never calls it."""
        return self._unused

    # --- What the adapter has no use for

    def _unused(self, *_: object, **__: object) -> NoReturn:
        raise AssertionError("the adapter makes calls with one request and one answer")

    unary_stream = stream_unary = get_state = _unused

    async def __aenter__(self) -> Any:
        self._unused()

    async def __aexit__(self, *_: object) -> None:
        self._unused()

    async def wait_for_state_change(self, last_observed_state: Any) -> None:
        """There is no state."""
        self._unused()

    async def channel_ready(self) -> None:
        """It always is."""
        self._unused()


def failure(code: str, words: str, more: tuple[tuple[str, bytes], ...] = ()) -> grpc.aio.AioRpcError:
    """A call that failed, as gRPC tells it."""
    none, trailing = grpc.aio.Metadata(), grpc.aio.Metadata(*more)
    return grpc.aio.AioRpcError(grpc.StatusCode[code], none, trailing, words)


def refusal(error: PubSubError, request: Any) -> grpc.aio.AioRpcError:
    """A call that the service refused."""
    return failure(error.code.name, error.message, trailers(error, request))
