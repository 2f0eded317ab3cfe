"""How the service refuses: codes, and its words."""

from __future__ import annotations

import enum
from collections.abc import Mapping

INVALID_ACK_ID = "PERMANENT_FAILURE_INVALID_ACK_ID"
OTHER_FOR_GOOD = "PERMANENT_FAILURE_OTHER"
OTHER_FOR_NOW = "TRANSIENT_FAILURE_OTHER"
SERVICE_UNAVAILABLE = "TRANSIENT_FAILURE_SERVICE_UNAVAILABLE"
UNORDERED_ACK_ID = "TRANSIENT_FAILURE_UNORDERED_ACK_ID"

_NAMES_PAGE = "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names"


class Code(enum.Enum):
    """The codes of gRPC that the service uses, with their numbers."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14

    @property
    def for_good(self) -> bool:
        """Whether the same call would be refused again."""
        return self not in (Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.UNAVAILABLE)


class PubSubError(Exception):
    """A call is refused.

    Attributes:
        code: The code.
        message: The words.
        ack_failures: Which ack ids were refused and why, where the call was about some.
    """

    def __init__(self, code: Code, message: str, ack_failures: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.ack_failures = ack_failures or {}


def invalid(message: str) -> PubSubError:
    """A request that is wrong in itself."""
    return PubSubError(Code.INVALID_ARGUMENT, message)


def invalid_argument(name: str) -> PubSubError:
    """An argument that is wrong in itself."""
    return invalid(f"You have passed an invalid argument to the service (argument={name}).")


def invalid_name(name: str) -> PubSubError:
    """A name that none can have."""
    return invalid(f"Invalid resource name given (name={name}). Refer to {_NAMES_PAGE} for more information.")


def not_found(name: str) -> PubSubError:
    """Something is not there."""
    return PubSubError(Code.NOT_FOUND, f"Resource not found (resource={_short(name)}).")


def already_exists(name: str) -> PubSubError:
    """Something is there."""
    return PubSubError(
        Code.ALREADY_EXISTS, f"Resource already exists in the project (resource={_short(name)})."
    )


def failed_precondition(message: str) -> PubSubError:
    """The state of things does not allow it."""
    return PubSubError(Code.FAILED_PRECONDITION, message)


def unimplemented(what: str) -> PubSubError:
    """The service could, and this stand-in cannot."""
    return PubSubError(Code.UNIMPLEMENTED, f"this stand-in for Pub/Sub has no {what}")


def throttled() -> PubSubError:
    """One call too many."""
    return PubSubError(Code.RESOURCE_EXHAUSTED, "Quota exceeded: too many requests.")


def unavailable() -> PubSubError:
    """The service has a trouble of its own."""
    return PubSubError(
        Code.UNAVAILABLE, "The service was unable to fulfill your request. Please try again. [code=8a75]"
    )


def connection_lost() -> PubSubError:
    """The connection broke before the answer."""
    return PubSubError(Code.UNAVAILABLE, "Socket closed")


def too_small(what: str, value: int, minimum: int) -> PubSubError:
    """A number is below what is allowed."""
    return invalid(
        f"The value for {what} is too small. You passed {value} in the request, "
        f"but the minimum value is {minimum}."
    )


def too_large(what: str, value: int, maximum: int) -> PubSubError:
    """A number is above what is allowed."""
    return invalid(
        f"The value for {what} is too large. You passed {value} in the request, "
        f"but the maximum value is {maximum}."
    )


def payload_too_large(limit_bytes: int) -> PubSubError:
    """A request has too many bytes."""
    return invalid(f"Request payload size exceeds the limit: {limit_bytes} bytes.")


def ack_ids_refused(failures: Mapping[str, str]) -> PubSubError:
    """Some ack ids of a request are not what they should be; the others were used."""
    return PubSubError(
        Code.INVALID_ARGUMENT,
        "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement "
        "ids have expired or the acknowledgement ids were malformed.",
        failures,
    )


def _short(name: str) -> str:
    return name.rpartition("/")[2]
