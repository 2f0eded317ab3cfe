"""A gRPC server whose every answer is written by the test: for answers that no service gives on purpose."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
from google.pubsub_v1 import types
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.connection import connect
from cloud_tasks.queues.pubsub.settings import PubSubSettings

Answer: TypeAlias = Callable[[Any, Any], Awaitable[Any]]
"""Takes the request and the call's context."""

_MESSAGES: dict[str, tuple[Any, Any]] = {
    "Pull": (types.PullRequest, types.PullResponse),
    "Publish": (types.PublishRequest, types.PublishResponse),
    "Acknowledge": (types.AcknowledgeRequest, None),
    "ModifyAckDeadline": (types.ModifyAckDeadlineRequest, None),
    "CreateTopic": (types.Topic, types.Topic),
    "GetTopic": (types.GetTopicRequest, types.Topic),
    "GetSubscription": (types.GetSubscriptionRequest, types.Subscription),
    "ListTopics": (types.ListTopicsRequest, types.ListTopicsResponse),
    "ListSubscriptions": (types.ListSubscriptionsRequest, types.ListSubscriptionsResponse),
}


class ScriptedServer(grpc.GenericRpcHandler):
    """Answers each method by its script, in turn; the last answer of a script stays.

    Attributes:
        port: Where it listens, on loopback.
        seen: The requests, by method.
    """

    def __init__(self) -> None:
        self.port = 0
        self.seen: dict[str, list[Any]] = defaultdict(list)
        self._scripts: dict[str, list[Answer]] = defaultdict(list)

    def script(self, method: str, *answers: Answer) -> None:
        self._scripts[method] += answers

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.rpartition("/")[2]
        if method not in _MESSAGES:
            return None
        request, response = _MESSAGES[method]

        async def answer(message: Any, context: Any) -> Any:
            self.seen[method].append(message)
            script = self._scripts[method]
            step = script.pop(0) if len(script) > 1 else script[0]
            return await step(message, context)

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=request.pb().FromString,
            response_serializer=_nothing if response is None else response.serialize,
        )


def _nothing(_: object) -> bytes:
    return b""


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[ScriptedServer, Calls]]:
    """A server, and a connection to it."""
    script = ScriptedServer()
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((script,))
    script.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    settings = PubSubSettings(project_id="p", task_queue="q", emulator_host=f"127.0.0.1:{script.port}")
    connection = await connect(settings)
    try:
        yield script, connection.calls
    finally:
        await connection.aclose()
        await server.stop(0)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that happens elsewhere."""
    while not condition():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0.002)


async def fine(request: Any, context: Any) -> Any:
    return None


def fails(code: str, text: str = "", trailer: bytes | None = None) -> Answer:
    """An error; with a trailer if one is given."""

    async def answer(request: Any, context: Any) -> Any:
        trailers = () if trailer is None else (("grpc-status-details-bin", trailer),)
        await context.abort(grpc.StatusCode[code], text, trailers)

    return answer


def hangs(seconds: float = 60.0) -> Answer:
    """No answer."""

    async def answer(request: Any, context: Any) -> Any:
        await asyncio.sleep(seconds)

    return answer


def gives(value: Any) -> Answer:
    """This answer."""

    async def answer(request: Any, context: Any) -> Any:
        return value

    return answer


def details(reasons: dict[str, str]) -> bytes:
    """A trailer that names ack ids and why they were refused."""
    status = status_pb2.Status(code=3, message="some ack ids are invalid")
    info = error_details_pb2.ErrorInfo(reason="ACK", domain="pubsub.googleapis.com", metadata=reasons)
    status.details.add().Pack(info)
    return bytes(status.SerializeToString())
