"""The model of Pub/Sub behind a channel that needs no socket: calls cost no time but what the clock says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from cloud_tasks.queues.pubsub.calls import Calls
from fakes.pubsub.errors import PubSubError
from fakes.pubsub.rpcs import rpcs, serialise
from fakes.pubsub.service import PubSubService
from simulation.backends.pubsub.channel import calls_through, failure, refusal


def wireless(service: PubSubService) -> Calls:
    """The calls that the backend makes, carried out by the service on the same loop, deadlines included."""
    return calls_through(Wireless(service).start)


class Wireless:
    """A call is a task of the loop."""

    def __init__(self, service: PubSubService) -> None:
        self._clock = service.clock
        self._rpcs = {f"/{rpc.service}/{rpc.name}": rpc for rpc in rpcs(service)}

    def start(
        self, method: str, asked: bytes, timeout_s: float, read: Callable[[bytes], Any]
    ) -> asyncio.Future[Any]:
        return asyncio.ensure_future(self._call(method, asked, timeout_s, read))

    async def _call(self, method: str, asked: bytes, timeout_s: float, read: Callable[[bytes], Any]) -> Any:
        rpc = self._rpcs.get(method)
        if rpc is None:
            raise failure("UNIMPLEMENTED", "Method not found!")
        request = rpc.request.FromString(asked)
        try:
            answer = rpc.answer(request)
            if inspect.isawaitable(answer):
                answer = await self._within(timeout_s, asyncio.ensure_future(answer))
        except PubSubError as error:
            raise refusal(error, request) from None
        return read(serialise(answer))

    async def _within(self, timeout_s: float, answer: asyncio.Future[Any]) -> Any:
        over = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + timeout_s))
        try:
            await asyncio.wait({answer, over}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
        finally:
            for one in (answer, over):
                one.cancel()
            await asyncio.gather(answer, over, return_exceptions=True)
        raise failure("DEADLINE_EXCEEDED", "Deadline Exceeded")
