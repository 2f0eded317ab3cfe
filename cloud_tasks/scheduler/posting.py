"""Sending the task of an instant once, however many try."""

from __future__ import annotations

from typing import Literal, Protocol

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock, OnceBook, OnceSender, TaskSender

CLAIM_S = 15.0
"""How long somebody who has claimed an instant may take to send its task, until another may."""
Posted = Literal["sent", "done", "theirs"]


class Post(Protocol):
    """How the tasks of one schedule get into its queue.

    Attributes:
        book: What was sent.
    """

    @property
    def book(self) -> OnceBook:
        """What was sent."""
        ...

    async def post(self, key: str, task: Task) -> Posted:
        """Send the task of a key; "done" if it was sent before, "theirs" while somebody else is about to.

        Raises:
            ConfigurationError: The backend is not made ready for it; tells how.
            MessageRefusedError: The task can never be sent.
            QueueUnavailableError: Nobody knows whether it was sent; trying again is safe.
        """
        ...


class PostInOneStep:
    """Where the queue's own backend sees to it: exactly once.

    Args:
        sender: The queue.
        book: What was sent.
    """

    def __init__(self, sender: OnceSender, book: OnceBook) -> None:
        self.book = book
        self._sender = sender

    async def post(self, key: str, task: Task) -> Posted:
        """Send it, or find it sent; see `Post`."""
        return "sent" if await self._sender.send_once(key, task) else "done"


class PostByClaim:
    """Where another backend keeps the book: once, unless who sends is killed before it is in the book.

    Then another sends it again, as the same task.

    Args:
        sender: The queue.
        book: What was sent, kept elsewhere.
        clock: Time.
    """

    def __init__(self, sender: TaskSender, book: OnceBook, clock: Clock) -> None:
        self.book = book
        self._sender = sender
        self._clock = clock
        self._claimed = ("", 0.0)
        """The last key that we claimed, and until when that counts at least."""
        self._sent = ""
        """The last key whose task we sent."""

    async def post(self, key: str, task: Task) -> Posted:
        """Claim it, send it and enter it; see `Post`. What could not be sent is claimed the next time too."""
        if self._sent != key:
            claim = await self._claim(key)
            if claim != "ours":
                return claim
            await self._sender.send(task)
            self._sent = key
        await self.book.settle(key)
        return "sent"

    async def _claim(self, key: str) -> Literal["ours", "theirs", "done"]:
        asked_at = self._clock.monotonic()
        if self._claimed[0] == key and self._claimed[1] > asked_at:
            return "ours"
        claim = await self.book.claim(key, CLAIM_S)
        if claim == "ours":
            self._claimed = (key, asked_at + CLAIM_S)
        return claim
