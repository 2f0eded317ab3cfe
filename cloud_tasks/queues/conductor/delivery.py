"""Telling the server of results, so that none is ever dropped: what it cannot be told waits on disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from math import inf

import msgspec

from cloud_tasks.core.policy import Backoff
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.conductor.api import ConductorApi
from cloud_tasks.queues.conductor.carrier import NotThereError, RefusedError
from cloud_tasks.queues.conductor.forms import TERMINAL, Update
from cloud_tasks.queues.conductor.results import Aside, KeptResult, Results
from cloud_tasks.queues.conductor.watching import Watcher

ADOPT_S = 10.0
"""How often is looked for results that others have left behind, in seconds."""
QUIET_S = 60.0
"""How often is said that the server cannot be told, in seconds."""
BACKOFF = Backoff(base_s=0.25, cap_s=30.0)
_log = logging.getLogger("cloud_tasks.conductor")
_encode = msgspec.json.Encoder().encode


class Delivery:
    """Sends results; keeps and repeats those that do not arrive.

    Args:
        api: The server.
        results: Where they are kept meanwhile.
        clock: Time.
        watcher: Told of what goes wrong.
        aside: Calls what blocks.
    """

    def __init__(
        self, api: ConductorApi, results: Results, clock: Clock, watcher: Watcher, aside: Aside
    ) -> None:
        self._api = api
        self._results = results
        self._aside = aside
        self._clock = clock
        self._watcher = watcher
        self._kept: deque[KeptResult] = deque()
        self._more = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._failures = 0
        self._quiet_until = -inf

    def start(self) -> None:
        """Begin to look after what is on disk; no effect if that was done."""
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._look_after())

    async def deliver(self, task_type: str, update: Update) -> None:
        """Tell the server of a result. When this returns, it has been told or the result is on disk.

        Raises:
            LeaseLostError: The server knows no such task.
            QueueUnavailableError: The server cannot be told, and the disk cannot be written.
        """
        body = _encode(update)
        self._watcher.result_ready(task_type, len(body))
        if not (self._failures and self._kept):  # else whoever waits on disk finds out when it can be told
            try:
                await self._api.send(body)
            except QueueUnavailableError as error:
                self._watcher.update_failed(task_type, error)
                self._note_outage(error)
            except RefusedError as error:
                self._watcher.update_failed(task_type, error)
                await self._tell_refusal(update, body, error)
                return
            else:
                self._failures = 0
                return
        await self._keep(str(update["taskId"]), body)

    async def aclose(self) -> None:
        """Stop; what is on disk stays there for the next start."""
        if self._sender is not None:
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender
            self._sender = None
        if self._kept:
            _log.warning(
                "%d results that the server could not be told wait in %s for the next start",
                len(self._kept),
                self._results.directory,
            )
        while self._kept:
            self._kept.popleft().let_go()

    def _note_outage(self, error: QueueUnavailableError) -> None:
        self._failures += 1
        now = self._clock.monotonic()
        if self._failures == 1 and now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            _log.warning(
                "the server cannot be told of results, which are kept in %s until it can: %s",
                self._results.directory,
                error,
            )

    async def _keep(self, task_id: str, body: bytes) -> None:
        try:
            kept = await self._aside(self._results.keep, task_id, body)
        except OSError as error:
            raise QueueUnavailableError(f"the result of {task_id} cannot be kept: {error}") from error
        self._kept.append(kept)
        if len(self._kept) == 1:
            self._more.set()

    async def _tell_refusal(self, update: Update, body: bytes, error: RefusedError) -> None:
        """The server will never take this result: keep it for people, and fail the task with the reason."""
        kept = await self._aside(self._results.keep, str(update["taskId"]), body)
        place = await self._aside(kept.put_aside)
        _log.error("the server refused a result, which is in %s: %s", place, error)
        failed = {name: update[name] for name in ("workflowInstanceId", "taskId", "workerId")}
        reason = f"the result was refused: {error}"[:500]
        with contextlib.suppress(RefusedError):
            await self._api.update({**failed, "status": TERMINAL, "reasonForIncompletion": reason})

    # --- what is on disk

    async def _look_after(self) -> None:
        """Send what is on disk, and what others have left there, for as long as this process works.

        Each in its turn: one that the server stumbles over holds up none of the others.
        """
        await self._api.reached.wait()
        while True:
            if not self._kept:
                self._kept.extend(await self._aside(self._results.adopt))
            if self._kept:
                await self._send_first()
            else:
                await self._wait(ADOPT_S)

    async def _send_first(self) -> None:
        kept = self._kept[0]
        try:
            told = await self._told(kept)
        except QueueUnavailableError as error:
            self._note_outage(error)
            self._kept.rotate(-1)
            await self._wait(BACKOFF.pause_s(self._failures, "conductor"))
            return
        self._failures = 0
        self._kept.remove(kept)
        await self._aside(kept.remove if told else kept.put_aside)

    async def _told(self, kept: KeptResult) -> bool:
        """Tell the server; False if it will never take it. Says so where it came too late to be of use."""
        try:
            await self._api.send(kept.body)
        except NotThereError:
            _log.warning("a result came too late: the server does not know the task any more")
            return True
        except RefusedError as error:
            _log.error("the server refused a result, which is in %s: %s", self._results.directory, error)
            return False
        await self._check(kept)
        return True

    async def _check(self, kept: KeptResult) -> None:
        """A late result looks accepted: see what the server has."""
        told = msgspec.json.decode(kept.body, type=dict[str, object])
        try:
            there = (await self._api.look(str(told["taskId"]))).status
        except (QueueUnavailableError, LeaseLostError):
            return
        if there != told.get("status"):
            _log.warning(
                "the result of %s came too late: it is %s there, and was %s",
                told["taskId"],
                there,
                told.get("status"),
            )

    async def _wait(self, seconds: float) -> None:
        """Sleep, until there is something on disk where there was nothing."""
        self._more.clear()
        sleeper = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + seconds))
        sleeper.add_done_callback(self._slept)
        try:
            await self._more.wait()
        finally:
            sleeper.cancel()

    def _slept(self, sleeper: asyncio.Future[None]) -> None:
        if not sleeper.cancelled():
            self._more.set()
