"""`Step`: what an event loop is to run."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from simulation.hosts import Host


class Step(Struct, eq=False):
    """One callback that is to run; takes the place of `asyncio.Handle`."""

    host: Host
    callback: Callable[..., object] | None
    args: tuple[Any, ...]
    context: contextvars.Context
    moment: float = 0.0

    def cancel(self) -> None:
        """Do not run it."""
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        """Whether it will not run, or has run."""
        return self.callback is None

    def when(self) -> float:
        """The moment of a timer."""
        return self.moment
