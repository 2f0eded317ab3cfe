"""What the delivery of results asks of the place where they wait, and of whoever waits for that place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")


class KeptResult(Protocol):
    """A result that waits, and that this process looks after."""

    @property
    def body(self) -> bytes:
        """What the server is to be told."""
        ...

    def remove(self) -> None:
        """The server has been told."""
        ...

    def put_aside(self) -> Path:
        """The server will never take it: keep it for people. Returns where."""
        ...

    def let_go(self) -> None:
        """Leave it to whoever finds it."""
        ...


class Results(Protocol):
    """Where results wait that the server could not be told."""

    @property
    def directory(self) -> Path:
        """Where, for people."""
        ...

    def keep(self, task_id: str, body: bytes) -> KeptResult:
        """Keep a result; when this returns it survives the end of this process.

        Raises:
            OSError: It cannot be kept.
        """
        ...

    def adopt(self) -> Sequence[KeptResult]:
        """Take over what processes that have ended left behind, oldest first. What is no result stays."""
        ...


class Aside(Protocol):
    """Calls what blocks without holding up the loop: `asyncio.to_thread`, or what takes its place."""

    def __call__(self, function: Callable[..., T], /, *args: object) -> Awaitable[T]:
        """Call it, and wait for what it returns or raises."""
        ...
