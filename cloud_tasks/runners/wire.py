"""Frames between the processes of a runner, on the worker's side: sockets that never block."""

from __future__ import annotations

import _socket
import re
from math import inf

import msgspec

from cloud_tasks.interfaces import RunSpec
from cloud_tasks.runners.frames import HEADER_SIZE_BYTES as HEADER_SIZE_BYTES
from cloud_tasks.runners.results import RESULT_SIZE_BYTES_MAX

FRAME_SIZE_BYTES_MAX = RESULT_SIZE_BYTES_MAX + 4096
_READ_SIZE_BYTES = 65536
_LARGE_READ_SIZE_BYTES = 1 << 20


def deadline_of(spec: RunSpec, now: float) -> float | None:
    """When a run that begins now will be stopped; None: never."""
    limit_s = spec.max_runtime_s
    return None if limit_s is None or limit_s == inf else now + limit_s


class TaskFrame(msgspec.Struct, array_like=False):
    """What a leader is told to run.

    Attributes:
        task_id: The task's id.
        data: The task's data.
        attempt: Number of the attempt.
        deadline: When it will be stopped.
        memory: Limit on its address space in bytes.
    """

    task_id: str
    data: object
    attempt: int
    deadline: float | None
    memory: int | None


class WireProblem(msgspec.Struct):
    """A problem with the user's program, as another process found it."""

    message: str
    place: tuple[str, int, int, str | None, int] | None = None
    helps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ChildFrame(msgspec.Struct):
    """What a leader tells: progress, or how it ended.

    Attributes:
        progress: Done and total.
        end: "returned", "raised" and so on; "" in a frame of progress.
        retry: What the function asked for.
        result: What it returned, as JSON.
        exception: The traceback or the explanation.
        recycle: A warm process has grown past its mark.
        problems: Why the program cannot be used.
    """

    progress: tuple[float, float | None] | None = None
    end: str = ""
    retry: bool = False
    result: msgspec.Raw = msgspec.Raw(b"null")
    exception: str = ""
    recycle: bool = False
    problems: tuple[WireProblem, ...] = ()


class SlotReport(msgspec.Struct):
    """What a slot tells.

    Attributes:
        slot: Its process id; its first words.
        started: Run and process id of the leader.
        failed: Run, and why it could not be started.
        exited: Run, wait status and largest resident size in bytes.
        gone: The run of which nothing is left.
    """

    slot: int | None = None
    started: tuple[int, int] | None = None
    failed: tuple[int, str] | None = None
    exited: tuple[int, int, int] | None = None
    gone: int | None = None


class TemplateReport(msgspec.Struct):
    """What a template tells.

    Attributes:
        ready: Its process id; the program is imported.
        problems: The program cannot be used.
        slot_failed: Number of the slot that could not be forked.
        reason: Why.
        slot_gone: Process id of a slot of which nothing is left.
    """

    ready: int | None = None
    problems: tuple[WireProblem, ...] = ()
    slot_failed: int | None = None
    reason: str = ""
    slot_gone: int | None = None


class FrameError(Exception):
    """What came is not a frame: something else wrote into the channel."""


class FrameReader:
    """Puts frames together from a socket that does not block; large ones without copying them about."""

    __slots__ = ("_filled", "_large", "_pending")

    def __init__(self) -> None:
        self._pending = b""
        self._large: bytearray | None = None
        self._filled = 0

    def read(self, sock: _socket.socket) -> list[bytes | bytearray] | None:
        """One read, and the frames that are whole by then; None at the end of the stream.

        Raises:
            BlockingIOError: There is nothing to read.
            FrameError: A frame is larger than any can be.
        """
        if self._large is not None:
            return self._read_large(sock, self._large)
        try:
            data = sock.recv(_READ_SIZE_BYTES)
        except ConnectionError:
            return None
        if not data:
            return None
        if self._pending:
            data = self._pending + data
        return self._split(data)

    def _split(self, data: bytes) -> list[bytes | bytearray]:
        frames: list[bytes | bytearray] = []
        start = 0
        while len(data) - start >= HEADER_SIZE_BYTES:
            body = start + HEADER_SIZE_BYTES
            size = int.from_bytes(data[start:body], "big")
            if size > FRAME_SIZE_BYTES_MAX:
                message = f"a frame of {size:,} bytes is announced"
                raise FrameError(message)
            if len(data) - body < size:
                if size > _READ_SIZE_BYTES:
                    self._begin_large(size, data[body:])
                    start = len(data)
                break
            start = body + size
            frames.append(data[body:start])
        self._pending = data[start:]
        return frames

    def _begin_large(self, size: int, beginning: bytes) -> None:
        self._large = bytearray(size)
        self._filled = len(beginning)
        self._large[: self._filled] = beginning

    def _read_large(self, sock: _socket.socket, large: bytearray) -> list[bytes | bytearray] | None:
        with memoryview(large) as view, view[self._filled : self._filled + _LARGE_READ_SIZE_BYTES] as rest:
            try:
                count = sock.recv_into(rest)
            except ConnectionError:
                return None
        if count == 0:
            return None
        self._filled += count
        if self._filled < len(large):
            return []
        self._large = None
        return [large]


def pack(body: bytes) -> bytes:
    """The frame that holds `body`."""
    return len(body).to_bytes(HEADER_SIZE_BYTES, "big") + body


decode_child = msgspec.json.Decoder(ChildFrame).decode
decode_slot = msgspec.json.Decoder(SlotReport).decode
decode_template = msgspec.json.Decoder(TemplateReport).decode
_encode = msgspec.json.Encoder().encode


def encode_task(frame: TaskFrame) -> bytes:
    """The frame that tells a leader what to run.

    Raises:
        TypeError: The task's data is not JSON.
        ValueError: As above.
    """
    try:
        return pack(_encode(frame))
    except (TypeError, ValueError, OverflowError, RecursionError):
        # Integers over 64 bits and lone surrogates: the standard library has words for them.
        import json

        names = frame.__struct_fields__
        return pack(json.dumps({name: getattr(frame, name) for name in names}, allow_nan=False).encode())


_ALONG_SIZE_BYTES_MAX = 2048
_ALONG_DEPTH_MAX = 100
_ALONG_DIGITS = re.compile(rb"[0-9]{100}")


def fits_into_request(frame: bytes) -> bool:
    """Whether a slot can parse the task: small, and nothing in it on which a parser could fail."""
    return (
        len(frame) <= _ALONG_SIZE_BYTES_MAX
        and frame.count(b"[") + frame.count(b"{") <= _ALONG_DEPTH_MAX
        and _ALONG_DIGITS.search(frame) is None
    )
