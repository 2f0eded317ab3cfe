"""The metadata server of GCP."""

from __future__ import annotations

import asyncio
import hashlib
import math

from cloud_tasks.interfaces import Clock
from fakes.metadata.steps import CancelNotice, EndMaintenance, Maintenance, Notice, Step
from fakes.metadata.wire import Answer, Instance, Request

PREFIX = "/computeMetadata/"
FLAVOR = "Metadata-Flavor"

_INSTANCE = "/computeMetadata/v1/instance/"
_DIGITS_MAX = 18
"""Of a time-out: what has more does not fit into 64 bits."""
_PROJECT_NUMBER = "739419398126"


class GcpService:
    """Values with tags, which can be waited for."""

    def __init__(self, instance: Instance, clock: Clock) -> None:
        self._clock = clock
        self._values = {
            "id": instance.number,
            "name": instance.name,
            "zone": f"projects/{_PROJECT_NUMBER}/zones/{instance.zone}",
            "preempted": "FALSE",
            "maintenance-event": "NONE",
        }
        self._versions = dict.fromkeys(self._values, 0)
        self._changed = asyncio.Event()

    def apply(self, step: Step) -> None:
        """Something happens."""
        match step:
            case Notice():
                self._set("preempted", "TRUE")
            case CancelNotice():
                self._set("preempted", "FALSE")
            case Maintenance():
                self._set("maintenance-event", step.code or "TERMINATE_ON_HOST_MAINTENANCE")
            case EndMaintenance():
                self._set("maintenance-event", "NONE")
            case _:
                pass

    async def answer(self, request: Request) -> Answer:
        """Answer one request; one that waits for a change may take its time."""
        if request.headers.get(FLAVOR) != "Google":
            return _answer(403, f"Missing {FLAVOR}:Google header.")
        name = request.path.removeprefix(_INSTANCE)
        if name not in self._values or not request.path.startswith(_INSTANCE):
            return _answer(404, "not found")
        if request.method != "GET":
            return _answer(405, "method not allowed")
        if request.query.get("wait_for_change", "").lower() == "true":
            timeout = request.query.get("timeout_sec", "0")
            if not (timeout.isascii() and timeout.isdecimal() and len(timeout) <= _DIGITS_MAX):
                return _answer(400, "bad timeout_sec")
            # Without a time-out, and with one of 0, it waits as long as it takes.
            until = self._clock.monotonic() + int(timeout) if int(timeout) else math.inf
            await self._wait_for_change(name, request.query.get("last_etag") or self._etag(name), until)
        return _answer(200, self._values[name], {"ETag": self._etag(name)})

    def _set(self, name: str, value: str) -> None:
        if self._values[name] != value:
            self._values[name] = value
            self._versions[name] += 1
            self._changed.set()
            self._changed = asyncio.Event()

    def _etag(self, name: str) -> str:
        return hashlib.sha256(f"{name} {self._versions[name]}".encode()).hexdigest()[:16]

    async def _wait_for_change(self, name: str, last_etag: str, until: float) -> None:
        while self._etag(name) == last_etag and self._clock.monotonic() < until:
            change = asyncio.ensure_future(self._changed.wait())
            time_up = asyncio.ensure_future(self._clock.sleep_until(until))
            try:
                await asyncio.wait({change, time_up}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()
                time_up.cancel()


def _answer(status: int, text: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, text, "application/text", {FLAVOR: "Google", **(headers or {})})
