"""The calls to Pub/Sub, made through the transports of Google's generated asyncio clients.

The clients above the transports would try again by themselves for up to a minute; when a call is made again
is not decided here. See docs/decisions/0049-pubsub-through-the-generated-transports.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote

import grpc
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from cloud_tasks.queues.pubsub.failures import CallFailedError, ack_errors_of
from cloud_tasks.queues.pubsub.limits import CALL_S

Q = TypeVar("Q")
R = TypeVar("R")
_Header: TypeAlias = tuple[tuple[str, str]]


class Calls:
    """The calls of the hot path, and `ask` for all others.

    Every call has a deadline and is made once. What fails raises `CallFailedError`.

    Args:
        publisher: For topics.
        subscriber: For subscriptions.
    """

    def __init__(
        self, publisher: PublisherGrpcAsyncIOTransport, subscriber: SubscriberGrpcAsyncIOTransport
    ) -> None:
        self.publisher = publisher
        self.subscriber = subscriber
        self._headers: dict[tuple[str, str], _Header] = {}

    def start_pull(self, request: types.PullRequest, timeout_s: float) -> StartedCall[types.PullResponse]:
        """Begin to pull."""
        routing = ("subscription", request.subscription)
        return self._start("Pull", self.subscriber.pull, request, routing, timeout_s)

    async def acknowledge(self, request: types.AcknowledgeRequest) -> None:
        """Acknowledge some messages."""
        routing = ("subscription", request.subscription)
        await self._start("Acknowledge", self.subscriber.acknowledge, request, routing).answer()

    async def modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest) -> None:
        """Change the ack deadline of some messages."""
        routing = ("subscription", request.subscription)
        method = self.subscriber.modify_ack_deadline
        await self._start("ModifyAckDeadline", method, request, routing).answer()

    async def publish(self, request: types.PublishRequest) -> Sequence[str]:
        """Publish some messages; returns their ids."""
        routing = ("topic", request.topic)
        answer = await self._start("Publish", self.publisher.publish, request, routing).answer()
        return types.PublishResponse.pb(answer).message_ids  # type: ignore[no-any-return]

    async def ask(
        self, name: str, method: Callable[[Q], object], request: Q, routing: tuple[str, str]
    ) -> Any:
        """Make any other call.

        Args:
            name: Its name.
            method: It, as a transport has it.
            request: What it is asked.
            routing: The field of the request that says where it is routed to, and its value.
        """
        return await self._start(name, method, request, routing).answer()

    def _start(
        self,
        name: str,
        method: Callable[[Q], object],
        request: Q,
        routing: tuple[str, str],
        timeout_s: float = CALL_S,
    ) -> StartedCall[Any]:
        call: Any = method
        begun = call(request, timeout=timeout_s, metadata=self._header(routing))
        return StartedCall(name, routing[1], begun)

    def _header(self, routing: tuple[str, str]) -> _Header:
        """Tells Google's front where to route the call."""
        header = self._headers.get(routing)
        if header is None:
            field, resource = routing
            header = (("x-goog-request-params", f"{field}={quote(resource, safe='')}"),)
            self._headers[routing] = header
        return header


class StartedCall(Generic[R]):
    """One call under way."""

    __slots__ = ("_call", "_name", "_resource")

    def __init__(self, name: str, resource: str, call: Any) -> None:
        self._name = name
        self._resource = resource
        self._call = call

    async def answer(self) -> R:
        """Wait for the answer.

        Raises:
            CallFailedError: There is none, or it is an error.
        """
        try:
            answer: R = await self._call
        except grpc.aio.AioRpcError as error:
            trailers = error.trailing_metadata() or ()
            raise CallFailedError(
                self._name, self._resource, error.code().name, error.details() or "", ack_errors_of(trailers)
            ) from None
        return answer

    def cancel(self) -> None:
        """Give up; whoever waits for the answer is cancelled."""
        self._call.cancel()
