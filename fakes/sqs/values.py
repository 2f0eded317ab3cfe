"""What is sent to SQS and what it answers, by the names of its JSON protocol."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, field


class AttributeValue(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """One attribute of a message: text or bytes, and what they stand for."""

    data_type: str = ""
    string_value: str | UnsetType = UNSET
    binary_value: bytes | UnsetType = UNSET


class SendEntry(Struct, frozen=True, rename="pascal"):
    """What makes up a message, alone or as an entry of a batch."""

    id: str = ""
    message_body: str = ""
    delay_seconds: int | None = None
    message_attributes: dict[str, AttributeValue] = {}
    message_system_attributes: dict[str, AttributeValue] = {}
    message_deduplication_id: str | None = None
    message_group_id: str | None = None


class HandleEntry(Struct, frozen=True, rename="pascal"):
    """An entry of a batch that names a delivery; the time-out only where it is changed."""

    id: str = ""
    receipt_handle: str = ""
    visibility_timeout: int | None = None


class ReceiveOptions(Struct, frozen=True, rename="pascal"):
    """How messages are to be received."""

    queue_url: str = ""
    max_number_of_messages: int = 1
    visibility_timeout: int | None = None
    wait_time_seconds: int | None = None
    attribute_names: tuple[str, ...] = ()
    message_system_attribute_names: tuple[str, ...] = ()
    message_attribute_names: tuple[str, ...] = ()
    receive_request_attempt_id: str | None = None


class Received(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A message as it is handed out."""

    message_id: str
    receipt_handle: str
    md5_of_body: str = field(name="MD5OfBody")
    body: str
    attributes: dict[str, str] = {}
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    message_attributes: dict[str, AttributeValue] = {}


class Sent(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """That a message was accepted; the id only in the answer to a batch."""

    message_id: str
    md5_of_message_body: str = field(name="MD5OfMessageBody")
    id: str = ""
    md5_of_message_attributes: str | None = field(name="MD5OfMessageAttributes", default=None)
    md5_of_message_system_attributes: str | None = field(name="MD5OfMessageSystemAttributes", default=None)
    sequence_number: str | None = None


class Done(Struct, frozen=True, rename="pascal"):
    """An entry of a batch that was carried out."""

    id: str


class Failed(Struct, frozen=True, rename="pascal"):
    """An entry of a batch that was refused."""

    id: str
    sender_fault: bool
    code: str
    message: str


class BatchAnswer(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """What became of each entry of a batch."""

    successful: tuple[Sent | Done, ...] = ()
    failed: tuple[Failed, ...] = ()
