"""What a queue is set to."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct

from fakes.sqs.content import SIZE_BYTES_MAX
from fakes.sqs.errors import invalid_attribute_name, invalid_attribute_value, invalid_value

MAX_RECEIVES = 1000
"""The highest maxReceiveCount there may be."""

_NUMBERS: Mapping[str, tuple[int, int, int]] = {
    "VisibilityTimeout": (30, 0, 43_200),
    "MaximumMessageSize": (SIZE_BYTES_MAX, 1_024, SIZE_BYTES_MAX),
    "MessageRetentionPeriod": (345_600, 60, 1_209_600),
    "DelaySeconds": (0, 0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 0, 20),
    "KmsDataKeyReusePeriodSeconds": (300, 60, 86_400),
}
"""Default, least and most."""

_WITHOUT_KEY = ("KmsDataKeyReusePeriodSeconds",)
"""Shown only where they were set."""

_TEXTS = ("KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "FifoQueue": ("true",),
    "ContentBasedDeduplication": ("false", "true"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
}
"""The first is the default."""

_OF_FIFO = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")

STATE = (
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
)
"""What can be asked for but not set."""

KNOWN = (*STATE, *_NUMBERS, *_TEXTS, *_CHOICES)
"""Every attribute that can be asked for."""


class Redrive(Struct, frozen=True):
    """Where messages go that were received too often.

    Attributes:
        text: The policy as it was given.
        target_arn: The dead-letter queue.
        max_receive_count: After how many receives.
    """

    text: str
    target_arn: str
    max_receive_count: int


class QueueAttributes:
    """The attributes of a queue that can be set, checked.

    Args:
        given: As the caller gave them.
        is_fifo: Whether the queue's name says that it is a FIFO queue.

    Raises:
        SqsError: There is no such attribute, or it cannot have such a value.
    """

    def __init__(self, given: Mapping[str, str], *, is_fifo: bool) -> None:
        self.is_fifo = is_fifo
        self._values: dict[str, str] = {}
        self.update(given)

    def update(self, given: Mapping[str, str]) -> None:
        """Change some; all or none.

        Raises:
            SqsError: As for the constructor.
        """
        for name, value in given.items():
            self._check(name, value)
        values = self._values | {name: value for name, value in given.items() if value != ""}
        for name in given:
            if given[name] == "":
                values.pop(name, None)
        self.redrive = _redrive(values.get("RedrivePolicy", ""))
        self._values = values
        self.visibility_timeout_s = self._number("VisibilityTimeout")
        self.delay_s = self._number("DelaySeconds")
        self.wait_s = self._number("ReceiveMessageWaitTimeSeconds")
        self.retention_s = self._number("MessageRetentionPeriod")
        self.size_bytes_max = self._number("MaximumMessageSize")
        self.deduplicates_by_content = values.get("ContentBasedDeduplication") == "true"
        self.deduplicates_by_group = values.get("DeduplicationScope") == "messageGroup"

    def shown(self) -> dict[str, str]:
        """Those that are set or have a default, as the service shows them."""
        shown = {name: str(range_[0]) for name, range_ in _NUMBERS.items() if name not in _WITHOUT_KEY}
        for name, choices in _CHOICES.items():
            if self.is_fifo or name not in _OF_FIFO:
                shown[name] = choices[0]
        if "KmsMasterKeyId" in self._values:
            shown["SqsManagedSseEnabled"] = "false"
        return shown | self._values

    def difference(self, given: Mapping[str, str]) -> str | None:
        """The first of some attributes that has another value here; None if all are the same."""
        shown = self.shown()
        return next((name for name, value in given.items() if shown.get(name, "") != value), None)

    def _number(self, name: str) -> int:
        return int(self._values.get(name, _NUMBERS[name][0]))

    def _check(self, name: str, value: str) -> None:
        if name in _NUMBERS:
            _, least, most = _NUMBERS[name]
            ok = value == "" or _is_whole(value, least, most)
        elif name in _CHOICES:
            if not self.is_fifo and name in _OF_FIFO:
                raise invalid_attribute_name(name)
            ok = value in _CHOICES[name]
        elif name in _TEXTS:
            ok = value == "" or name == "KmsMasterKeyId" or _is_mapping(value)
        else:
            raise invalid_attribute_name(name)
        if not ok:
            raise invalid_attribute_value(name)


def _is_whole(text: str, least: int, most: int) -> bool:
    if not (text.isascii() and text.isdecimal()):
        return False
    try:
        return least <= int(text) <= most
    except ValueError:  # so long that Python does not turn it into a number
        return False


def _is_mapping(text: str) -> bool:
    return isinstance(_read(text), dict)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _redrive(text: str) -> Redrive | None:
    policy = _read(text)
    if not isinstance(policy, dict):
        return None
    target, count = policy.get("deadLetterTargetArn"), policy.get("maxReceiveCount")
    if not isinstance(target, str) or count is None:
        raise invalid_value(
            "RedrivePolicy",
            text,
            "Redrive policy does not contain mandatory attribute: "
            + ("maxReceiveCount." if isinstance(target, str) else "deadLetterTargetArn."),
        )
    if not _is_whole(str(count), 1, MAX_RECEIVES):
        raise invalid_value(
            "RedrivePolicy",
            text,
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to {MAX_RECEIVES} both "
            "inclusive.",
        )
    return Redrive(text, target, int(str(count)))
