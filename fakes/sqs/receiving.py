"""How a message looks to who receives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakes.sqs import digests
from fakes.sqs.errors import invalid_attribute_name, invalid_value
from fakes.sqs.message import Message
from fakes.sqs.queue import Queue
from fakes.sqs.values import AttributeValue, Received, ReceiveOptions

MESSAGES_MAX = 10
WAIT_S_MAX = 20
TIMEOUT_S_MAX = 43_200

_SENDER = "AIDAIT2UOQQY3AUEKVGXU"
_TRACE_HEADER = "AWSTraceHeader"


def _trace(message: Message) -> str:
    value = message.content.message_system_attributes.get(_TRACE_HEADER)
    return value.string_value if value is not None and isinstance(value.string_value, str) else ""


_SYSTEM: Mapping[str, Callable[[Message], str]] = {
    "SenderId": lambda _: _SENDER,
    "SentTimestamp": lambda message: str(message.sent_ms),
    "ApproximateReceiveCount": lambda message: str(message.receive_count),
    "ApproximateFirstReceiveTimestamp": lambda message: str(message.first_received_ms),
    "SequenceNumber": lambda message: message.sequence_number,
    "MessageDeduplicationId": lambda message: message.deduplication_id,
    "MessageGroupId": lambda message: message.group,
    _TRACE_HEADER: _trace,
    "DeadLetterQueueSourceArn": lambda message: message.source_arn,
}


def check_receive(options: ReceiveOptions) -> None:
    """Refuse a receive that asks for what there is not.

    Raises:
        SqsError: Such a receive.
    """
    _check_range("MaxNumberOfMessages", options.max_number_of_messages, 1, MESSAGES_MAX)
    _check_range("WaitTimeSeconds", options.wait_time_seconds, 0, WAIT_S_MAX)
    _check_range("VisibilityTimeout", options.visibility_timeout, 0, TIMEOUT_S_MAX)
    for name in (*options.attribute_names, *options.message_system_attribute_names):
        if name != "All" and name not in _SYSTEM:
            raise invalid_attribute_name(name)


def wait_s_of(queue: Queue, options: ReceiveOptions) -> int:
    """How long a receive waits for the first message: 0 for a short poll."""
    return queue.attributes.wait_s if options.wait_time_seconds is None else options.wait_time_seconds


def show(queue: Queue, message: Message, options: ReceiveOptions) -> Received:
    """A message with the attributes that were asked for."""
    content = message.content
    wanted = options.attribute_names + options.message_system_attribute_names
    attributes = _pick(content.message_attributes, options.message_attribute_names)
    return Received(
        message_id=message.message_id,
        receipt_handle=queue.handle_of(message),
        md5_of_body=digests.of_body(content.message_body),
        body=content.message_body,
        attributes=_system(message, wanted) if wanted else {},
        md5_of_message_attributes=digests.of_attributes(attributes),
        message_attributes=attributes,
    )


def _system(message: Message, wanted: tuple[str, ...]) -> dict[str, str]:
    names = tuple(_SYSTEM) if "All" in wanted else wanted
    shown = {name: _SYSTEM[name](message) for name in names}
    return {name: value for name, value in shown.items() if value}


def _pick(attributes: Mapping[str, AttributeValue], wanted: tuple[str, ...]) -> dict[str, AttributeValue]:
    """Those that were named, or begin as a name that ends in `.*` does; all for `All`."""
    if not attributes or not wanted:
        return {}
    if "All" in wanted or ".*" in wanted:
        return dict(attributes)
    prefixes = tuple(name.removesuffix(".*") for name in wanted if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in wanted or (prefixes and name.startswith(prefixes))
    }


def _check_range(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise invalid_value(name, value, f"Must be between {least} and {most}, if provided.")
