"""Many small requests of a short while, made as few batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from cloud_tasks.errors import QueueError

T = TypeVar("T")
Answers: TypeAlias = Sequence[QueueError | None]
"""What became of each item of a batch, in order; None: it was done."""

GATHER_S = 0.01
"""How long the first item of a batch waits at most for others to join it; a free slot likewise, for others
before a receive."""
UNDER_WAY_MAX = 8


class Gatherer(Generic[T]):
    """Gathers items into batches, and tells each caller what became of its own.

    A batch goes out when it is full or its first item has waited for `gather_s`. It does not wait for the
    answer to the one before: an answer that hangs must not hold up the renewal of another lease.

    Args:
        request: Makes one batch request; raises a `QueueError` if nothing is known of any item.
        size_max: Most items of one batch.
        gather_s: How long the first item waits for others, in seconds; 0: until what is ready to run now has
            had its turn.
        under_way_max: How many requests may be under way; while they are, further items gather as well.
    """

    def __init__(
        self,
        request: Callable[[Sequence[T]], Awaitable[Answers]],
        size_max: int,
        *,
        gather_s: float = GATHER_S,
        under_way_max: int = UNDER_WAY_MAX,
    ) -> None:
        self._request = request
        self._size_max = size_max
        self._gather_s = gather_s
        self._under_way_max = under_way_max
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._planned: asyncio.Handle | None = None
        self._under_way: dict[asyncio.Task[None], None] = {}

    def submit(self, item: T) -> asyncio.Future[None]:
        """Have it done. The answer raises what the request told, a `QueueError`; nobody has to look at it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        self._waiting.append((item, answer))
        if len(self._waiting) >= self._size_max:
            self._send()
        elif self._planned is None:
            self._planned = (
                loop.call_later(self._gather_s, self._send) if self._gather_s else loop.call_soon(self._send)
            )
        return answer

    async def aclose(self) -> None:
        """Send what waits, and wait for the answers; if that is cancelled, nothing is left under way."""
        try:
            while self._waiting or self._under_way:
                self._send()
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            for request in tuple(self._under_way):
                request.cancel()
            raise

    def _send(self) -> None:
        """Send what waits, as far as may be under way; what stays goes out when a batch has ended."""
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
        while self._waiting and len(self._under_way) < self._under_way_max:
            batch, self._waiting = self._waiting[: self._size_max], self._waiting[self._size_max :]
            task = asyncio.get_running_loop().create_task(self._carry_out(batch))
            self._under_way[task] = None
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        if self._waiting and self._planned is None:
            self._send()

    async def _carry_out(self, batch: list[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            answers: Sequence[Exception | None] = await self._request([item for item, _ in batch])
        except Exception as fault:  # noqa: BLE001 - boundary: those who wait must hear of a fault, not hang
            answers = [fault] * len(batch)
        for (_, answer), error in zip(batch, answers, strict=True):
            if answer.done():
                continue
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)
                answer.exception()  # looked at here, so that nobody has to
