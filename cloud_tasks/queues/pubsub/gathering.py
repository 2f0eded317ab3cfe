"""Many small requests of a short while, made as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from cloud_tasks.errors import QueueError

Request: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, QueueError]]]
_Waiter: TypeAlias = "tuple[str, asyncio.Future[None]]"

GATHER_S = 0.02
"""How long something waits at most while an earlier request is under way."""
UNDER_WAY_MAX = 8


class Gatherer:
    """Gathers ack ids into requests, and tells each caller what became of its own.

    A single one goes out with the next turn of the loop. While a request is under way, what comes in waits
    for its end, but not for longer than `GATHER_S`: one answer that hangs must not hold up the renewal of
    another lease.

    Args:
        request: Makes one request; tells why for each ack id that was not accepted.
        size_max: Most ack ids of one request.
    """

    def __init__(self, request: Request, size_max: int) -> None:
        self._request = request
        self._size_max = size_max
        self._waiting: list[_Waiter] = []
        self._planned: asyncio.Handle | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def submit(self, ack_id: str) -> asyncio.Future[None]:
        """Have it done. The answer raises what the request told, a `QueueError`; nobody has to look at it."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ack_id, answer))
        self._plan()
        return answer

    async def aclose(self) -> None:
        """Send what waits, and wait for the answers."""
        while self._waiting or self._under_way:
            self._send()
            if self._under_way:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    def _plan(self) -> None:
        if self._planned is None and self._waiting and len(self._under_way) < UNDER_WAY_MAX:
            loop = asyncio.get_running_loop()
            self._planned = (
                loop.call_later(GATHER_S, self._send) if self._under_way else loop.call_soon(self._send)
            )

    def _send(self) -> None:
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
        batch, self._waiting = self._waiting[: self._size_max], self._waiting[self._size_max :]
        if batch:
            task = asyncio.get_running_loop().create_task(self._carry_out(batch))
            self._under_way.add(task)
            task.add_done_callback(self._ended)
        self._plan()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._waiting:
            self._send()

    async def _carry_out(self, batch: list[_Waiter]) -> None:
        ack_ids = [ack_id for ack_id, _ in batch]
        refused: Mapping[str, Exception]
        try:
            refused = await self._request(ack_ids)
        except Exception as fault:  # noqa: BLE001 - boundary: those who wait must hear of a fault, not hang
            refused = dict.fromkeys(ack_ids, fault)
        for ack_id, answer in batch:
            if answer.done():
                continue
            error = refused.get(ack_id)
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)
                answer.exception()  # looked at here, so that nobody has to
