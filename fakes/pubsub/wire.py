"""How a refusal looks on the wire."""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # has none

from fakes.pubsub.errors import OTHER_FOR_GOOD, OTHER_FOR_NOW, PubSubError

_TRAILER = "grpc-status-details-bin"
_ACK_REASON = "EXACTLY_ONCE_ACKID_FAILURE"
_DOMAIN = "pubsub.googleapis.com"


async def refuse(context: Any, error: PubSubError, request: Any = None) -> None:
    """End a call with an error.

    The client takes an error about ack ids for success unless its trailer says what became of each, so every
    such error has one.
    """
    await context.abort(grpc.StatusCode[error.code.name], error.message, trailers(error, request))


def trailers(error: PubSubError, request: Any) -> tuple[tuple[str, bytes], ...]:
    """What a refusal has besides its code and its words."""
    failures = error.ack_failures or _all_failed(error, getattr(request, "ack_ids", ()))
    return ((_TRAILER, _details(error, failures)),) if failures else ()


def _all_failed(error: PubSubError, ack_ids: Any) -> dict[str, str]:
    return dict.fromkeys(ack_ids, OTHER_FOR_GOOD if error.code.for_good else OTHER_FOR_NOW)


def _details(error: PubSubError, failures: Any) -> bytes:
    status = status_pb2.Status(code=error.code.value, message=error.message)
    info = error_details_pb2.ErrorInfo(reason=_ACK_REASON, domain=_DOMAIN, metadata=failures)
    status.details.add().Pack(info)
    return bytes(status.SerializeToString())
