"""Telling the server of results, so that none is ever dropped: what it cannot be told waits on disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import msgspec

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.conductor.api import ConductorApi
from cloud_tasks.queues.conductor.carrier import RefusedError
from cloud_tasks.queues.conductor.courier import Courier
from cloud_tasks.queues.conductor.forms import TERMINAL
from cloud_tasks.queues.conductor.keeper import Keeper
from cloud_tasks.queues.conductor.letters import Letter
from cloud_tasks.queues.conductor.results import Aside, KeptResult
from cloud_tasks.queues.conductor.watching import Watcher

_log = logging.getLogger("cloud_tasks.conductor")


class Delivery:
    """Sends results, and leaves those that do not arrive to the keeper.

    Args:
        api: The server.
        courier: Tells it.
        keeper: Looks after what waits.
        watcher: Told of what goes wrong.
        aside: Calls what blocks.
    """

    def __init__(
        self, api: ConductorApi, courier: Courier, keeper: Keeper, watcher: Watcher, aside: Aside
    ) -> None:
        self._api = api
        self._courier = courier
        self._keeper = keeper
        self._watcher = watcher
        self._aside = aside

    async def deliver(self, task_type: str, letter: Letter) -> None:
        """Tell the server of a result. When this returns, it has been told or the result is on disk.

        Raises:
            LeaseLostError: The server knows no such task.
            QueueUnavailableError: The server cannot be told, and the disk cannot be written.
        """
        self._watcher.result_ready(task_type, len(letter.body))
        if self._keeper.outage or not await self._is_told(task_type, letter):
            self._keeper.look_after(await self._keeper.keep(letter), letter)

    @contextlib.contextmanager
    def kept_if_cancelled(self, letter: Letter) -> Iterator[None]:
        """Who loses patience in here finds the result on disk all the same."""
        try:
            yield
        except asyncio.CancelledError:
            self._keeper.keep_at_once(letter)
            raise

    async def _is_told(self, task_type: str, letter: Letter) -> bool:
        try:
            await self._courier.tell(letter)
        except QueueUnavailableError as error:
            self._watcher.update_failed(task_type, error)
            self._keeper.failed(letter, error)
            return False
        except RefusedError as error:
            self._watcher.update_failed(task_type, error)
            await self._tell_refusal(letter, error)
        self._keeper.succeeded()
        return True

    async def _tell_refusal(self, letter: Letter, error: RefusedError) -> None:
        """The server will never take this result: keep it for people, and fail the task with the reason."""
        await self._put_aside(await self._keeper.keep(letter), letter, error)
        update = msgspec.json.decode(letter.body, type=dict[str, object])
        failed = {name: update[name] for name in ("workflowInstanceId", "taskId", "workerId")}
        reason = f"the result was refused: {error}"[:500]
        with contextlib.suppress(RefusedError):
            await self._api.update({**failed, "status": TERMINAL, "reasonForIncompletion": reason})

    async def _put_aside(self, kept: KeptResult, letter: Letter, refusal: RefusedError) -> None:
        try:
            place = await self._aside(kept.put_aside)
        except OSError as error:
            _log.warning("the result of %s cannot be put aside: %s", letter.task_id, error)
            self._keeper.look_after(kept, letter)
        else:
            _log.error("the server refused a result, which is in %s: %s", place, refusal)
