"""Calls over HTTP, bounded in time."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.conductor.carrier import Answer

CONNECT_S = 5.0


class HttpCarrier:
    """Connections to one server; made at the first call.

    The environment's proxies are used, as the published clients do; redirects are not followed.

    Args:
        api_url: Address of the API.
        headers: Sent with every request.
    """

    def __init__(self, api_url: str, headers: Mapping[str, str]) -> None:
        self._api_url = api_url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **headers}
        self._session: aiohttp.ClientSession | None = None

    async def carry(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        """Make one call; see `Carrier`."""
        try:
            async with self._opened().request(
                method,
                self._api_url + path,
                params=query,
                data=body,
                timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s)),
                allow_redirects=False,
            ) as response:
                content = await response.read()
                return Answer(response.status, content, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a time-out is an OSError
            raise QueueUnavailableError(f"{method} {path}: {type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # As many connections as there are calls: how many there are is bounded by the worker's slots.
            self._session = aiohttp.ClientSession(
                headers=self._headers, connector=aiohttp.TCPConnector(limit=0), trust_env=True
            )
        return self._session
