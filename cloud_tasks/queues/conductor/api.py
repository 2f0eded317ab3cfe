"""The calls of the task API that a worker makes, in either of its two layouts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec import Struct

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.conductor.carrier import Carrier, NotThereError, content_of
from cloud_tasks.queues.conductor.forms import IN_PROGRESS, ServerTask, Update
from cloud_tasks.queues.conductor.settings import ConductorSettings

REQUEST_S_MAX = 15.0
"""A server that takes longer over a request than this is taken for one that is not there."""
_PATHS = {"swift": "/task", "oss": "/tasks"}
_log = logging.getLogger("cloud_tasks.conductor")
_encode = msgspec.json.Encoder().encode
_tasks = msgspec.json.Decoder(list[dict[str, object]])


class There(Struct, frozen=True, rename="camel"):
    """A task, as far as its holder needs to know.

    Attributes:
        status: COMPLETED, TIMED_OUT and so on.
        poll_count: How often it was handed out.
    """

    status: str = ""
    poll_count: int = 0

    def is_held(self, poll_count: float) -> bool:
        """Whether who polled it when it had been handed out so often has it still."""
        return self.status == IN_PROGRESS and self.poll_count <= poll_count


class ConductorApi:
    """Polls and updates.

    Args:
        settings: Which server.
        carrier: Carries the calls to it.

    Attributes:
        reached: Set as soon as the server has answered.
    """

    def __init__(self, settings: ConductorSettings, carrier: Carrier) -> None:
        self._carrier = carrier
        self._settings = settings
        self._base = "" if settings.layout is None else _PATHS[settings.layout]
        self.reached = asyncio.Event()

    async def poll(self, task_type: str, count: int, wait_s: float) -> list[ServerTask]:
        """Take up to `count` tasks of a type; the server waits at most `wait_s` for the first.

        Raises:
            QueueUnavailableError: Try again later.
        """
        query = {
            "workerid": self._settings.worker_id,
            "count": str(count),
            "timeout": str(int(wait_s * 1000)),
        }
        domain = self._settings.domains.get(task_type)
        if domain is not None:
            query["domain"] = domain
        path = f"/poll/batch/{quote(task_type, safe='')}"
        if not self._base:
            return await self._poll_first(path, query, wait_s)
        return await self._poll(self._base + path, query, wait_s)

    async def _poll_first(self, path: str, query: dict[str, str], wait_s: float) -> list[ServerTask]:
        """Find out the layout: a server has only one of them."""
        refused = ""
        for base in _PATHS.values():
            try:
                tasks = await self._poll(base + path, query, wait_s)
            except NotThereError as error:
                refused = str(error)
            else:
                self._base = base
                return tasks
        raise QueueUnavailableError(f"no task API of Conductor at {self._settings.api_url}: {refused}")

    async def _poll(self, path: str, query: dict[str, str], wait_s: float) -> list[ServerTask]:
        body = await self._call("GET", path, query, timeout_s=wait_s + REQUEST_S_MAX)
        self.reached.set()
        _log.debug("GET %s %s: %s", path, query, body or b"[]")
        try:
            return _tasks.decode(body) if body else []  # type: ignore[return-value] # JSON objects are of Json
        except msgspec.MsgspecError as error:
            raise QueueUnavailableError(f"GET {path}: not a list of tasks: {error}") from error

    async def update(self, update: Update) -> None:
        """Tell the server of a task.

        Raises:
            QueueUnavailableError: Nobody knows whether it took note; to be told again later.
            NotThereError: It knows no such task.
            RefusedError: It will never take it.
        """
        await self.send(_encode(update))

    async def send(self, body: bytes) -> None:
        """As `update`, with the body made already."""
        await self._call("POST", self._known_base(), {}, body)
        _log.debug("POST %s: %s", self._base, body)

    async def look(self, task_id: str) -> There:
        """What the server has of a task.

        Raises:
            QueueUnavailableError: Try again later.
            NotThereError: It knows no such task.
        """
        path = f"{self._known_base()}/{quote(task_id, safe='')}"
        body = await self._call("GET", path, {})
        if not body:
            raise NotThereError(f"GET {path}: no such task")
        try:
            return msgspec.json.decode(body, type=There)
        except msgspec.MsgspecError as error:
            raise QueueUnavailableError(f"GET {path}: not a task: {error}") from error

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        timeout_s: float = REQUEST_S_MAX,
    ) -> bytes:
        return content_of(f"{method} {path}", await self._carrier.carry(method, path, query, body, timeout_s))

    def _known_base(self) -> str:
        """The path of the API. Whoever has something to tell has polled before."""
        if not self._base:
            raise QueueUnavailableError("the server has not answered a poll yet")
        return self._base

    async def aclose(self) -> None:
        """Close the connections."""
        await self._carrier.aclose()
