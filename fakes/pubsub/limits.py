"""The limits of the service on requests and resources, and what it says to those who pass them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration

from fakes.pubsub.errors import (
    invalid,
    invalid_argument,
    payload_too_large,
    too_large,
    too_small,
    unimplemented,
)
from fakes.pubsub.names import check_name
from fakes.pubsub.protos import seconds_of
from fakes.pubsub.settings import DAY_S

MESSAGES_MAX = 1_000
MESSAGES_BYTES_MAX = 10_000_000
PAYLOAD_BYTES_MAX = 10_485_760
ACK_BYTES_MAX = 524_288
ATTRIBUTES_MAX = 100
ATTRIBUTE_NAME_BYTES_MAX = 256
ATTRIBUTE_VALUE_BYTES_MAX = 1_024
KEY_BYTES_MAX = 1_024
ACK_DEADLINE_S_MIN, ACK_DEADLINE_S_MAX = 10, 600
RETENTION_S_MIN, RETENTION_S_MAX = 600, 31 * DAY_S
LABELS_MAX = 64

_LABEL = re.compile(r"[a-z\u00df-\uffff][a-z0-9_\u00df-\uffff-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_\u00df-\uffff-]{0,63}")


def check_publish(request: Any) -> None:
    """Refuse a `PublishRequest` that the service does not take.

    Raises:
        PubSubError: It is too large, or one of its messages is not as it should be.
    """
    messages, size_bytes = request.messages, request.ByteSize()
    if not messages:
        raise too_small("message_count", 0, 1)
    if len(messages) > MESSAGES_MAX:
        raise too_large("message_count", len(messages), MESSAGES_MAX)
    if size_bytes > PAYLOAD_BYTES_MAX:
        raise payload_too_large(PAYLOAD_BYTES_MAX)
    if size_bytes > MESSAGES_BYTES_MAX:
        raise too_large("request_size", size_bytes, MESSAGES_BYTES_MAX)
    key = messages[0].ordering_key
    for message in messages:
        if message.ordering_key != key:
            raise invalid(
                "In a single publish request, all messages must have no ordering key or they must all have "
                "the same ordering key."
            )
        if not message.data and not message.attributes:
            raise invalid(
                "One or more messages in the publish request is empty. Each message must contain either "
                "non-empty data, or at least one attribute."
            )
        if message.attributes:
            _check_attributes(message.attributes)
    if len(key.encode()) > KEY_BYTES_MAX:
        raise too_large("ordering_key_size", len(key.encode()), KEY_BYTES_MAX)


def _check_attributes(attributes: Mapping[str, str]) -> None:
    if len(attributes) > ATTRIBUTES_MAX:
        raise too_large("attribute_count", len(attributes), ATTRIBUTES_MAX)
    for name, text in attributes.items():
        if not name or name.startswith("goog"):
            raise invalid_argument("attributes")
        if len(name.encode()) > ATTRIBUTE_NAME_BYTES_MAX:
            raise too_large("attribute_key_size", len(name.encode()), ATTRIBUTE_NAME_BYTES_MAX)
        if len(text.encode()) > ATTRIBUTE_VALUE_BYTES_MAX:
            raise too_large("attribute_value_size", len(text.encode()), ATTRIBUTE_VALUE_BYTES_MAX)


def check_pull(request: Any) -> None:
    """Refuse a `PullRequest` that the service does not take.

    Raises:
        PubSubError: It names no subscription, or asks for nothing.
    """
    check_name("subscriptions", request.subscription)
    if request.max_messages <= 0:
        raise invalid_argument("max_messages")


def check_ack_request(request: Any) -> None:
    """Refuse a request with ack ids that the service does not take.

    Raises:
        PubSubError: It is too large, or has none.
    """
    if not request.ack_ids:
        raise invalid("You have not specified an ack ID in the request.")
    if request.ByteSize() > ACK_BYTES_MAX:
        raise payload_too_large(ACK_BYTES_MAX)


def check_extension(seconds: int) -> None:
    """Refuse a new ack deadline that none can be.

    Raises:
        PubSubError: It is negative, or too long.
    """
    if not 0 <= seconds <= ACK_DEADLINE_S_MAX:
        raise invalid(
            f"Invalid ack deadline given (ack_deadline={seconds}). "
            f"The ack deadline must be between 0 and {ACK_DEADLINE_S_MAX} seconds."
        )


def check_ack_deadline(seconds: int) -> int:
    """The ack deadline of a subscription or a stream; 0 stands for the shortest.

    Raises:
        PubSubError: It is too short, or too long.
    """
    if seconds and not ACK_DEADLINE_S_MIN <= seconds <= ACK_DEADLINE_S_MAX:
        raise invalid(
            f"Invalid ack deadline given (ack_deadline={seconds}). The ack deadline must be between "
            f"{ACK_DEADLINE_S_MIN} and {ACK_DEADLINE_S_MAX} seconds."
        )
    return seconds or ACK_DEADLINE_S_MIN


def check_retention(duration: Duration) -> float:
    """How long messages are kept, in seconds.

    Raises:
        PubSubError: It is too short, or too long.
    """
    seconds = seconds_of(duration)
    if not RETENTION_S_MIN <= seconds <= RETENTION_S_MAX:
        raise invalid(
            "The value for message retention duration is out of bounds. You passed "
            f"{seconds:g}s in the request, but the value must be between 10m and 744h."
        )
    return seconds


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that none can be.

    Raises:
        PubSubError: There are too many, or one is not as it should be.
    """
    if len(labels) > LABELS_MAX:
        raise invalid_argument(f"Invalid labels: {len(labels)} labels, and the limit is {LABELS_MAX}")
    for name, text in labels.items():
        if not _LABEL.fullmatch(name):
            raise invalid_argument(f'Invalid labels: Invalid field "labels"; key "{name}"')
        if not _LABEL_VALUE.fullmatch(text):
            raise invalid_argument(f'Invalid labels: Invalid field "labels.{name}"; value "{text}"')


def check_fields(config: Any, missing: Iterable[tuple[str, str]]) -> None:
    """Refuse what a resource asks for and this stand-in does not have.

    Raises:
        PubSubError: One of the fields is set.
    """
    present = {field.name for field, _ in config.ListFields()}
    for name, what in missing:
        if name in present:
            raise unimplemented(f"{what} (`{name}`)")
