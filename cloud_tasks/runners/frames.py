"""Frames between the processes of a runner: four bytes of length, then JSON. Never pickle.

This is the side of the helper and task processes: blocking sockets, standard library only. It uses `_socket`
and not `socket`, because the latter costs every fork the pages of `selectors` and a dozen enumerations; and
where it can, plain descriptors, because making a socket object costs a fork some fifty pages.
"""

from __future__ import annotations

import _socket
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER_SIZE_BYTES = 4
CONTROL_READ_BYTES = 4096
FRAME_READ_BYTES = 4096
"""Enough for most; a larger buffer would be paid for in fresh pages even where little comes."""
FDS_MAX = 8
_INT_SIZE_BYTES = 4


def pack(body: bytes) -> bytes:
    """The frame that holds `body`."""
    return len(body).to_bytes(HEADER_SIZE_BYTES, "big") + body


def pack_json(value: Mapping[str, object]) -> bytes:
    """The frame that holds `value`; what JSON cannot say raises, as `json.dumps` does."""
    return pack(json.dumps(value).encode())


_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined] # there since Python 2.6


def parse(body: bytes | bytearray) -> dict[str, object]:
    """The JSON in a frame of ours.

    Straight to the scanner: `json.loads` finds out the encoding and looks for white space first, and in a
    process that was just forked every function that runs costs a copied page or two.
    """
    value: dict[str, object] = _scan(body.decode(), 0)[0]
    return value


def receive_frame(fd: int) -> bytes | bytearray | None:
    """Wait for one whole frame, followed by none until it is answered; None if the other side is gone."""
    try:
        data = os.read(fd, FRAME_READ_BYTES)
    except ConnectionError:
        return None
    if len(data) < HEADER_SIZE_BYTES:
        return None
    missing = HEADER_SIZE_BYTES + int.from_bytes(data[:HEADER_SIZE_BYTES], "big") - len(data)
    if missing <= 0:
        return data[HEADER_SIZE_BYTES:]
    rest = _receive_exactly(fd, missing)
    return None if rest is None else data[HEADER_SIZE_BYTES:] + rest


def receive_preamble(fd: int) -> bytearray | None:
    """Wait for one whole frame, which another may follow; None if the other side is gone."""
    header = _receive_exactly(fd, HEADER_SIZE_BYTES)
    return None if header is None else _receive_exactly(fd, int.from_bytes(header, "big"))


def _receive_exactly(fd: int, size_bytes: int) -> bytearray | None:
    buffer = bytearray(size_bytes)
    rest = memoryview(buffer)
    while rest:
        try:
            count = os.readv(fd, [rest])
        except ConnectionError:
            return None
        if count == 0:
            return None
        rest = rest[count:]
    return buffer


def send_all(fd: int, data: bytes) -> None:
    """Write all of it, waiting for the other side to read.

    Raises:
        OSError: The other side is gone, or the descriptor is.
    """
    sent = os.write(fd, data)
    if sent < len(data):
        rest = memoryview(data)[sent:]
        while rest:
            rest = rest[os.write(fd, rest) :]


class ControlReader:
    """Small frames with descriptors attached, out of a control socket; never blocks when data is there."""

    def __init__(self, sock: _socket.socket) -> None:
        self._sock = sock
        self._pending = b""
        self.fds: list[int] = []

    def read(self) -> list[dict[str, object]] | None:
        """One `recvmsg`, and the frames that are whole by then; None if the other side is gone."""
        try:
            data, ancillary, _flags, _address = self._sock.recvmsg(
                CONTROL_READ_BYTES, _socket.CMSG_SPACE(FDS_MAX * _INT_SIZE_BYTES)
            )
        except ConnectionError:
            return None
        for _level, _kind, packed in ancillary:
            self.fds.extend(memoryview(packed[: len(packed) // _INT_SIZE_BYTES * _INT_SIZE_BYTES]).cast("i"))
        if not data:
            return None
        self._pending += data
        return self._take_whole()

    def _take_whole(self) -> list[dict[str, object]]:
        frames: list[dict[str, object]] = []
        while len(self._pending) >= HEADER_SIZE_BYTES:
            end = HEADER_SIZE_BYTES + int.from_bytes(self._pending[:HEADER_SIZE_BYTES], "big")
            if len(self._pending) < end:
                break
            frames.append(parse(self._pending[HEADER_SIZE_BYTES:end]))
            self._pending = self._pending[end:]
        return frames
