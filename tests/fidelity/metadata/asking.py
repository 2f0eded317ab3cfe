"""A client that knows nothing but HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from msgspec import Struct

from fakes.clock import VirtualClock
from fakes.metadata import Step
from fakes.metadata.server import MetadataServer


class Said(Struct, frozen=True):
    """An answer."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Client:
    """Asks the stand-in."""

    def __init__(self, server: MetadataServer, clock: VirtualClock, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.clock = clock
        self._session = session

    def do(self, *steps: Step) -> None:
        for step in steps:
            self.server.do(step)

    async def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Said:
        async with self._session.request(
            method, self.server.url + path, headers=headers, data=body
        ) as response:
            return Said(response.status, await response.text(), response.headers)


@asynccontextmanager
async def asking() -> AsyncIterator[Client]:
    clock = VirtualClock()
    async with MetadataServer(clock) as server, aiohttp.ClientSession() as session:
        yield Client(server, clock, session)
