"""`Host`: what can be killed, stopped and continued as a whole."""

from __future__ import annotations

from collections import deque
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.steps import Step


class Host:
    """A process on a machine, as the event loop sees it: a queue of steps of its own.

    What a task of the host does belongs to the host, and so does every callback that it leaves behind. After
    a kill none of them runs any more: no `finally`, no `except`, nothing, as after SIGKILL.

    Args:
        number: Identity; the world itself is 0.
        name: For people.
        context: A copy of the surrounding one, which becomes that of the host's callbacks.
    """

    __slots__ = ("alive", "context", "name", "number", "ready", "stopped")

    def __init__(self, number: int, name: str, context: Context) -> None:
        self.number = number
        self.name = name
        self.ready: deque[Step] = deque()
        self.alive = True
        self.stopped = False
        self.context = context
        context.run(HOST.set, self)

    def __repr__(self) -> str:
        return f"<{self.name}>"


HOST: ContextVar[Host] = ContextVar("host")
"""Whose code runs. Tasks and callbacks carry it in their context."""
