"""Looks after results on disk: tells the server of them, whoever has left them there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from math import inf

from cloud_tasks.core.policy import Backoff
from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.conductor.api import ConductorApi
from cloud_tasks.queues.conductor.carrier import RefusedError
from cloud_tasks.queues.conductor.courier import Courier
from cloud_tasks.queues.conductor.forms import COMPLETED_WITH_ERRORS, FAILED, TERMINAL
from cloud_tasks.queues.conductor.letters import Letter, read_letter
from cloud_tasks.queues.conductor.patience import Patience, Waiting
from cloud_tasks.queues.conductor.results import Aside, KeptResult, Results

ADOPT_S = 10.0
"""How often is looked for results that others have left behind, in seconds."""
QUIET_S = 60.0
"""How often is said that the server cannot be told, in seconds."""
TROUBLE = Backoff(base_s=1.0, cap_s=60.0)
"""Pauses after what should not happen."""
_log = logging.getLogger("cloud_tasks.conductor")


class Keeper:
    """Keeps results, and tells the server of them for as long as this process works.

    Args:
        api: The server.
        courier: Tells it.
        results: Where they are kept.
        clock: Time.
        aside: Calls what blocks.
    """

    def __init__(
        self, api: ConductorApi, courier: Courier, results: Results, clock: Clock, aside: Aside
    ) -> None:
        self._api = api
        self._courier = courier
        self._results = results
        self._clock = clock
        self._aside = aside
        self._patience = Patience()
        self._waiting: list[Waiting] = []
        self._more = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._closed = False
        self._adopt_at = -inf
        self._quiet_until = -inf

    @property
    def outage(self) -> bool:
        """Whether the server takes nothing, as far as is known: a new result joins those that wait.

        Where none waits to be told, nobody else would find out that it takes something again.
        """
        return self._patience.outage and any(one.told is None for one in self._waiting)

    def start(self) -> None:
        """Begin to look after what is on disk; no effect if that was done."""
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._look_after())

    async def keep(self, letter: Letter) -> KeptResult:
        """Write a result to disk.

        Raises:
            QueueUnavailableError: It cannot be written.
        """
        try:
            return await self._aside(self._results.keep, letter.task_id, letter.on_disk())
        except OSError as error:
            raise QueueUnavailableError(f"the result of {letter.task_id} cannot be kept: {error}") from error

    def keep_at_once(self, letter: Letter) -> None:
        """Write a result to disk without giving way to anybody: who would wait for it is being cancelled."""
        try:
            self.look_after(self._results.keep(letter.task_id, letter.on_disk()), letter)
        except OSError as error:
            _log.error("the result of %s is lost: it cannot be kept: %s", letter.task_id, error)

    def look_after(self, kept: KeptResult, letter: Letter) -> None:
        """Tell the server of it, sooner or later."""
        if self._closed:
            kept.let_go()
            return
        waiting = Waiting(kept, letter)
        if self._patience.has_failed(letter.task_id):
            waiting.put_off(self._clock.monotonic())
        self._waiting.append(waiting)
        self._more.set()

    def failed(self, letter: Letter, error: QueueUnavailableError) -> None:
        """The server could not be told of a result."""
        now = self._clock.monotonic()
        if self._patience.failed(letter.task_id, now) and now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            _log.warning(
                "the server cannot be told of results, which are kept in %s until it can: %s",
                self._results.directory,
                error,
            )

    def succeeded(self) -> None:
        """The server took an update."""
        self._patience.succeeded(self._waiting, self._clock.monotonic())
        if self._waiting:
            self._more.set()

    def server_is_back(self) -> None:
        """The server, which was not to be reached, has answered."""
        self._patience.server_is_back(self._waiting, self._clock.monotonic())
        self._more.set()

    async def aclose(self) -> None:
        """Stop; what is on disk stays there for the next start."""
        self._closed = True
        if self._sender is not None:
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender
            self._sender = None
        if self._waiting:
            _log.warning(
                "%d results that the server could not be told wait in %s for the next start",
                len(self._waiting),
                self._results.directory,
            )
        while self._waiting:
            self._waiting.pop().kept.let_go()

    # --- what is on disk

    async def _look_after(self) -> None:
        await self._api.reached.wait()
        failures = 0
        while True:
            try:
                await self._go_on()
                failures = 0
            except Exception:  # noqa: BLE001 - boundary: nobody else would tell of what waits
                failures += 1
                _log.exception("results in %s: something went wrong", self._results.directory)
                await self._sleep(TROUBLE.pause_s(failures, "conductor"))

    async def _go_on(self) -> None:
        """Do what is due, or wait for it."""
        now = self._clock.monotonic()
        if now >= self._adopt_at:
            self._adopt_at = now + ADOPT_S
            for kept in await self._aside(self._results.adopt):
                self._waiting.append(Waiting(kept, read_letter(kept.body)))
        moment, first = self._patience.next_of(self._waiting)
        if first is not None and self._clock.monotonic() >= moment:
            await self._try(first)
        else:
            await self._sleep(min(moment, self._adopt_at) - self._clock.monotonic())

    async def _try(self, waiting: Waiting) -> None:
        over = False
        try:
            over = await self._is_over(waiting)
        finally:  # whatever went wrong: the others are next
            if over:
                self._waiting.remove(waiting)
            else:
                waiting.put_off(self._clock.monotonic())

    async def _is_over(self, waiting: Waiting) -> bool:
        try:
            if waiting.told is None:
                waiting.told = await self._told(waiting.letter)
                self.succeeded()
            await self._aside(waiting.kept.remove if waiting.told else waiting.kept.put_aside)
        except QueueUnavailableError as error:
            self.failed(waiting.letter, error)
            return False
        except OSError as error:
            _log.warning("the result of %s cannot be removed: %s", waiting.letter.task_id, error)
            return False
        return True

    async def _told(self, letter: Letter) -> bool:
        """Tell the server; False if it will never take it. Says so where it came too late to be of use."""
        try:
            if not await self._courier.tell(letter, again=True):
                _log.info("%s is back in its queue or has ended: not put back again", letter.task_id)
                return True
        except LeaseLostError:
            _log.warning("a result came too late: the server does not know the task any more")
            return True
        except RefusedError as error:
            _log.error("the server refused a result, which is in %s: %s", self._results.directory, error)
            return False
        await self._check(letter)
        return True

    async def _check(self, letter: Letter) -> None:
        """A late result looks accepted: see what the server has. A task that was put back may be anywhere."""
        if letter.puts_back:
            return
        try:
            there = (await self._api.look(letter.task_id)).status
        except QueueError:
            return
        if there not in _means(letter.status):
            _log.warning(
                "the result of %s came too late: it is %s there, and was %s",
                letter.task_id,
                there,
                letter.status,
            )

    async def _sleep(self, seconds: float) -> None:
        """Sleep, until there may be something else to do."""
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


def _means(status: str) -> tuple[str, ...]:
    """What the server makes of a status: a task that is optional may fail without failing its workflow."""
    return (status, COMPLETED_WITH_ERRORS) if status in (FAILED, TERMINAL) else (status,)
