"""What a call that failed says, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # has none

from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.queues.pubsub.permissions import NEEDED

STATUS_TRAILER = "grpc-status-details-bin"


class CallFailedError(QueueUnavailableError):
    """A call was not answered with success. Unless the caller knows better, it may succeed later.

    Attributes:
        method: The call: "Pull" and the like.
        resource: The full name of what it was about.
        code: The status by its name: "NOT_FOUND" and the like.
        text: What the service said.
        ack_errors: The reason for each ack id that was refused; None where the answer has no details, and
            nobody knows which were.
    """

    def __init__(
        self, method: str, resource: str, code: str, text: str, ack_errors: Mapping[str, str] | None = None
    ) -> None:
        self.method = method
        self.resource = resource
        self.code = code
        self.text = text
        self.ack_errors = ack_errors
        super().__init__(": ".join(part for part in (method, code, text, self._missing()) if part))

    @property
    def denied(self) -> bool:
        """Whether we may not do this."""
        return self.code in ("PERMISSION_DENIED", "UNAUTHENTICATED")

    def _missing(self) -> str:
        if not self.denied or self.method not in NEEDED:
            return ""
        permission, role = NEEDED[self.method]
        return f"permission {permission} is missing on {self.resource}; {role} grants it"


def ack_errors_of(trailers: Iterable[tuple[str, object]]) -> Mapping[str, str] | None:
    """The reasons by ack id in the trailers of a failed call; None where they say nothing readable."""
    for key, value in trailers:
        if key == STATUS_TRAILER and isinstance(value, bytes):
            return _ack_errors_in(value)
    return None


def _ack_errors_in(status_bytes: bytes) -> Mapping[str, str] | None:
    try:
        status = status_pb2.Status.FromString(status_bytes)
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                return dict(info.metadata)
    except DecodeError:
        return None
    return None


def refusal(reason: str) -> QueueError:
    """What it means for a lease that its ack id was refused for a reason."""
    if reason.startswith("PERMANENT_FAILURE"):
        return LeaseLostError(f"the lease is over, or its message was delivered again: {reason}")
    return QueueUnavailableError(f"not done for now: {reason}")
