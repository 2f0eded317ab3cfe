"""Ack ids: which subscription, message and delivery they stand for."""

from __future__ import annotations

import re
from typing import NamedTuple

_ACK_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})").fullmatch


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
    found = _ACK_ID(text)
    return None if found is None else AckId(*map(int, found.groups()))
