"""The stand-in's server in the test's own loop, and a plain HTTP client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from fakes.clock import VirtualClock
from fakes.conductor import ConductorService
from fakes.conductor.faulty import Faulty
from fakes.conductor.server import ConductorServer
from fakes.faults import FaultInjector, FaultPlan, FaultRule

_ANSWER_S = 30


class Wire:
    """A server in virtual time, what goes wrong with it, and a client that never tries again by itself."""

    def __init__(self, plan: FaultPlan) -> None:
        self.clock = VirtualClock()
        self.service = ConductorService(self.clock, poll_wait_s=0)
        self.injector = FaultInjector(plan, self.clock)
        self.server = ConductorServer(self.service, faults=Faulty(self.injector, self.clock))

    async def ask(self, method: str, path: str, body: object = None, **query: object) -> tuple[int, Any]:
        """The status, and what was answered: JSON, text, or None for nothing."""
        status, _, answer = await self.ask_all(method, path, body, **query)
        return status, answer

    async def ask_all(
        self, method: str, path: str, body: object = None, **query: object
    ) -> tuple[int, Mapping[str, str], Any]:
        """The same, with the headers."""
        target = f"/api{path}?{urlencode(query)}" if query else f"/api{path}"
        sent = body if isinstance(body, str | bytes | None) else json.dumps(body)
        return await asyncio.to_thread(self._ask, method, target, sent)

    def _ask(self, method: str, target: str, body: str | bytes | None) -> tuple[int, Mapping[str, str], Any]:
        with closing(HTTPConnection("127.0.0.1", self.server.port, timeout=_ANSWER_S)) as connection:
            connection.request(method, target, body)
            answer = connection.getresponse()
            headers = dict(answer.headers)
            text = answer.read().decode()
            is_json = headers.get("Content-Type") == "application/json"
            return answer.status, headers, json.loads(text) if is_json else text or None


@asynccontextmanager
async def wired(*rules: FaultRule) -> AsyncIterator[Wire]:
    """A server, and a client of it."""
    wire = Wire(FaultPlan(seed=1, rules=rules))
    async with wire.server:
        yield wire


async def until_somebody_sleeps(clock: VirtualClock) -> None:
    """Let the loop run, sockets included, until somebody sleeps on the clock."""
    while clock.next_deadline() is None:  # noqa: ASYNC110 - a clock has no event for that
        await asyncio.sleep(0.001)


async def until_nobody_sleeps(clock: VirtualClock) -> None:
    """Let the loop run, sockets included, until nobody sleeps on the clock any more."""
    while clock.next_deadline() is not None:  # noqa: ASYNC110 - a clock has no event for that
        await asyncio.sleep(0.001)
