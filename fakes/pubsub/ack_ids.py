"""Ack ids: which subscription, message and delivery they stand for."""

from __future__ import annotations

import base64
import binascii
import re

from msgspec import Struct

_PLAIN = re.compile(rb"ack:(\d{1,18}):(\d{1,18}):(\d{1,18})")


class AckId(Struct, frozen=True, gc=False):
    """What an ack id says.

    Attributes:
        subscription: Number of the subscription.
        message: Number of the message.
        delivery: Number of the delivery, counted through in its subscription.
    """

    subscription: int
    message: int
    delivery: int

    def encode(self) -> str:
        """As clients see it, who are not to make sense of it."""
        plain = b"ack:%d:%d:%d" % (self.subscription, self.message, self.delivery)
        return base64.urlsafe_b64encode(plain).decode()


def decode_ack_id(text: str) -> AckId | None:
    """What an ack id says; None if it never was one."""
    try:
        match = _PLAIN.fullmatch(base64.urlsafe_b64decode(text.encode()))
    except (binascii.Error, ValueError):
        return None
    return None if match is None else AckId(int(match[1]), int(match[2]), int(match[3]))
