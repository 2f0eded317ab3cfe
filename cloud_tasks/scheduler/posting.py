"""Sending the task of an instant once, however many try."""

from __future__ import annotations

from typing import Literal, Protocol

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import OnceBook, OnceSender, TaskSender

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
    """

    def __init__(self, sender: TaskSender, book: OnceBook) -> None:
        self.book = book
        self._sender = sender

    async def post(self, key: str, task: Task) -> Posted:
        """Claim it, send it and enter it; see `Post`."""
        claim = await self.book.claim(key, CLAIM_S)
        if claim != "ours":
            return claim
        await self._sender.send(task)
        await self.book.settle(key)
        return "sent"
