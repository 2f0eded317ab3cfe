"""SQS's JSON protocol: from bytes to a call, and from what it answers to bytes."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from fakes.sqs.errors import SqsError, malformed, unknown_operation, unsupported
from fakes.sqs.operations import ELSEWHERE, OPERATIONS

CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_TARGET_PREFIX = "AmazonSQS."
_OLD_PROTOCOL = "application/x-www-form-urlencoded"


class Reply(Struct, frozen=True):
    """What goes back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """Reads requests and writes replies.

    Args:
        seed: Of the ids of requests.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(f"{seed}:requests")  # noqa: S311 - ids, not secrets
        self._decoders = {name: msgspec.json.Decoder(each.request) for name, each in OPERATIONS.items()}
        self._encoder = msgspec.json.Encoder()

    def read(self, headers: Mapping[str, str], body: bytes) -> tuple[str, Struct]:
        """The name of a call and what it takes.

        Raises:
            SqsError: It is none, or cannot be read.
        """
        if headers.get("Content-Type", "").startswith(_OLD_PROTOCOL):
            raise unsupported("this stand-in speaks SQS's JSON protocol, not the older query protocol")
        target = headers.get("X-Amz-Target", "")
        name = target.removeprefix(_TARGET_PREFIX)
        if not target.startswith(_TARGET_PREFIX) or name not in self._decoders:
            if name in ELSEWHERE:
                raise unsupported(f"this stand-in does not do {name}")
            raise unknown_operation()
        try:
            return name, self._decoders[name].decode(body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(str(error)) from None

    def write(self, answer: Struct) -> Reply:
        """What was answered."""
        body = self._encoder.encode(answer)
        return self._reply(200, {}, body)

    def refuse(self, error: SqsError) -> Reply:
        """What was refused."""
        fault = "Sender" if error.is_sender_fault else "Receiver"
        body = self._encoder.encode({"__type": error.shape, "message": error.message})
        return self._reply(error.status, {"x-amzn-query-error": f"{error.code};{fault}"}, body)

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> Reply:
        request_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        return Reply(status, headers | {"x-amzn-RequestId": request_id, "Content-Type": CONTENT_TYPE}, body)
