"""`ConductorQueue`: task types of a Conductor server as a `TaskQueue`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from cloud_tasks.core.arguments import check_not_negative, check_positive, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import HandBack, Lease, Outcome
from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.conductor.api import ConductorApi
from cloud_tasks.queues.conductor.carrier import Carrier
from cloud_tasks.queues.conductor.courier import Courier
from cloud_tasks.queues.conductor.delivery import Delivery
from cloud_tasks.queues.conductor.forms import (
    FAILED,
    IN_PROGRESS,
    REASON_CHARACTERS_MAX,
    TERMINAL,
    Form,
    Update,
)
from cloud_tasks.queues.conductor.holding import Holding
from cloud_tasks.queues.conductor.keeper import Keeper
from cloud_tasks.queues.conductor.leases import Held, held_of, lease_of
from cloud_tasks.queues.conductor.letters import letter_of
from cloud_tasks.queues.conductor.polling import Turns
from cloud_tasks.queues.conductor.results import Aside, Results
from cloud_tasks.queues.conductor.settings import ConductorSettings
from cloud_tasks.queues.conductor.watching import Watcher

YEAR_S = 365 * 86_400.0
T = TypeVar("T")


class ConductorQueue:
    """Takes tasks from a Conductor server. The poll is the acknowledgement; the server waits for the result.

    A lease is as long as the task's response time-out, and is extended with `extendLease`, which makes it
    that long again from then on. A receipt that is out of date is not refused by the server, but has no
    effect.

    Args:
        settings: Which server, which types.
        clock: Time.
        carrier: Carries calls to the server.
        form: How a task of the server becomes one of ours, and an outcome a result.
        watcher: Told of polls and updates.
        results: Where results wait that the server could not be told.
        paused: Asked before each poll; while it says True, none is made; None: never paused. May block.
        aside: Calls what blocks.
    """

    def __init__(
        self,
        settings: ConductorSettings,
        clock: Clock,
        carrier: Carrier,
        *,
        form: Form,
        watcher: Watcher,
        results: Results,
        paused: Callable[[], bool] | None = None,
        aside: Aside = asyncio.to_thread,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._form = form
        self._watcher = watcher
        self._paused = paused
        self._api = ConductorApi(settings, carrier)
        self._aside = aside
        self._courier = Courier(self._api)
        self._keeper = Keeper(self._api, self._courier, results, clock, aside)
        self._delivery = Delivery(self._api, self._courier, self._keeper, watcher, aside)
        self._turns = Turns(settings.task_types, settings.polling_interval_s)
        self._poll_at = 0.0
        self._under_way: dict[asyncio.Task[Any], None] = {}
        self._holding = Holding()
        self._reached = True
        self._closing = asyncio.Event()
        self._capabilities = QueueCapabilities(
            lease_s_max=YEAR_S,
            delay_s_max=0.0,
            batch_size_max=settings.batch_size_max,
            delivery_count=True,
            decides_retries=True,
        )

    @property
    def capabilities(self) -> QueueCapabilities:
        """Leases and delivery counts; retries, their pauses and their end are the server's business."""
        return self._capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Poll, type after type, until one has tasks; see `TaskQueue`.

        What a call brings that is cancelled is handed back at once.
        """
        check_receive(tasks_max, wait_s)
        self._keeper.start()
        began = self._clock.monotonic()
        self._turns.start_over()
        while not self._closing.is_set():
            left_s = began + wait_s - self._clock.monotonic()
            leases = [] if await self._is_paused() else await self._poll(tasks_max, max(0.0, left_s), began)
            left_s = began + wait_s - self._clock.monotonic()
            if leases or left_s <= 0:
                return leases
            await self._pause(left_s)
        return []

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Make the lease last for another response time-out from now, whatever `seconds` says.

        An extension of what has ended looks accepted, and our clock does not tell of a machine that slept:
        see what the server has.
        """
        check_positive("seconds", seconds)
        held, issued = held_of(lease), self._clock.monotonic()
        await self._update({**self._about(held), "status": IN_PROGRESS, "extendLease": True})
        await self._check_held(held)
        self._holding.hold(held, issued)
        duration_s = held.response_timeout_s or None
        return msgspec.structs.replace(lease, duration_s=duration_s)

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Tell the server the outcome. When this returns, it has been told or the result is on disk."""
        held = held_of(lease)
        update = {**self._about(held), **self._form.update_of(outcome)}
        for entry in update.get("logs") or ():  # type: ignore[attr-defined] # a list, as the forms make it
            entry.setdefault("taskId", update["taskId"])
            entry.setdefault("createdTime", int(self._clock.utc_now().timestamp() * 1000))
        letter = letter_of(update, held.poll_count)
        with self._delivery.kept_if_cancelled(letter):
            with contextlib.suppress(QueueUnavailableError):  # the result is kept then, and it is seen later
                await self._check_late(held)
            await self._delivery.deliver(lease.queue, letter)
        self._holding.let_go(held)

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        """Put the task back into its queue; one that is to be tried again fails, and the server says when."""
        check_not_negative("delay_s", delay_s)
        if reason is HandBack.RETRY:
            await self._settle(lease, {"status": FAILED, "reasonForIncompletion": "to be tried again"})
        else:
            await self._hand_back(lease)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        """Fail the task for good: its workflow tells of it."""
        why = reason[:REASON_CHARACTERS_MAX]
        await self._settle(lease, {"status": TERMINAL, "reasonForIncompletion": why})

    async def aclose(self) -> None:
        """End the poll that is under way, hand back what it brings, and close the connections.

        Who is cancelled while waiting for the poll leaves nothing running all the same.
        """
        self._closing.set()
        try:
            while self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            for call in tuple(self._under_way):
                call.cancel()
            try:
                await self._keeper.aclose()
            finally:
                await self._api.aclose()

    # --- polling

    async def _is_paused(self) -> bool:
        if self._paused is None or not await self._aside(self._paused):
            return False
        self._watcher.paused(self._turns.task_type)
        self._turns.go_on(tasks=0)
        self._poll_at = self._clock.monotonic() + self._settings.polling_interval_s
        return True

    async def _poll(self, tasks_max: int, left_s: float, began: float) -> list[Lease]:
        count = min(tasks_max, self._settings.batch_size_max)
        call = self._spawn(self._ask(count, left_s, began))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            call.add_done_callback(self._give_back)
            raise

    async def _ask(self, count: int, left_s: float, began: float) -> list[Lease]:
        task_type, issued = self._turns.task_type, self._clock.monotonic()
        try:
            told = await self._api.poll(task_type, count, self._turns.wait_s(left_s))
        except QueueError as error:
            self._watcher.poll_failed(task_type, error)
            self._turns.go_on(tasks=0)
            self._reached = False
            raise
        if not self._reached:
            self._reached = True
            self._keeper.server_is_back()
        self._watcher.polled(task_type, self._clock.monotonic() - issued, len(told))
        self._turns.go_on(tasks=len(told))
        self._poll_at = issued + self._turns.pause_s
        leases = [lease_of(one, self._form, issued - began) for one in told]
        for lease, one in zip(leases, told, strict=True):
            held = held_of(lease)
            self._holding.hold(held, issued)
            if so_far := one.get("outputData"):
                self._holding.said(held, so_far)
        return leases

    # --- what is held

    async def _check_late(self, held: Held) -> None:
        """A late update looks accepted, and has no effect: where it may be late, ask.

        Raises:
            LeaseLostError: The server does not wait for news of the task any more.
        """
        if not self._holding.may_be_late(held, self._clock.monotonic()):
            return
        await self._check_held(held)

    async def _check_held(self, held: Held) -> None:
        there = await self._api.look(held.task_id)
        if not there.is_held(held.poll_count):
            self._holding.let_go(held)
            raise LeaseLostError(f"the task is {there.status} on the server, or somebody else has it")

    async def _hand_back(self, lease: Lease) -> None:
        held = held_of(lease)
        update: Update = {**self._about(held), "status": IN_PROGRESS, "callbackAfterSeconds": 0}
        if so_far := self._holding.so_far(held):
            update["outputData"] = so_far
        letter = letter_of(update, held.poll_count)
        if not self._courier.is_unsure(letter):
            await self._check_late(held)
        if await self._courier.tell(letter):
            self._keeper.succeeded()
        self._holding.let_go(held)

    async def _settle(self, lease: Lease, update: Update) -> None:
        held = held_of(lease)
        await self._check_late(held)
        await self._update({**self._about(held), **update})
        self._holding.let_go(held)

    async def _update(self, update: Update) -> None:
        await self._api.update(update)
        self._keeper.succeeded()

    async def _pause(self, left_s: float) -> None:
        """Until the next poll may be made, if the call lasts that long."""
        now = self._clock.monotonic()
        moment = min(self._poll_at, now + left_s)
        if moment <= now:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.ensure_future(self._clock.sleep_until(moment))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({sleeper, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            closing.cancel()

    def _spawn(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Begin something that `aclose` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way[task] = None
        task.add_done_callback(self._under_way.pop)
        return task

    def _give_back(self, call: asyncio.Task[list[Lease]]) -> None:
        with contextlib.suppress(QueueError, asyncio.CancelledError):
            for lease in call.result():
                self._spawn(self._give_back_one(lease))

    async def _give_back_one(self, lease: Lease) -> None:
        with contextlib.suppress(QueueError):  # its time-out brings it back then
            await self.nack(lease, 0.0, HandBack.INTERRUPTED)

    def _about(self, held: Held) -> Update:
        return {
            "workflowInstanceId": held.workflow_id,
            "taskId": held.task_id,
            "workerId": self._settings.worker_id,
        }
