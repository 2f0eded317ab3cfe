"""The part of a text file that is being looked at, and where it stands in the file."""

from __future__ import annotations

import codecs
from typing import Protocol

from cloud_tasks.errors import Place, Problem

CHUNK_BYTES = 256 * 1024

_KEPT_BEFORE, _KEPT_AFTER = 200, 300
GAPS_BEFORE_COLON = (" :", "\t:", "\n:", "\r:")
"""What a colon may follow, other than the end of its key."""


class ByteSource(Protocol):
    """Bytes from the start of a file on."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        ...


class Window:
    """Text decoded from UTF-8 piece by piece, with exact places for every character in it.

    Attributes:
        text: What is in view.
        at_end: Whether nothing comes after it.
        fault: Why nothing can be read after it although the file goes on; None if all is well.
        loose: Whether white space stands before a colon somewhere in `text`.
        escaped_surrogate: Whether `text` may hold the escape of a surrogate.
    """

    def __init__(self, source: ByteSource, name: str, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.text = ""
        self.at_end = False
        self.fault: Problem | None = None
        self.loose = False
        self.escaped_surrogate = False
        self._source = source
        self._name = name
        self._chunk_bytes = chunk_bytes
        self._undecoded = b""
        self._before = ""
        self._line = 1
        self._column = 1
        self._offset_bytes = 0

    def refill(self, keep_from: int) -> bool:
        """Let go of the text before `keep_from` and read on; False if there was nothing to read."""
        if self.at_end:
            return False
        self._drop(keep_from)
        # Reading as much again as is kept makes the cost of a huge item linear in its size.
        chunk = self._source.read(max(self._chunk_bytes, len(self.text)))
        self.text += self._decode(chunk)
        self.loose = any(gap in self.text for gap in GAPS_BEFORE_COLON)
        self.escaped_surrogate = "\\ud" in self.text or "\\uD" in self.text
        return True

    def place(self, index: int, width: int = 1) -> Place:
        """Where the character at `index` of `text` stands."""
        before = self.text.rfind("\n", 0, index)
        line = self._line + self.text.count("\n", 0, index)
        column = index - before if before >= 0 else index + self._column
        start = max(before + 1, index - _KEPT_BEFORE)
        end = self.text.find("\n", index)
        end = len(self.text) if end < 0 else end
        part = self.text[start : min(end, index + width + _KEPT_AFTER)].rstrip("\r")
        width = min(width, max(end - index, 1))
        text_column = column - (index - start)
        if start == 0 and before < 0:
            part, text_column = self._before + part, text_column - len(self._before)
        return Place(self._name, line, column, part, width, text_column=text_column)

    def offset_bytes(self, index: int) -> int:
        """Byte offset in the file of the character at `index` of `text`."""
        return self._offset_bytes + utf8_size_bytes(self.text[:index])

    def _drop(self, count: int) -> None:
        gone = self.text[:count]
        newline = gone.rfind("\n")
        self._before = ("" if newline >= 0 else self._before) + gone[newline + 1 :][-_KEPT_BEFORE:]
        self._before = self._before[-_KEPT_BEFORE:]
        self._line += gone.count("\n")
        self._column = count - newline if newline >= 0 else self._column + count
        self._offset_bytes += utf8_size_bytes(gone)
        self.text = self.text[count:]

    def _decode(self, chunk: bytes) -> str:
        """Text of the bytes so far; what is half a character waits for the next chunk."""
        data = self._undecoded + chunk
        self.at_end = not chunk
        try:
            text, used = codecs.utf_8_decode(data, "strict", self.at_end)
        except UnicodeDecodeError as error:
            text, used = data[: error.start].decode(), error.start
            self._stop_at(data[error.start :], text)
        self._undecoded = data[used:]
        return text

    def _stop_at(self, bad: bytes, text: str) -> None:
        """Nothing can be read from here on: the next bytes are not UTF-8."""
        self.at_end = True
        whole = self.text + text
        offset = self._offset_bytes + utf8_size_bytes(whole)
        held, self.text = self.text, whole + "\ufffd"
        place = self.place(len(whole))
        self.text = held
        self.fault = Problem(
            f"byte 0x{bad[0]:02x} at byte offset {offset} is not valid UTF-8",
            place=place,
            helps=_encoding_helps(bad, offset, self._name),
        )


def _encoding_helps(bad: bytes, offset: int, name: str) -> tuple[str, ...]:
    if offset == 0 and bad[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return (f"the file is in UTF-16; convert it: iconv -f UTF-16 -t UTF-8 {name} > utf8-{name}",)
    return (
        "save the file as UTF-8; from Latin-1, for instance: iconv -f ISO-8859-1 -t UTF-8",
        f"see the bytes: tail -c +{max(offset - 15, 1)} {name} | head -c 48 | xxd",
    )


def utf8_size_bytes(text: str) -> int:
    """Size of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
