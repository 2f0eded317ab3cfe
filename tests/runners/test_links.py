"""The worker's end of a slot: streams that end one after the other, in whatever order that is noticed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio

from cloud_tasks.runners.links import OUTPUT_PAUSE_S, SlotLink, SlotUser, TemplateLink


class Ends:
    """Takes a slot's ends of its descriptors, as the template does."""

    def __init__(self) -> None:
        self.control = self.stdout = self.stderr = -1

    def ask_for_slot(self, number: int, fds: list[int]) -> None:
        del number
        self.control, self.stdout, self.stderr = (os.dup(fd) for fd in fds)

    def close(self, name: str) -> None:
        os.close(getattr(self, name))
        setattr(self, name, -1)


class Reader:
    """Reads what is written; asks for a pause as long as it is told to."""

    def __init__(self) -> None:
        self.chunks: list[tuple[str, bytes]] = []
        self.pauses = False

    def output(self, stream: str, chunk: bytes) -> bool:
        self.chunks.append((stream, chunk))
        return not self.pauses


class Owner:
    def __init__(self) -> None:
        self.lost: list[SlotLink] = []

    def slot_lost(self, slot: SlotLink) -> None:
        self.lost.append(slot)


class Bench:
    def __init__(self) -> None:
        self.ends, self.owner, self.reader = Ends(), Owner(), Reader()
        self.errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.errors.append(context))
        self.link = SlotLink(self.owner, 1, cast("TemplateLink", self.ends))
        self.link.user = cast("SlotUser", self.reader)

    def close(self) -> None:
        self.link.close()
        for name in ("control", "stdout", "stderr"):
            if getattr(self.ends, name) >= 0:
                self.ends.close(name)


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    one = Bench()
    yield one
    one.close()


async def some_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("first", "second"), [("stdout", "stderr"), ("stderr", "stdout")])
async def test_a_stream_that_has_ended_is_left_alone_when_the_other_is_drained(
    bench: Bench, first: str, second: str
) -> None:
    """A slot that is killed: which of its ends is noticed first is up to the system. It ended the worker."""
    bench.ends.close(first)
    await some_turns()
    os.write(getattr(bench.ends, second), b"last words")
    bench.ends.close(second)
    bench.link.drain_output()
    assert bench.reader.chunks == [(second, b"last words")]
    bench.ends.close("control")
    await some_turns()
    assert bench.owner.lost == [bench.link]
    assert bench.errors == []


async def test_a_stream_that_ends_during_a_pause_is_not_read_again(bench: Bench) -> None:
    bench.reader.pauses = True
    os.write(bench.ends.stdout, b"much")
    while not bench.reader.chunks:  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0)
    assert bench.reader.chunks == [("stdout", b"much")]
    bench.ends.close("stdout")
    bench.link.drain_output()
    await asyncio.sleep(2 * OUTPUT_PAUSE_S)
    assert bench.errors == []
    os.write(bench.ends.stderr, b"more")
    await some_turns()
    assert bench.reader.chunks[1:] == [("stderr", b"more")]
