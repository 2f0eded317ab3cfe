"""The instance metadata service of Azure, as far as scheduled events need it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import msgspec
from msgspec import Struct

from cloud_tasks.interfaces import Clock
from fakes.metadata.steps import CancelNotice, EndMaintenance, Maintenance, Notice, Step
from fakes.metadata.wire import Answer, Instance, Request

PREFIX = "/metadata/"
NOTICE_S = 30.0

_EVENTS = "/metadata/scheduledevents"
_INSTANCE = "/metadata/instance"
_EVENTS_VERSIONS = (
    "2017-03-01",
    "2017-08-01",
    "2017-11-01",
    "2019-01-01",
    "2019-04-01",
    "2019-08-01",
    "2020-07-01",
)
_JSON = "application/json; charset=utf-8"
_PREEMPT = "Preempt"


class _Event(Struct, rename="pascal", kw_only=True):
    event_id: str
    event_status: str = "Scheduled"
    event_type: str
    resource_type: str = "VirtualMachine"
    resources: tuple[str, ...]
    not_before: str
    description: str
    event_source: str = "Platform"
    duration_in_seconds: int


class _StartRequest(Struct, rename="pascal"):
    event_id: str


class _Approval(Struct, rename="pascal"):
    start_requests: list[_StartRequest]


class AzureService:
    """One document of events; its incarnation counts its changes."""

    def __init__(self, instance: Instance, clock: Clock) -> None:
        self._instance = instance
        self._clock = clock
        self._incarnation = 1
        self._events: list[_Event] = []
        self._starts_at: dict[str, float] = {}
        self._events_given = 0

    def apply(self, step: Step) -> None:
        """Something happens."""
        self._start_those_due()
        match step:
            case Notice():
                ahead_s = NOTICE_S if step.ahead_s is None else step.ahead_s
                self._schedule(_PREEMPT, ahead_s, -1, "Spot machine is being evicted", step.resources)
            case CancelNotice():
                self._remove(lambda event: event.event_type == _PREEMPT)
            case Maintenance():
                code, text = (
                    step.code or "Reboot",
                    step.description or "Host server is undergoing maintenance.",
                )
                self._schedule(code, step.ahead_s, int(step.lasts_s), text, step.resources)
            case EndMaintenance():
                self._remove(lambda event: event.event_type != _PREEMPT)
            case _:
                pass

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.headers.get("Metadata", "").lower() != "true":
            return _bad("Bad request. Required metadata header not specified")
        if request.path == _EVENTS and request.method in ("GET", "POST"):
            return self._answer_events(request)
        if request.path in (_INSTANCE, f"{_INSTANCE}/compute") and request.method == "GET":
            return self._answer_instance(request)
        return Answer(404 if request.method in ("GET", "POST") else 405, "{}", _JSON)

    def _answer_events(self, request: Request) -> Answer:
        if request.query.get("api-version") not in _EVENTS_VERSIONS:
            return _bad("Bad request. api-version is invalid or was not specified in the request.")
        self._start_those_due()
        if request.method == "POST" and request.body.strip():
            return self._approve(request.body)
        document = {"DocumentIncarnation": self._incarnation, "Events": self._events}
        return Answer(200, msgspec.json.encode(document).decode(), _JSON)

    def _answer_instance(self, request: Request) -> Answer:
        if not request.query.get("api-version"):
            return _bad("Bad request. api-version was not specified in the request.")
        us = self._instance
        compute = {"name": us.name, "vmId": us.vm_id, "location": "westeurope", "priority": "Spot"}
        whole = {"compute": compute, "network": {"interface": []}}
        return Answer(200, json.dumps(whole if request.path == _INSTANCE else compute), _JSON)

    def _approve(self, body: bytes) -> Answer:
        try:
            wanted = msgspec.json.decode(body, type=_Approval).start_requests
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _bad("Bad request. The request body is malformed.")
        known = {event.event_id: event for event in self._events}
        if not wanted or any(start.event_id not in known for start in wanted):
            return _bad("Bad request. No such event.")
        for start in wanted:
            self._start(known[start.event_id])
        return Answer(200, "", _JSON)

    def _schedule(
        self, kind: str, ahead_s: float, lasts_s: int, text: str, resources: tuple[str, ...]
    ) -> None:
        self._events_given += 1
        self._incarnation += 1
        event_id = f"00000000-0000-4000-8000-{self._events_given:012X}"
        when = self._clock.utc_now() + timedelta(seconds=ahead_s)
        self._starts_at[event_id] = self._clock.monotonic() + ahead_s
        self._events.append(
            _Event(
                event_id=event_id,
                event_type=kind,
                resources=resources or (self._instance.name,),
                not_before=format_datetime(when, usegmt=True),
                description=text,
                duration_in_seconds=lasts_s,
            )
        )

    def _start_those_due(self) -> None:
        now = self._clock.monotonic()
        for event in self._events:
            if self._starts_at[event.event_id] <= now:
                self._start(event)

    def _start(self, event: _Event) -> None:
        if event.event_status == "Scheduled":
            event.event_status, event.not_before = "Started", ""
            self._incarnation += 1

    def _remove(self, concerns: Callable[[_Event], bool]) -> None:
        left = [event for event in self._events if not concerns(event)]
        if len(left) < len(self._events):
            self._events = left
            self._incarnation += 1


def _bad(text: str) -> Answer:
    return Answer(400, json.dumps({"error": text}), _JSON)
