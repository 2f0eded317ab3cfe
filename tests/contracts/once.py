"""The contract of `OnceDriver`: what several try to do, and one does. See README.md."""

from __future__ import annotations

import asyncio
from typing import Protocol

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError
from cloud_tasks.interfaces import OnceBook, OnceSender


class OnceHarness(Protocol):
    """One backend, as the suite drives it. Every test gets a new one, whose queues are empty.

    Attributes:
        claim_s: Length of a claim that a test waits for.
    """

    claim_s: float

    def sender(self, queue: str, connection: int) -> OnceSender:
        """A queue, through one of two connections."""
        ...

    def book(self, queue: str, connection: int) -> OnceBook:
        """The book of a queue, through one of two connections."""
        ...

    async def task_ids(self, queue: str) -> list[str]:
        """What is in a queue."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...


class OnceContract:
    """Inherit from this in a class whose name begins with Test, and give the fixture `harness`."""

    async def test_the_first_does_it(self, harness: OnceHarness) -> None:
        first, second = harness.sender("a", 0), harness.sender("a", 1)
        assert await first.send_once("k1", Task("t1", {"x": 1})) is True
        assert await second.send_once("k1", Task("t1", {"x": 1})) is False
        assert await first.send_once("k1", Task("other", {})) is False
        assert await second.send_once("k2", Task("t2", {})) is True
        assert await harness.task_ids("a") == ["t1", "t2"]

    async def test_each_queue_has_its_own_keys(self, harness: OnceHarness) -> None:
        assert await harness.sender("a", 0).send_once("k", Task("t1", {})) is True
        assert await harness.sender("b", 0).send_once("k", Task("t2", {})) is True
        assert await harness.task_ids("b") == ["t2"]

    async def test_of_many_at_once_one_does_it(self, harness: OnceHarness) -> None:
        for number in range(5):
            tries = [
                harness.sender("a", connection % 2).send_once(f"k{number}", Task(f"t{number}", {}))
                for connection in range(8)
            ]
            assert sorted(await asyncio.gather(*tries)) == [False] * 7 + [True]
        assert await harness.task_ids("a") == [f"t{number}" for number in range(5)]

    async def test_a_task_that_is_refused_leaves_the_key_free(self, harness: OnceHarness) -> None:
        sender = harness.sender("a", 0)
        with pytest.raises(MessageRefusedError):
            await sender.send_once("k", Task("t", {"text": "\ud800"}))
        assert await sender.send_once("k", Task("t", {})) is True

    async def test_the_newest_is_the_greatest_that_is_done(self, harness: OnceHarness) -> None:
        sender, book = harness.sender("a", 0), harness.book("a", 1)
        assert await book.newest("z") is None
        for key in ("B2", "B10", "C", "a"):
            await sender.send_once(key, Task(key, {}))
        assert await book.newest("a") == "a"
        assert await book.newest("Z") == "C"
        assert await book.newest("B9") == "B2"
        assert await book.newest("B2") == "B2"
        assert await book.newest("B1Z") == "B10"
        assert await book.newest("A") is None
        assert await harness.book("b", 0).newest("z") is None

    async def test_what_is_forgotten_can_be_done_again(self, harness: OnceHarness) -> None:
        sender, book = harness.sender("a", 0), harness.book("a", 0)
        for key in ("1", "2", "3"):
            await sender.send_once(key, Task(key, {}))
        await book.claim("0", 60.0)
        await book.forget("2")
        assert await sender.send_once("1", Task("again", {})) is True
        assert await sender.send_once("2", Task("again", {})) is False
        assert await book.claim("0", 60.0) == "ours"

    async def test_one_claims(self, harness: OnceHarness) -> None:
        first, second = harness.book("a", 0), harness.book("a", 1)
        assert await first.claim("k", 60.0) == "ours"
        assert await second.claim("k", 60.0) == "theirs"
        assert await second.newest("z") is None
        await first.settle("k")
        assert await second.claim("k", 60.0) == "done"
        assert await second.newest("z") == "k"
        assert await harness.book("b", 0).claim("k", 60.0) == "ours"

    async def test_of_many_at_once_one_claims(self, harness: OnceHarness) -> None:
        claims = [harness.book("a", number % 2).claim("k", 60.0) for number in range(8)]
        assert sorted(await asyncio.gather(*claims)) == ["ours"] + ["theirs"] * 7

    async def test_a_claim_ends(self, harness: OnceHarness) -> None:
        first, second = harness.book("a", 0), harness.book("a", 1)
        assert await first.claim("k", harness.claim_s) == "ours"
        await harness.advance(harness.claim_s * 1.2)
        assert await second.claim("k", 60.0) == "ours"
        assert await first.claim("k", 60.0) == "theirs"
        await first.settle("k")
        assert await second.claim("k", 60.0) == "done"

    async def test_what_was_never_claimed_is_settled(self, harness: OnceHarness) -> None:
        book = harness.book("a", 0)
        await book.settle("k")
        await book.settle("k")
        assert await book.claim("k", 60.0) == "done"
        assert await harness.sender("a", 1).send_once("k", Task("t", {})) is False

    async def test_what_was_sent_is_done(self, harness: OnceHarness) -> None:
        await harness.sender("a", 0).send_once("k", Task("t", {}))
        assert await harness.book("a", 1).claim("k", 60.0) == "done"

    @pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
    async def test_a_claim_of_no_time(self, harness: OnceHarness, seconds: float) -> None:
        with pytest.raises(ValueError, match="seconds"):
            await harness.book("a", 0).claim("k", seconds)
