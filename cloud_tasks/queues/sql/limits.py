"""What a queue in a table can hold, and how long it can wait."""

from __future__ import annotations

BATCH_MAX = 100
"""Most messages of one receive, and most settlements of one call."""
SEND_MAX = 1_000
"""Most messages of one insert."""
BODY_BYTES_MAX = 4 * 1024 * 1024
"""Largest message. MySQL and MariaDB refuse a statement above 16 MiB unless they are told otherwise, and a
byte may take two in it."""
SEND_BYTES_MAX = BODY_BYTES_MAX
"""Largest sum of the messages of one insert that has more than one."""
YEAR_S = 365 * 86_400.0
"""Longest lease, and longest delay."""


def text_of(text: str) -> str:
    """The text, without what a database cannot hold in one: NUL, and halves of characters."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
