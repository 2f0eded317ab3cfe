"""The instance metadata service of AWS, version 2."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from cloud_tasks.interfaces import Clock
from fakes.metadata.steps import (
    CancelNotice,
    EndMaintenance,
    ExpireTokens,
    Maintenance,
    Notice,
    Rebalance,
    Step,
)
from fakes.metadata.wire import Answer, Instance, Request

PREFIX = "/latest/"
NOTICE_S = 120.0
TTL_S_MAX = 21_600

_TOKEN = "/latest/api/token"  # noqa: S105 - a path
_TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105 - the name of a header
_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class AwsService:
    """Tokens, and what can be read with one. Times are fixed when something is announced."""

    def __init__(self, instance: Instance, clock: Clock) -> None:
        self._instance = instance
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._tokens_given = 0
        self._events_given = 0
        self._action: dict[str, str] | None = None
        self._rebalance: dict[str, str] | None = None
        self._maintenance: list[dict[str, str]] = []

    def apply(self, step: Step) -> None:
        """Something happens."""
        now = self._clock.utc_now()
        match step:
            case Notice():
                ahead_s = NOTICE_S if step.ahead_s is None else step.ahead_s
                self._action = {"action": step.action, "time": _iso(now + timedelta(seconds=ahead_s))}
            case CancelNotice():
                self._action = None
            case Rebalance():
                self._rebalance = {"noticeTime": _iso(now)}
            case Maintenance():
                self._maintenance.append(self._scheduled(step, now))
            case EndMaintenance():
                self._maintenance.clear()
            case ExpireTokens():
                self._tokens.clear()
            case _:
                pass

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path == _TOKEN:
            return self._give_token(request) if request.method == "PUT" else Answer(405)
        if request.method != "GET":
            return Answer(405)
        if not self._is_valid(request.headers.get(_TOKEN_HEADER, "")):
            return Answer(401, "Unauthorized")
        text = self._values().get(request.path.removeprefix("/latest/meta-data/"))
        return Answer(404, "Not Found") if text is None else Answer(200, text)

    def _give_token(self, request: Request) -> Answer:
        asked = request.headers.get(_TTL_HEADER, "")
        if not _is_ttl(asked):
            return Answer(400, "Bad Request")
        now = self._clock.monotonic()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        self._tokens_given += 1
        token = hashlib.sha256(f"token {self._tokens_given}".encode()).hexdigest()
        self._tokens[token] = now + int(asked)
        return Answer(200, token, headers={_TTL_HEADER: asked})

    def _is_valid(self, token: str) -> bool:
        return self._clock.monotonic() < self._tokens.get(token, float("-inf"))

    def _values(self) -> dict[str, str | None]:
        """What stands under each name; None where nothing does now."""
        action, rebalance = self._action, self._rebalance
        ends = action is not None and action["action"] == "terminate"
        return {
            "instance-id": self._instance.id,
            "spot/instance-action": None if action is None else json.dumps(action),
            "spot/termination-time": action["time"] if action is not None and ends else None,
            "events/recommendations/rebalance": None if rebalance is None else json.dumps(rebalance),
            "events/maintenance/scheduled": json.dumps(self._maintenance),
            "autoscaling/target-lifecycle-state": "InService" if action is None else "Terminated",
        }

    def _scheduled(self, step: Maintenance, now: datetime) -> dict[str, str]:
        self._events_given += 1
        begin = now + timedelta(seconds=step.ahead_s)
        return {
            "NotBefore": _dated(begin),
            "Code": step.code or "system-reboot",
            "Description": step.description or "scheduled reboot",
            "EventId": f"instance-event-{self._events_given:017x}",
            "NotAfter": _dated(begin + timedelta(seconds=step.lasts_s)),
            "State": "active",
        }


def _is_ttl(text: str) -> bool:
    digits = text.isascii() and text.isdecimal() and len(text) <= len(str(TTL_S_MAX))
    return digits and 1 <= int(text) <= TTL_S_MAX


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _dated(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"
