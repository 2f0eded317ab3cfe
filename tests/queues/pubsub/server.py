# ruff: noqa: N802 - methods are named as the RPCs
"""A gRPC server with as much of Pub/Sub as the backend's tests ask for, in threads of its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from concurrent import futures
from typing import Any

import grpc
from google.pubsub_v1 import types

from tests.queues.pubsub.backlog import Backlog
from tests.queues.pubsub.jumping_clock import JumpingClock
from tests.queues.pubsub.scripted import details

_LOOK_S = 0.01
_REQUESTS: Mapping[str, Any] = {"CreateTopic": types.Topic, "CreateSubscription": types.Subscription}


class Server(grpc.GenericRpcHandler):
    """One service with nothing in it; a method is an RPC by its name.

    Attributes:
        away: Whether every call is answered with UNAVAILABLE.
        refused: How many were.
    """

    project_id = "project"

    def __init__(self) -> None:
        self.clock = JumpingClock()
        self.away = threading.Event()
        self.refused = 0
        self._topics: dict[str, types.Topic] = {}
        self._backlogs: dict[str, Backlog] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(32), [self], options=[("grpc.max_receive_message_length", -1)]
        )

    def start(self) -> str:
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"127.0.0.1:{port}"

    def stop(self) -> None:
        self._server.stop(0).wait()

    def service(self, handler_call_details: Any) -> Any:
        name = handler_call_details.method.rpartition("/")[2]
        method = getattr(self, name, None)
        if method is None:
            return None
        request = _REQUESTS.get(name) or getattr(types, f"{name}Request")

        def answer(body: bytes, context: Any) -> bytes:
            if self.away.is_set():
                self.refused += 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "away")
            with self._changed:
                result = method(request.deserialize(body), context)
                self._changed.notify_all()
            return b"" if result is None else type(result).serialize(result)

        return grpc.unary_unary_rpc_method_handler(answer)

    def CreateTopic(self, request: types.Topic, context: Any) -> types.Topic:
        if request.name in self._topics:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, request.name)
        self._topics[request.name] = request
        return request

    def GetTopic(self, request: types.GetTopicRequest, context: Any) -> types.Topic:
        if request.topic not in self._topics:
            context.abort(grpc.StatusCode.NOT_FOUND, request.topic)
        return self._topics[request.topic]

    def DeleteTopic(self, request: types.DeleteTopicRequest, context: Any) -> None:
        if self._topics.pop(request.topic, None) is None:
            context.abort(grpc.StatusCode.NOT_FOUND, request.topic)

    def CreateSubscription(self, request: types.Subscription, context: Any) -> types.Subscription:
        if request.name in self._backlogs:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, request.name)
        self._backlogs[request.name] = Backlog(request, self.clock)
        return request

    def GetSubscription(self, request: types.GetSubscriptionRequest, context: Any) -> types.Subscription:
        return self._backlog(request.subscription, context).subscription

    def DeleteSubscription(self, request: types.DeleteSubscriptionRequest, context: Any) -> None:
        self._backlog(request.subscription, context)
        del self._backlogs[request.subscription]

    def Seek(self, request: types.SeekRequest, context: Any) -> None:
        self._backlog(request.subscription, context).clear()

    def Publish(self, request: types.PublishRequest, context: Any) -> types.PublishResponse:
        if request.topic not in self._topics:
            context.abort(grpc.StatusCode.NOT_FOUND, request.topic)
        message_ids = [str(next(self._numbers)) for _ in request.messages]
        for backlog in self._backlogs.values():
            if backlog.subscription.topic == request.topic:
                for message_id, message in zip(message_ids, request.messages, strict=True):
                    backlog.put(message_id, message)
        return types.PublishResponse(message_ids=message_ids)

    def Pull(self, request: types.PullRequest, context: Any) -> types.PullResponse:
        received: list[types.ReceivedMessage] = []
        while context.is_active():
            received = self._backlog(request.subscription, context).take(request.max_messages)
            if received or request.return_immediately:
                break
            self._changed.wait(_LOOK_S)
        return types.PullResponse(received_messages=received)

    def Acknowledge(self, request: types.AcknowledgeRequest, context: Any) -> None:
        backlog = self._backlog(request.subscription, context)
        _tell(backlog.acknowledge(request.ack_ids), context)

    def ModifyAckDeadline(self, request: types.ModifyAckDeadlineRequest, context: Any) -> None:
        backlog = self._backlog(request.subscription, context)
        _tell(backlog.set_deadline(request.ack_ids, request.ack_deadline_seconds), context)

    def _backlog(self, name: str, context: Any) -> Backlog:
        if name not in self._backlogs:
            context.abort(grpc.StatusCode.NOT_FOUND, name)
        return self._backlogs[name]


def _tell(refused: dict[str, str], context: Any) -> None:
    if refused:
        context.set_trailing_metadata((("grpc-status-details-bin", details(refused)),))
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "some ack ids are invalid")
