"""What answers boto3: moto, or our own model of SQS. Neither waits for a message: polls wait outside."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import ExitStack
from typing import Any, Protocol

from botocore.awsrequest import AWSPreparedRequest
from msgspec import Struct

from cloud_tasks.interfaces import Clock
from fakes.sqs import SqsError, SqsService
from fakes.sqs.operations import OPERATIONS, Caller
from fakes.sqs.wire import Wire
from simulation.backends.sqs.exchange import Answer, Request, headers_of


class Server(Protocol):
    """A service."""

    @property
    def lag_s(self) -> float:
        """How much later than it should a lease may end there."""
        ...

    def answer(self, request: Request) -> Answer:
        """Carry out a call."""
        ...

    def close(self) -> None:
        """End."""
        ...


class FakesServer:
    """Our own model.

    Args:
        clock: Time.
    """

    lag_s = 0.0

    def __init__(self, clock: Clock) -> None:
        self._service = SqsService(clock)
        self._wire = Wire()

    def answer(self, request: Request) -> Answer:
        """See `Server`."""
        try:
            name, call = self._wire.read(request.headers, request.body)
            base_url = request.url.rstrip("/").partition("/000000000000")[0]
            answer = OPERATIONS[name].act(Caller(self._service, base_url), call)
            reply = self._wire.write(answer if isinstance(answer, Struct) else _at_once(answer))
        except SqsError as error:
            reply = self._wire.refuse(error)
        return Answer(reply.status, reply.headers, reply.body)

    def close(self) -> None:
        """See `Server`."""


def _at_once(work: Awaitable[Struct]) -> Struct:
    """What comes of a coroutine that waits for nothing."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as over:
        answer: Struct = over.value
        return answer
    raise AssertionError("the service waits, although it was asked not to")


class MotoServer:
    """moto, with what it gets wrong put right; see `fakes.sqs.moto_server`. One at a time.

    Args:
        clock: Its time of day is moto's.
        seed: Of its ids and receipts.
    """

    lag_s = 0.001
    """It counts in microseconds, and takes a lease for over only when it has been for a moment."""

    def __init__(self, clock: Clock, seed: int) -> None:
        from moto.core.models import botocore_stubber
        from moto.moto_api._internal import mock_random

        from fakes.sqs.moto_server import mended_models

        self._process: Any = botocore_stubber.process_request
        self._stack = ExitStack()
        self._stack.enter_context(mended_models(clock))
        mock_random.seed(seed)

    def answer(self, request: Request) -> Answer:
        """See `Server`."""
        prepared = AWSPreparedRequest("POST", request.url, headers_of(request.headers), request.body, False)  # noqa: FBT003 - botocore's signature
        status, headers, body = self._process(prepared)
        return Answer(status, dict(headers), body.encode() if isinstance(body, str) else body)

    def close(self) -> None:
        """See `Server`."""
        self._stack.close()
