"""Real ends of real streams, for the display to write to."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
import threading
import time
from collections.abc import Callable
from typing import TextIO


class Pipe:
    """A real pipe: a text stream to write to, and a thread that reads the other end when told to."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream: TextIO = os.fdopen(writer, "w")
        self.data = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def read(self) -> None:
        self._thread.start()

    def text(self) -> str:
        """Everything, once the writing end is closed."""
        self.stream.close()
        self._thread.join(timeout=60)
        return self.data.decode()

    def wait_for(self, text: str) -> None:
        give_up = time.monotonic() + 60
        while text.encode() not in self.data:
            assert time.monotonic() < give_up, self.data.decode()
            time.sleep(0.005)

    def close_reader(self) -> None:
        os.close(self.reader)

    def _run(self) -> None:
        while chunk := os.read(self.reader, 1 << 16):
            self.data += chunk


class Terminal:
    """A real pseudo-terminal, with an emulation of the few sequences that the display uses."""

    def __init__(self, columns: int = 100) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.stream: TextIO = os.fdopen(slave, "w")
        self.columns = columns
        self.data = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.stream.close()
        self._thread.join(timeout=60)
        os.close(self._master)

    def screen(self) -> list[str]:
        """The lines as a person sees them, scrolled-off ones included."""
        lines, row, column = [""], 0, 0
        for piece in re.findall(
            r"\x1b\[[0-9;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", self.data.decode(errors="ignore")
        ):
            if piece == "\r":
                column = 0
            elif piece == "\n":
                row += 1
                lines.extend([""] * (row + 1 - len(lines)))
            elif re.fullmatch(r"\x1b\[\d+A", piece):
                row -= int(piece[2:-1])
                assert row >= 0
            elif piece == "\x1b[J":
                lines[row] = lines[row][:column]
                del lines[row + 1 :]
            elif not piece.startswith("\x1b"):
                assert len(piece) + column <= self.columns
                lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
                column += len(piece)
        return lines

    def last_screen(self) -> list[str]:
        """The lines that are left when everything was written; the terminal is closed."""
        self.close()
        return self.screen()

    def wait_for(self, condition: Callable[[list[str]], bool]) -> None:
        give_up = time.monotonic() + 60
        while not condition(self.screen()):
            assert time.monotonic() < give_up, "\n".join(self.screen())
            time.sleep(0.01)

    def _run(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 1 << 16)
            except OSError:
                # That is how Linux tells the end of a terminal.
                return
            if not chunk:
                return
            self.data += chunk
