"""Conductor under the contracts: our adapter, and a stand-in for the server in virtual time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from aiohttp import web

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import MalformedTask, Outcome, Task
from cloud_tasks.interfaces import TaskQueue
from cloud_tasks.queues.conductor import Carrier, ConductorSettings, PlainForm, open_queue
from cloud_tasks.queues.conductor.carrier import Answer
from cloud_tasks.queues.conductor.forms import ServerTask, Update
from cloud_tasks.queues.conductor.http import HttpCarrier
from fakes.clock import settle
from fakes.conductor import ConductorService
from fakes.conductor.server import ConductorServer
from simulation.backends.conductor.carrier import InProcessCarrier
from tests.contracts.harness import VirtualTime

T = TypeVar("T")

TYPE = "jobs"
PAUSE_S = 0.02
"""For calls to be made."""


class BodyForm:
    """Tasks whose input holds a message of ours: the contract wants tasks back as they were sent."""

    def task_of(self, told: ServerTask) -> Task | MalformedTask:
        data = told["inputData"]
        assert isinstance(data, dict)
        return decode_task(str(data["body"]).encode())

    def update_of(self, outcome: Outcome) -> Update:
        return PlainForm().update_of(outcome)


class ConductorHarness(VirtualTime):
    """One type of task of a service in the same process, without a network."""

    delays_sends = False
    strict_receipts = False
    """An update of a task that has ended looks accepted."""
    keeps_order = True
    text_only = True
    lease_s = 10.0
    patience_s = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.service = ConductorService(self.clock)
        self.service.define_task(TYPE, response_timeout_seconds=10, retry_delay_seconds=0, retry_count=1000)
        self.results = tempfile.TemporaryDirectory()

    async def open(self) -> TaskQueue:
        self.queue = self.open_at("http://nowhere/api", InProcessCarrier(self.service))
        return self.queue

    def open_at(self, url: str, carrier: Carrier | None) -> TaskQueue:
        settings = ConductorSettings(task_types=(TYPE,), api_url=url, results_dir=self.results.name)
        return open_queue(settings, self.clock, form=BodyForm(), carrier=carrier)

    async def send(self, *tasks: Task) -> None:
        for task in tasks:
            await self.send_raw(encode_task(task))

    async def send_raw(self, body: bytes) -> None:
        self.service.start_task(TYPE, {"body": body.decode()})

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        raise AssertionError("the server has no dead letters")

    async def aclose(self) -> None:
        await self.drive(self.queue.aclose())
        self.service.close()
        self.results.cleanup()


class OnTheWire:
    """How many calls nobody works at: on their way to the server, or their answers on the way back."""

    def __init__(self) -> None:
        self.asked = 0
        self.being_answered = 0

    @property
    def count(self) -> int:
        return self.asked - self.being_answered


class CountedCarrier(HttpCarrier):
    """Counts the calls that have no answer yet."""

    def __init__(self, api_url: str, on_the_wire: OnTheWire) -> None:
        super().__init__(api_url, {})
        self._on_the_wire = on_the_wire

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        self._on_the_wire.asked += 1
        try:
            return await super().carry(method, path, query, body, timeout_s)
        finally:
            self._on_the_wire.asked -= 1


class CountedServer(ConductorServer):
    """Counts the calls that it is working at, or lets wait."""

    def __init__(self, service: ConductorService, on_the_wire: OnTheWire) -> None:
        super().__init__(service)
        self._on_the_wire = on_the_wire

    async def _answer(self, request: web.BaseRequest) -> web.Response | None:
        self._on_the_wire.being_answered += 1
        try:
            return await super()._answer(request)
        finally:
            self._on_the_wire.being_answered -= 1


class WireHarness(ConductorHarness):
    """The same over HTTP, with the server on the loop of the test."""

    def __init__(self) -> None:
        super().__init__()
        self._on_the_wire = OnTheWire()
        self.server = CountedServer(self.service, self._on_the_wire)

    async def open(self) -> TaskQueue:
        await self.server.start()
        self.queue = self.open_at(self.server.url, CountedCarrier(self.server.url, self._on_the_wire))
        return self.queue

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(PAUSE_S)
        await super().advance(seconds)
        await asyncio.sleep(PAUSE_S)

    async def drive(self, call: Awaitable[T]) -> T:
        """Time goes on while somebody sleeps, nothing has been heard for a moment and nothing is on its way.

        The queue has a clock by which it sleeps as well: on a busy machine an answer may take longer than the
        moment, and must not be minutes late for that.
        """
        task = asyncio.ensure_future(call)
        while not (await asyncio.wait({task}, timeout=PAUSE_S))[0]:
            await settle()  # what has just arrived, at either end, may need no time at all
            moment = self.clock.next_deadline()
            if moment is not None and not task.done() and not self._on_the_wire.count:
                await self.clock.run_for(moment - self.clock.monotonic())
        return task.result()

    async def stop_serving(self) -> None:
        """End every task of the server."""
        await self.server.aclose()

    async def aclose(self) -> None:
        await super().aclose()
        await self.stop_serving()
