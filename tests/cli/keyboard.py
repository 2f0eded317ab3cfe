"""Somebody at the terminal."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator

import pytest


class Keyboard:
    """A terminal in place of standard input."""

    def __init__(self, keys_fd: int) -> None:
        self._keys_fd = keys_fd

    def type(self, *lines: str) -> None:
        os.write(self._keys_fd, "".join(f"{line}\n" for line in lines).encode())


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyboard]:
    keys_fd, terminal_fd = pty.openpty()
    with open(terminal_fd, encoding="utf-8") as terminal:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdin", terminal)
        yield Keyboard(keys_fd)
    os.close(keys_fd)
