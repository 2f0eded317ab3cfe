"""A stand-in on a socket: where it listens, from when, and until when."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"


class Listening(ABC):
    """What can be reached at an address from `start` to `aclose`, or inside of `async with`.

    Args:
        host: Where to listen.
        port: Likewise; 0: on a free one.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def _where(self) -> str:
        """Host and port, as they are written in an address."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    @abstractmethod
    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port cannot be had.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Hang up on everybody and stop listening. Another server can go on with the model."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
