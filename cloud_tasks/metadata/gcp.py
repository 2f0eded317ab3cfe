"""The metadata server of GCP: it is not polled, it answers when something changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cloud_tasks.interfaces import Advisory, Clock
from cloud_tasks.metadata.http import MetadataHttp, Reply, UnreachableError
from cloud_tasks.metadata.service import Look, MetadataService

NOTICE_S = 30.0
"""From the notice to the end of a spot machine; GCP tells no time."""
CHANGE_S = 20.0
"""How long a call waits for a change; a connection that broke unnoticed costs no more than that."""
CALL_S = 2.0
CALM_S = 1.0
"""An answer that tells nothing new within this time came too soon: the next call is made to wait for it."""

_INSTANCE = "/computeMetadata/v1/instance/"
_FLAVOR = "Metadata-Flavor"
_OK = 200


class _Seen(NamedTuple):
    """A value and its tag."""

    value: str
    etag: str


class GcpMetadata(MetadataService):
    """What a machine of GCP can be asked.

    Args:
        http: The connections.
        clock: Time.
        hostname: What the machine is called while the service does not say.
        change_s: How long a call waits for a change; whole seconds.
        call_s: How long a call may take beyond that.
    """

    provider = "GCP"

    def __init__(
        self,
        http: MetadataHttp,
        clock: Clock,
        hostname: str,
        *,
        change_s: float = CHANGE_S,
        call_s: float = CALL_S,
    ) -> None:
        super().__init__(http, clock, hostname)
        self._change_s = change_s
        self._call_s = call_s
        self._seen: dict[str, _Seen] = {}

    async def _ask_name(self) -> str:
        return (await self._get("name", {}, self._call_s)).text.strip()

    def _looks(self) -> Sequence[Look]:
        return (self._look_for_notice, self._look_for_maintenance)

    async def _look_for_notice(self) -> float:
        value, pause_s = await self._next_value("preempted")
        if value == "TRUE":
            self._findings.note("spot", NOTICE_S)
        return pause_s

    async def _look_for_maintenance(self) -> float:
        code, pause_s = await self._next_value("maintenance-event")
        present = {} if code == "NONE" else {code: Advisory(kind="maintenance", code=code)}
        self._findings.advise("maintenance", present)
        return pause_s

    async def _next_value(self, name: str) -> tuple[str, float]:
        """The value at once for the first time, then when it has changed or the time is up; and a pause."""
        began, before = self._clock.monotonic(), self._seen.get(name)
        if before is None:
            reply = await self._get(name, {}, self._call_s)
        else:
            reply = await self._changed(name, before.etag)
        seen = self._seen[name] = _Seen(reply.text.strip(), reply.headers.get("ETag", "0"))
        if before is None or seen.value != before.value:
            return seen.value, 0.0
        return seen.value, max(0.0, began + CALM_S - self._clock.monotonic())

    async def _changed(self, name: str, etag: str) -> Reply:
        query = {"wait_for_change": "true", "timeout_sec": f"{self._change_s:.0f}", "last_etag": etag}
        return await self._get(name, query, self._change_s + self._call_s)

    async def _get(self, name: str, query: dict[str, str], timeout_s: float) -> Reply:
        reply = await self._http.call(
            "GET", _INSTANCE + name, headers={_FLAVOR: "Google"}, query=query, timeout_s=timeout_s
        )
        if reply.status != _OK:
            raise UnreachableError(f"GET {name}: status {reply.status}")
        if reply.headers.get(_FLAVOR) != "Google":
            raise UnreachableError(f"GET {name}: answered by something else than a metadata server")
        return reply
