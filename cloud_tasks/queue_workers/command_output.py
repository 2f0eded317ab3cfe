"""What a command writes, until it has ended."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import selectors
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import Popen

DRAIN_S = 1.0
"""How long the output of a command that has ended is still read, where what it left behind holds it open."""
_READ_BYTES = 65_536


def follow(process: Popen[bytes], say: Callable[[str], None]) -> bool:
    """Hand on what a command writes, a line at a time as it comes, and wait for the end of the command.

    Its output may never end: whatever it leaves running in the background has inherited it.

    Returns:
        Whether something held the output open when it was given up.
    """
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    output, held = process.stdout.fileno(), True
    lines = _Lines(say)
    with _end_of(process) as ended, selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        give_up_at: float | None = None
        while held and (give_up_at is None or time.monotonic() < give_up_at):
            wait_s = None if give_up_at is None else max(0.0, give_up_at - time.monotonic())
            ready = {key.fd for key, _ in selector.select(wait_s)}
            if ended in ready:
                selector.unregister(ended)
                give_up_at = time.monotonic() + DRAIN_S
            if output in ready:
                piece = os.read(output, _READ_BYTES)
                lines.take(piece)
                held = bool(piece)
    lines.end()
    process.wait()
    return held


@contextlib.contextmanager
def _end_of(process: Popen[bytes]) -> Iterator[int]:
    """A descriptor that can be read once a process has ended; a pidfd would do, where there are any."""
    seen, ended = os.pipe()

    def wait() -> None:
        try:
            process.wait()
        finally:
            os.close(ended)

    try:
        threading.Thread(target=wait, name="cloud-tasks-command", daemon=True).start()
        yield seen
    finally:
        os.close(seen)


class _Lines:
    """Text that comes in pieces, handed on in lines.

    Args:
        say: Gets each line, without its end.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._begun: list[str] = []

    def take(self, piece: bytes, *, last: bool = False) -> None:
        """Hand on the lines that end in a piece, and keep what does not."""
        *ended, begun = self._decoder.decode(piece, final=last).split("\n")
        for text in ended:
            self._say("".join((*self._begun, text)))
            self._begun.clear()
        if begun:
            self._begun.append(begun)

    def end(self) -> None:
        """Hand on what is left: a line that was not ended."""
        self.take(b"", last=True)
        if self._begun:
            self._say("".join(self._begun))
