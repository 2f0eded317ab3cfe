"""The scheduled events of Azure: they cover a whole placement group, and few of them are ours."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from cloud_tasks.interfaces import Advisory, Clock
from cloud_tasks.metadata.dates import seconds_until, utc_of
from cloud_tasks.metadata.http import MetadataHttp, UnreachableError
from cloud_tasks.metadata.service import Look, MetadataService

POLL_S = 1.0
"""How often Azure advises to look."""
CALL_S = 5.0
FIRST_CALL_S = 150.0
"""The first call switches the service on for this machine, which may take two minutes."""

_EVENTS = "/metadata/scheduledevents"
_EVENTS_VERSION = {"api-version": "2020-07-01"}
_COMPUTE = "/metadata/instance/compute"
_COMPUTE_VERSION = {"api-version": "2021-02-01", "format": "json"}
_HEADERS = {"Metadata": "true"}
_OK = 200
_PREEMPT = "Preempt"


class _ScheduledEvent(Struct, frozen=True, rename="pascal"):
    event_id: str = ""
    event_type: str = ""
    event_status: str = ""
    not_before: str = ""
    description: str = ""
    resources: tuple[str, ...] = ()


class _Document(Struct, frozen=True, rename="pascal"):
    events: tuple[_ScheduledEvent, ...]


class _Compute(Struct, frozen=True):
    name: str


class AzureMetadata(MetadataService):
    """What a machine of Azure can be asked.

    Nothing is approved unless `approve` is called: an approval ends the machine at once, and with it the time
    that the tasks were given.

    Args:
        http: The connections.
        clock: Time.
        hostname: What the machine is called while the service does not say.
        poll_s: Seconds from one look to the next.
        call_s: How long a call may take.
        first_call_s: How long the first call may take.
    """

    provider = "AZURE"

    def __init__(
        self,
        http: MetadataHttp,
        clock: Clock,
        hostname: str,
        *,
        poll_s: float = POLL_S,
        call_s: float = CALL_S,
        first_call_s: float = FIRST_CALL_S,
    ) -> None:
        super().__init__(http, clock, hostname)
        self._poll_s = poll_s
        self._call_s = call_s
        self._events_call_s = first_call_s
        self._preempting = ""

    async def approve(self) -> None:
        """Let Azure go ahead with the preemption that was announced, instead of waiting for its time.

        Does nothing where none was announced.

        Raises:
            UnreachableError: The service did not take it.
        """
        if not self._preempting:
            return
        body = json.dumps({"StartRequests": [{"EventId": self._preempting}]}).encode()
        await self._call("POST", _EVENTS, _EVENTS_VERSION, self._call_s, body)

    async def _ask_name(self) -> str:
        text = await self._call("GET", _COMPUTE, _COMPUTE_VERSION, self._call_s)
        return msgspec.json.decode(text, type=_Compute).name

    def _looks(self) -> Sequence[Look]:
        return (self._look_for_events,)

    async def _look_for_events(self) -> float:
        text = await self._call("GET", _EVENTS, _EVENTS_VERSION, self._events_call_s)
        self._events_call_s = self._call_s
        events = msgspec.json.decode(text, type=_Document).events
        name = (await self._known_name()) if events else ""
        if name is None:
            raise UnreachableError("there are events, and nobody says what this machine is called")
        self._take([event for event in events if _concerns(event, name)])
        return self._poll_s

    def _take(self, events: Sequence[_ScheduledEvent]) -> None:
        """Take note of all the events of this machine."""
        for event in events:
            if event.event_type == _PREEMPT:
                self._preempting = event.event_id
                # One that has started tells no time: it is now.
                in_s = seconds_until(event.not_before, self._clock.utc_now()) if event.not_before else 0.0
                self._findings.note("spot", in_s)
        others = [event for event in events if event.event_type != _PREEMPT]
        self._findings.advise("events", {f"{e.event_id} {e.event_status}": _advisory(e) for e in others})

    async def _call(
        self, method: str, path: str, query: dict[str, str], timeout_s: float, body: bytes | None = None
    ) -> str:
        reply = await self._http.call(
            method, path, headers=_HEADERS, query=query, timeout_s=timeout_s, body=body
        )
        if reply.status != _OK:
            raise UnreachableError(f"{method} {path}: status {reply.status}")
        return reply.text


def _concerns(event: _ScheduledEvent, name: str) -> bool:
    """Whether a machine is among those that an event is about; Azure does not tell names by their case."""
    return name.casefold() in (resource.casefold() for resource in event.resources)


def _advisory(event: _ScheduledEvent) -> Advisory:
    return Advisory(
        kind="maintenance",
        code=event.event_type,
        event_id=event.event_id,
        state=event.event_status,
        description=event.description,
        not_before=utc_of(event.not_before),
    )
