from __future__ import annotations

from collections.abc import Callable

from cloud_tasks.console.output import Output
from cloud_tasks.console.writer import Writer
from tests.console.ends import Pipe


async def test_what_cannot_be_drawn_does_not_take_what_is_written_with_it(pipes: Callable[[], Pipe]) -> None:
    def broken(data: bytes, last: bool) -> bytes:  # noqa: FBT001 - a Compose
        raise ZeroDivisionError(data, last)

    pipe = pipes()
    pipe.read()
    writer = Writer(Output(pipe.stream), broken, tick_s=0.01)
    writer.put(b"one\n")
    pipe.wait_for("one\n")
    writer.put(b"two\n")
    await writer.aclose()
    assert pipe.text() == "one\ntwo\n"


async def test_closing_twice_or_unused_is_no_harm(pipes: Callable[[], Pipe]) -> None:
    pipe = pipes()
    pipe.read()
    writer = Writer(Output(pipe.stream))
    await writer.aclose()
    writer.put(b"too late\n")
    await writer.aclose()
    assert pipe.text() == ""
