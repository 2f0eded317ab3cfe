"""How a refusal looks on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # has none

from fakes.pubsub.errors import OTHER_FOR_GOOD, OTHER_FOR_NOW, SERVICE_UNAVAILABLE, Code, PubSubError

_Trailers: TypeAlias = tuple[tuple[str, bytes], ...]

_TRAILER = "grpc-status-details-bin"
_ACK_REASON = "EXACTLY_ONCE_ACKID_FAILURE"
_DOMAIN = "pubsub.googleapis.com"
_FOR_NOW = "TRANSIENT_"

_REASONS_BYTES_MAX = 7_000
"""Clients of gRPC throw away an answer whose trailers have more than 8 KiB, and Google's takes what they see
instead for success."""
_REASON_OVERHEAD_BYTES = 10
"""What an ack id and its reason take besides their letters."""


async def refuse(context: Any, error: PubSubError, request: Any = None) -> None:
    """End a call with an error.

    The client takes an error about ack ids for success unless its trailer has a status, so every such error
    has one, with what became of each; or of as many as there is room for, and then it asks the others again.
    """
    code, told = _answer(error, request)
    await context.abort(grpc.StatusCode[code.name], error.message, told)


def trailers(error: PubSubError, request: Any) -> _Trailers:
    """What a refusal has besides its code and its words."""
    return _answer(error, request)[1]


def _answer(error: PubSubError, request: Any) -> tuple[Code, _Trailers]:
    """The code and the trailers.

    Where there is no room for all reasons, what was refused for now has none: nobody who asks again needs it.
    """
    code, failures = error.code, error.ack_failures or _all_failed(error, getattr(request, "ack_ids", ()))
    if not failures:
        return code, ()
    listed = _that_fit(failures)
    if len(listed) < len(failures):
        lasting = {one: reason for one, reason in failures.items() if not reason.startswith(_FOR_NOW)}
        listed = _that_fit(lasting)
        code = _code_for_the_others(failures, lasting, listed) if error.ack_failures else code
    return code, ((_TRAILER, _details(code, error.message, listed)),)


def _all_failed(error: PubSubError, ack_ids: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(ack_ids, OTHER_FOR_GOOD if error.code.for_good else OTHER_FOR_NOW)


def _code_for_the_others(
    failures: Mapping[str, str], lasting: Mapping[str, str], listed: Mapping[str, str]
) -> Code:
    """What makes clients ask again for the ack ids that are not listed, done or not.

    `UNAVAILABLE` makes the generated client repeat the whole call, at once and until it gives up: right for
    an outage alone. `ABORTED` is left to who made the call, who first learns what is listed.
    """
    if lasting and not listed:
        return Code.INVALID_ARGUMENT  # asking again would never come to an end
    return Code.UNAVAILABLE if set(failures.values()) == {SERVICE_UNAVAILABLE} else Code.ABORTED


def _that_fit(failures: Mapping[str, str]) -> dict[str, str]:
    """As many of them as there is room for."""
    listed, left_bytes = {}, _REASONS_BYTES_MAX
    for ack_id, reason in failures.items():
        size_bytes = len(ack_id.encode()) + len(reason) + _REASON_OVERHEAD_BYTES
        if size_bytes <= left_bytes:
            listed[ack_id] = reason
            left_bytes -= size_bytes
    return listed


def _details(code: Code, message: str, failures: dict[str, str]) -> bytes:
    status = status_pb2.Status(code=code.value, message=message)
    if failures:
        info = error_details_pb2.ErrorInfo(reason=_ACK_REASON, domain=_DOMAIN, metadata=failures)
        status.details.add().Pack(info)
    return bytes(status.SerializeToString())
