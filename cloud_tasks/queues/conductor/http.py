"""Calls to the server: JSON over HTTP, bounded in time; what went wrong as an error that says what to do."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from cloud_tasks.errors import LeaseLostError, NotYetError, QueueError, QueueUnavailableError

CONNECT_S = 5.0
TEXT_CHARACTERS_MAX = 500
_OK, _NO_CONTENT, _NOT_FOUND, _TOO_MANY = 200, 204, 404, 429
_WITHOUT_FAULT = frozenset((401, 403, 407, 408, 425, _TOO_MANY))
"""Refusals that may pass: credentials that are renewed, load."""
_SERVER_ERROR = 500


class RefusedError(QueueError):
    """The server understood, and will never do it."""


class NotThereError(LeaseLostError):
    """The server knows nothing of that name."""


class ConductorHttp:
    """Connections to one server; made at the first call.

    Args:
        api_url: Address of the API.
        headers: Sent with every request.
    """

    def __init__(self, api_url: str, headers: Mapping[str, str]) -> None:
        self._api_url = api_url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **headers}
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        timeout_s: float,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> bytes:
        """Make one call; returns the body, b"" if there is none.

        Raises:
            QueueUnavailableError: It may be done later; nobody knows whether it was done.
            NotThereError: There is nothing of that name.
            RefusedError: It will never be done.
        """
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
                if response.status == _OK:
                    return content
                if response.status == _NO_CONTENT:
                    return b""
                raise _error_of(f"{method} {path}", response, content)
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
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=0),
                auto_decompress=True,
                trust_env=True,
            )
        return self._session


def _error_of(what: str, response: aiohttp.ClientResponse, content: bytes) -> QueueError:
    text = content.decode(errors="replace").strip()[:TEXT_CHARACTERS_MAX]
    message = f"{what}: HTTP {response.status}" + (f": {text}" if text else "")
    if response.status == _NOT_FOUND:
        return NotThereError(message)
    if response.status == _TOO_MANY and response.headers.get("Retry-After", "").isdecimal():
        return NotYetError(message, float(response.headers["Retry-After"]))
    if response.status >= _SERVER_ERROR or response.status in _WITHOUT_FAULT:
        return QueueUnavailableError(message)
    return RefusedError(message)
