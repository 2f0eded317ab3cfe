"""What a message may hold: characters, attributes, and how much of both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite

from msgspec import UNSET

from fakes.sqs.errors import SqsError, invalid_contents, invalid_parameter, invalid_value, missing_parameter
from fakes.sqs.values import AttributeValue, SendEntry

SIZE_BYTES_MAX = 1_048_576
"""Of a message with its attributes, and of all messages of a batch together."""

_ATTRIBUTES_MAX = 10
_NAME_LENGTH_MAX = 256
_ALLOWED = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]*(?<!\.)")
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?", re.DOTALL)
_TRACE_HEADER = "AWSTraceHeader"


def check_message(entry: SendEntry, size_bytes_max: int) -> None:
    """Refuse a message that SQS would not take.

    Raises:
        SqsError: Something is missing, too long, or not allowed.
    """
    if not entry.message_body:
        raise missing_parameter("MessageBody")
    _check_characters(entry.message_body, "message body")
    _check_attributes(entry.message_attributes)
    _check_system_attributes(entry.message_system_attributes)
    if size_bytes(entry) > size_bytes_max:
        raise invalid_parameter(
            "One or more parameters are invalid. "
            f"Reason: Message must be shorter than {size_bytes_max} bytes."
        )


def size_bytes(entry: SendEntry) -> int:
    """What counts towards the limit: body, and names, types and values of attributes."""
    return len(entry.message_body.encode()) + sum(_sizes(entry.message_attributes))


def _sizes(attributes: Mapping[str, AttributeValue]) -> Iterable[int]:
    for name, value in attributes.items():
        yield len(name.encode()) + len(value.data_type.encode())
        yield 0 if value.string_value is UNSET else len(value.string_value.encode())
        yield 0 if value.binary_value is UNSET else len(value.binary_value)


def _check_characters(text: str, what: str) -> None:
    found = _FORBIDDEN.search(text)
    if found is not None:
        raise invalid_contents(
            f"Invalid binary character '#x{ord(found.group()):X}' was found in the {what}, "
            f"the set of allowed characters is {_ALLOWED}"
        )


def _check_attributes(attributes: Mapping[str, AttributeValue]) -> None:
    if len(attributes) > _ATTRIBUTES_MAX:
        raise invalid_parameter(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{_ATTRIBUTES_MAX}]."
        )
    for name, value in attributes.items():
        _check_name(name)
        _check_value(name, value)


def _check_name(name: str) -> None:
    if not name or len(name) > _NAME_LENGTH_MAX:
        raise invalid_parameter(
            f"Message (user) attribute name must be 1 to {_NAME_LENGTH_MAX} characters long, not {len(name)}."
        )
    if not _NAME.fullmatch(name):
        raise invalid_parameter(
            f"Message (user) attribute name {name!r} is not valid: letters, digits, underscores, hyphens and "
            "periods, no period at either end or after another, neither AWS. nor Amazon. at the beginning."
        )


def _check_value(name: str, value: AttributeValue) -> None:
    found = _TYPE.fullmatch(value.data_type)
    if found is None or len(value.data_type) > _NAME_LENGTH_MAX:
        raise invalid_parameter(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the following "
            "supported type prefixes: Binary, Number, String."
        )
    given = value.binary_value if found[1] == "Binary" else value.string_value
    other = value.string_value if found[1] == "Binary" else value.binary_value
    if other is not UNSET:
        raise invalid_parameter(
            f"The message (user) attribute '{name}' with type '{value.data_type}' must use field "
            f"'{'Binary' if found[1] == 'Binary' else 'String'}'."
        )
    if not given:
        raise invalid_parameter(
            f"The message (user) attribute '{name}' must contain a non-empty value of type "
            f"'{value.data_type}'."
        )
    if isinstance(given, str):
        _check_characters(given, f"message attribute '{name}'")
        _check_number(name, given, found[1])


def _check_number(name: str, text: str, kind: str) -> None:
    if kind != "Number":
        return
    try:
        finite = isfinite(float(text))
    except ValueError:
        finite = False
    if not finite:
        raise invalid_parameter(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def _check_system_attributes(attributes: Mapping[str, AttributeValue]) -> None:
    for name, value in attributes.items():
        if name != _TRACE_HEADER:
            raise invalid_parameter(
                f"Message system attribute name '{name}' is invalid. "
                f"The only supported message system attribute is {_TRACE_HEADER}."
            )
        if value.data_type != "String" or not value.string_value:
            raise _no_text(name)


def _no_text(name: str) -> SqsError:
    return invalid_value(name, "", "It must be a non-empty string of type String.")
