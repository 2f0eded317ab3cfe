"""The instance metadata service of AWS, version 2 only: version 1 is never asked, not even in need."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from cloud_tasks.interfaces import Advisory, Clock
from cloud_tasks.metadata.dates import seconds_until, utc_of
from cloud_tasks.metadata.http import MetadataHttp, Reply, UnreachableError
from cloud_tasks.metadata.service import Look, MetadataService

POLL_S = 5.0
"""How often AWS advises to look."""
CALL_S = 2.0
TOKEN_TTL_S_MAX = 21_600

_TOKEN = "/latest/api/token"  # noqa: S105 - a path
_TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105 - the name of a header
_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
_META_DATA = "/latest/meta-data"
_RENEWAL_S = 300.0
_OK, _UNAUTHORIZED, _NOT_FOUND = 200, 401, 404


class AwsMetadata(MetadataService):
    """What a machine of AWS can be asked.

    Args:
        http: The connections.
        clock: Time.
        hostname: What the machine is called while the service does not say.
        poll_s: Seconds from one look to the next.
        call_s: How long a call may take.
        token_ttl_s: How long a token is asked for, 1 to 21600 s.
    """

    provider = "AWS"

    def __init__(
        self,
        http: MetadataHttp,
        clock: Clock,
        hostname: str,
        *,
        poll_s: float = POLL_S,
        call_s: float = CALL_S,
        token_ttl_s: int = TOKEN_TTL_S_MAX,
    ) -> None:
        super().__init__(http, clock, hostname)
        self._poll_s = poll_s
        self._call_s = call_s
        self._token = _Token(http, clock, call_s, token_ttl_s)

    async def _ask_name(self) -> str:
        name = await self._get("/instance-id")
        if not name:
            raise UnreachableError("no instance id")
        return name

    def _looks(self) -> Sequence[Look]:
        return (self._look_for_notice, self._look_for_advisories)

    async def _look_for_notice(self) -> float:
        text = await self._get("/spot/instance-action")
        if text is not None:
            when = json.loads(text).get("time", "")
            self._findings.note("spot", seconds_until(str(when), self._clock.utc_now()))
        return self._poll_s

    async def _look_for_advisories(self) -> float:
        text = await self._get("/events/recommendations/rebalance")
        if text is not None:
            moment = str(json.loads(text).get("noticeTime", ""))
            self._findings.advise(
                "rebalance", {moment: Advisory(kind="rebalance", noticed_at=utc_of(moment))}
            )
        self._findings.advise("maintenance", _maintenance(await self._get("/events/maintenance/scheduled")))
        return self._poll_s

    async def _get(self, path: str) -> str | None:
        """What stands at a path; None where nothing does."""
        token = await self._token.current()
        reply = await self._get_with(token, path)
        if reply.status == _UNAUTHORIZED:
            reply = await self._get_with(await self._token.other_than(token), path)
        if reply.status == _NOT_FOUND:
            return None
        if reply.status != _OK:
            raise UnreachableError(f"GET {path}: status {reply.status}")
        return reply.text

    async def _get_with(self, token: str, path: str) -> Reply:
        return await self._http.call(
            "GET", _META_DATA + path, headers={_TOKEN_HEADER: token}, timeout_s=self._call_s
        )


class _Token:
    """A token that is never used after its end; who needs a new one at the same time shares it."""

    def __init__(self, http: MetadataHttp, clock: Clock, call_s: float, ttl_s: int) -> None:
        self._http = http
        self._clock = clock
        self._call_s = call_s
        self._ttl_s = ttl_s
        self._token = ""
        self._renew_at = float("-inf")
        self._renewing = asyncio.Lock()

    async def current(self) -> str:
        """A token that lasts for the next call."""
        async with self._renewing:
            if self._clock.monotonic() >= self._renew_at:
                await self._renew()
            return self._token

    async def other_than(self, refused: str) -> str:
        """A token in the place of one that was refused."""
        async with self._renewing:
            if self._token == refused:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        asked_at = self._clock.monotonic()
        headers = {_TTL_HEADER: str(self._ttl_s)}
        reply = await self._http.call("PUT", _TOKEN, headers=headers, timeout_s=self._call_s)
        if reply.status != _OK or not reply.text:
            raise UnreachableError(f"PUT {_TOKEN}: status {reply.status}")
        ttl_s = float(reply.headers.get(_TTL_HEADER, self._ttl_s))
        self._token = reply.text
        self._renew_at = asked_at + ttl_s - min(_RENEWAL_S, ttl_s / 10)


def _maintenance(text: str | None) -> dict[str, Advisory]:
    """The events in a list of scheduled maintenance, by what tells one state of one from another."""
    found: dict[str, Advisory] = {}
    for event in json.loads(text) if text else []:
        event_id, state = str(event.get("EventId", "")), str(event.get("State", ""))
        found[f"{event_id} {state}"] = Advisory(
            kind="maintenance",
            code=str(event.get("Code", "")),
            event_id=event_id,
            state=state,
            description=str(event.get("Description", "")),
            not_before=utc_of(str(event.get("NotBefore", ""))),
            not_after=utc_of(str(event.get("NotAfter", ""))),
        )
    return found
