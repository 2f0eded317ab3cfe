"""Calls to a metadata service: small, plain HTTP, bounded in time and size, past any proxy."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from msgspec import Struct

from cloud_tasks.errors import CloudTasksError

CONNECT_S = 2.0
"""A metadata service is on the same machine or next to it: who does not answer by then is not there."""
BODY_SIZE_BYTES_MAX = 1_000_000


class UnreachableError(CloudTasksError):
    """A metadata service did not answer, or not as it should; it may do so later."""


class Reply(Struct, frozen=True):
    """What a metadata service answered.

    Attributes:
        status: The HTTP status.
        text: The body.
        headers: The headers; their names in any case.
    """

    status: int
    text: str
    headers: Mapping[str, str]


class MetadataHttp:
    """Connections to one metadata service; made at the first call, which is the first to need a loop.

    The environment's proxies are not used: the service is on a link of this machine alone, and its tokens are
    nobody else's business. Redirects are not followed, for the same reason.

    Args:
        base_url: Scheme, host and perhaps a port; no path.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Make one call.

        Raises:
            UnreachableError: There was no answer in time, or no whole one.
        """
        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s))
        try:
            async with self._opened().request(
                method,
                self._base_url + path,
                headers=headers,
                params=query,
                data=body,
                timeout=limits,
                allow_redirects=False,
            ) as response:
                text = (await _read(response)).decode(errors="replace")
                return Reply(response.status, text, response.headers)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a time-out is an OSError
            raise UnreachableError(f"{method} {path}: {type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        """Let go of the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_SIZE_BYTES_MAX:
            raise UnreachableError(f"an answer of more than {BODY_SIZE_BYTES_MAX} bytes")
    return bytes(body)
