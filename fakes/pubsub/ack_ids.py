"""Ack ids: which subscription, message and delivery they stand for."""

from __future__ import annotations

from typing import NamedTuple

_DIGITS_MAX = 18


class AckId(NamedTuple):
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
        """As clients see it."""
        return f"{self.subscription}-{self.message}-{self.delivery}"


def decode_ack_id(text: str) -> AckId | None:
    """What an ack id says; None if it never was one."""
    parts = text.split("-")
    if len(parts) != len(AckId._fields) or not text.isascii():
        return None
    for part in parts:
        if not part.isdecimal() or len(part) > _DIGITS_MAX:
            return None
    return AckId(int(parts[0]), int(parts[1]), int(parts[2]))
