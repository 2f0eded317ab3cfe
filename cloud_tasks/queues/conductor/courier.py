"""Brings letters to the server, and none twice that may be brought only once."""

from __future__ import annotations

from cloud_tasks.errors import LeaseLostError
from cloud_tasks.queues.conductor.api import ConductorApi
from cloud_tasks.queues.conductor.carrier import RefusedError
from cloud_tasks.queues.conductor.letters import Letter


class Courier:
    """Tells the server of tasks.

    A second COMPLETED or FAILED has no effect. A second IN_PROGRESS would take the task from whoever has it
    by now, as the server does not ask who sends it: before it is sent again, the task is looked at.

    Args:
        api: The server.
    """

    def __init__(self, api: ConductorApi) -> None:
        self._api = api
        self._unsure: set[tuple[str, float]] = set()
        """Tasks that may have been put back: no answer came."""

    def is_unsure(self, letter: Letter) -> bool:
        """Whether it was sent before, and nobody knows whether it arrived."""
        return (letter.task_id, letter.poll_count) in self._unsure

    async def tell(self, letter: Letter, *, again: bool = False) -> bool:
        """Tell the server, unless that would take the task from another; returns whether it was told.

        Args:
            letter: What to tell.
            again: Whether it may have been told before.

        Raises:
            QueueUnavailableError: Nobody knows whether it took note; to be told again later.
            NotThereError: It knows no such task.
            RefusedError: It will never take it.
        """
        if not letter.puts_back:
            await self._api.send(letter.body)
            return True
        key = letter.task_id, letter.poll_count
        try:
            told = await self._put_back(letter, again=again)
        except (LeaseLostError, RefusedError):
            self._unsure.discard(key)
            raise
        self._unsure.discard(key)
        return told

    async def _put_back(self, letter: Letter, *, again: bool) -> bool:
        if (again or self.is_unsure(letter)) and await self.has_gone(letter):
            return False
        self._unsure.add((letter.task_id, letter.poll_count))
        await self._api.send(letter.body)
        return True

    async def has_gone(self, letter: Letter) -> bool:
        """Whether the task is held no more under this letter: it was put back, or has ended."""
        return not (await self._api.look(letter.task_id)).is_held(letter.poll_count)
