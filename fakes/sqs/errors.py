"""What SQS answers instead of doing what it was asked."""

from __future__ import annotations

_SQS = "com.amazonaws.sqs"
_CORAL = "com.amazon.coral.service"
_LEGACY = "AWS.SimpleQueueService"


class SqsError(Exception):
    """A refusal.

    Args:
        shape: Its name in the service's JSON protocol, with the namespace.
        code: Its name in the older query protocol, which SDKs show to their users.
        message: For a person.
        status: The status of HTTP.
    """

    def __init__(self, shape: str, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.shape = shape
        self.code = code
        self.message = message
        self.status = status

    @property
    def is_sender_fault(self) -> bool:
        """Whether the caller is to blame, not the service."""
        return self.status < 500  # noqa: PLR2004 - where HTTP draws the line


def queue_does_not_exist() -> SqsError:
    """No queue of that name or address."""
    return SqsError(
        f"{_SQS}#QueueDoesNotExist", f"{_LEGACY}.NonExistentQueue", "The specified queue does not exist."
    )


def queue_deleted_recently() -> SqsError:
    """The name is free again in at most a minute."""
    return SqsError(
        f"{_SQS}#QueueDeletedRecently",
        f"{_LEGACY}.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    )


def queue_exists(attribute: str) -> SqsError:
    """There is such a queue, and it is another."""
    return SqsError(
        f"{_SQS}#QueueNameExists",
        "QueueAlreadyExists",
        f"A queue already exists with the same name and a different value for attribute {attribute}",
    )


def purge_in_progress(name: str) -> SqsError:
    """One purge a minute."""
    return SqsError(
        f"{_SQS}#PurgeQueueInProgress",
        f"{_LEGACY}.PurgeQueueInProgress",
        f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.",
        403,
    )


def invalid_value(name: str, value: object, reason: str) -> SqsError:
    """A parameter's value is refused, for a reason."""
    return invalid_parameter(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def invalid_parameter(message: str) -> SqsError:
    """A parameter is refused."""
    return SqsError(f"{_CORAL}#InvalidParameterValueException", "InvalidParameterValue", message)


def missing_parameter(name: str) -> SqsError:
    """A parameter is not there."""
    return SqsError(
        f"{_CORAL}#MissingRequiredParameterException",
        "MissingParameter",
        f"The request must contain the parameter {name}.",
    )


def invalid_attribute_name(name: str) -> SqsError:
    """A queue has no such attribute."""
    return SqsError(f"{_SQS}#InvalidAttributeName", "InvalidAttributeName", f"Unknown Attribute {name}.")


def invalid_attribute_value(name: str, reason: str = "") -> SqsError:
    """An attribute of a queue cannot have that value."""
    return SqsError(
        f"{_SQS}#InvalidAttributeValue",
        "InvalidAttributeValue",
        f"Invalid value for the parameter {name}." + (f" Reason: {reason}" if reason else ""),
    )


def invalid_handle(handle: str) -> SqsError:
    """That is no receipt handle of this queue."""
    return SqsError(
        f"{_SQS}#ReceiptHandleIsInvalid",
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
        404,
    )


def handle_expired(handle: str) -> SqsError:
    """A FIFO queue's handle is good for the time of its lease alone."""
    return invalid_value("ReceiptHandle", handle, "The receipt handle has expired.")


def lease_too_long(timeout_s: float, total_s_max: int) -> SqsError:
    """The message would be held for longer than it may be."""
    return invalid_value(
        "VisibilityTimeout",
        f"{timeout_s:.0f}",
        f"Total VisibilityTimeout for the message is beyond the limit [{total_s_max} seconds]",
    )


def bad_timeout(timeout_s: int, timeout_s_max: int) -> SqsError:
    """There is no such visibility timeout."""
    reason = f"VisibilityTimeout must be an integer between 0 and {timeout_s_max}"
    return invalid_value("VisibilityTimeout", timeout_s, reason)


def no_such_message(handle: str) -> SqsError:
    """The message of that handle has been deleted."""
    return invalid_value(
        "ReceiptHandle",
        handle,
        "Message does not exist or is not available for visibility timeout change.",
    )


def invalid_contents(message: str) -> SqsError:
    """The body holds what no message may hold."""
    return SqsError(f"{_SQS}#InvalidMessageContents", "InvalidMessageContents", message)


def batch_error(shape: str, message: str) -> SqsError:
    """The whole batch is refused."""
    return SqsError(f"{_SQS}#{shape}", f"{_LEGACY}.{shape}", message)


def over_limit(in_flight_max: int) -> SqsError:
    """Too many messages are in flight."""
    return SqsError(
        f"{_SQS}#OverLimit",
        "OverLimit",
        f"Too many messages in flight: the limit of {in_flight_max} messages has been reached.",
        403,
    )


def throttled() -> SqsError:
    """Too many calls."""
    return SqsError(f"{_SQS}#RequestThrottled", "RequestThrottled", "Request is throttled.", 403)


def unavailable() -> SqsError:
    """The service is not there for the moment."""
    return SqsError(
        f"{_CORAL}#ServiceUnavailableException",
        "ServiceUnavailable",
        "Service is temporarily unavailable.",
        503,
    )


def unsupported(message: str) -> SqsError:
    """The service does not do that."""
    return SqsError(f"{_SQS}#UnsupportedOperation", f"{_LEGACY}.UnsupportedOperation", message)


def unknown_operation() -> SqsError:
    """There is no such operation."""
    return SqsError(f"{_CORAL}#UnknownOperationException", "InvalidAction", "Unknown operation.", 404)


def malformed(message: str) -> SqsError:
    """The request cannot be read."""
    return SqsError(f"{_CORAL}#SerializationException", "MalformedInput", message)
