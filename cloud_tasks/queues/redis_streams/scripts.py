"""The scripts that the server runs, each a transaction in one round trip."""

from __future__ import annotations

import hashlib
from pathlib import Path

_DIRECTORY = Path(__file__).with_name("lua")


class Script:
    """One of them.

    Args:
        name: Its file in `lua`, without the ending.
    """

    def __init__(self, name: str) -> None:
        self.text = (_DIRECTORY / f"{name}.lua").read_bytes()
        self.digest = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()


RECEIVE = Script("receive")
SETTLE = Script("settle")
SEND = Script("send")
SEND_LATER = Script("send_later")
DEPTH = Script("depth")
RETRY = Script("retry")
PURGE = Script("purge")
SEND_ONCE = Script("send_once")
CLAIM = Script("claim")
SETTLE_ONCE = Script("settle_once")
