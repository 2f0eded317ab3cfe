"""Fetches a task file over https, bounded in bytes and time, and from allowed addresses alone.

The host's name is resolved once for each hop. Every address that it has must be allowed, and the connection
goes to one of those very addresses, so that a name that answers differently the next time gains nothing.
Proxies are not used, because they would do the resolving.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import IO
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from cloud_tasks.errors import Problem, TaskFileError
from cloud_tasks.task_file.addresses import RemoteRules, redacted
from cloud_tasks.task_file.limits import Limits
from cloud_tasks.task_file.local_source import OpenedFile

_REDIRECTS_MAX = 5
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_QUIET_S_MAX = 60.0
_CHUNK_BYTES = 256 * 1024
_HTTPS_PORT = 443


class _FetchError(Exception):
    """Why a file cannot be fetched, and a way to mend it."""

    def __init__(self, reason: str, *helps: str) -> None:
        self.helps = helps
        super().__init__(reason)


def fetch_https(url: str, limits: Limits, rules: RemoteRules) -> OpenedFile:
    """Download a file into an unnamed temporary file.

    Raises:
        TaskFileError: It cannot be fetched; the message names the URL without its secrets.
    """
    name = redacted(url)
    try:
        with tempfile.TemporaryFile() as file:
            _Download(url, limits, rules).into(file)
            file.flush()
            suffix = PurePosixPath(urlsplit(url).path).suffix
            return OpenedFile(os.dup(file.fileno()), name, suffix)
    except _FetchError as error:
        problem = Problem(f"cannot fetch `{name}`: {error}", helps=error.helps)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        problem = Problem(f"cannot fetch `{name}`: {reason}")
    raise TaskFileError(problem)


class _Download:
    """One file, over as many redirects as it takes."""

    def __init__(self, url: str, limits: Limits, rules: RemoteRules) -> None:
        self._url = url
        self._limits = limits
        self._rules = rules
        self._end = time.monotonic() + limits.download_s_max
        self._timed_out = False

    def into(self, file: IO[bytes]) -> None:
        """Write the file's content to `file`."""
        url, credentials = self._url, _credentials(self._url)
        for _ in range(_REDIRECTS_MAX + 1):
            parts = _https_parts(url)
            with self._response(parts, credentials) as response:
                if response.status not in _REDIRECTIONS:
                    self._save(response, file)
                    return
                location = response.headers.get("Location")
            if not location:
                raise _FetchError(f"{redacted(url)} redirects, but does not say where to")
            target = urljoin(url, location)
            if urlsplit(target).netloc.rpartition("@")[2] != parts.netloc.rpartition("@")[2]:
                credentials = None
            url = target
        raise _FetchError(f"more than {_REDIRECTS_MAX} redirects")

    @contextlib.contextmanager
    def _response(self, parts: SplitResult, credentials: str | None) -> Iterator[http.client.HTTPResponse]:
        """The answer to one request; the connection is cut when the time is over."""
        host, port = str(parts.hostname), parts.port or _HTTPS_PORT
        addresses = self._allowed_addresses(host, port)
        plain = self._connected(addresses, port)
        timer = threading.Timer(max(self._end - time.monotonic(), 0), self._cut, [plain])
        timer.daemon = True
        timer.start()
        connection = http.client.HTTPSConnection(host, port)
        try:
            tls = self._rules.tls or ssl.create_default_context()
            connection.sock = tls.wrap_socket(plain, server_hostname=host)
            connection.request("GET", _target(parts), headers=_headers(credentials))
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            if self._timed_out:
                raise self._too_slow() from error
            raise
        finally:
            timer.cancel()
            connection.close()
            plain.close()

    def _allowed_addresses(self, host: str, port: int) -> list[str]:
        """Every address of the host, if a connection to each of them is allowed."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise _FetchError(f"the host `{host}` is not known ({error})") from None
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        for address in addresses:
            if not self._rules.address_allowed(ip_address(address.partition("%")[0])):
                raise _FetchError(
                    f"`{host}` has the address {address}, which is not a public one",
                    "task files are fetched from public addresses alone; copy the file to this machine",
                )
        return addresses

    def _connected(self, addresses: list[str], port: int) -> socket.socket:
        """A connection to the first address that takes one."""
        failure: OSError | None = None
        for address in addresses:
            left_s = self._end - time.monotonic()
            if left_s <= 0:
                raise self._too_slow()
            try:
                return socket.create_connection((address, port), min(left_s, _QUIET_S_MAX))
            except OSError as error:
                failure = error
        raise _FetchError(f"no connection to {', '.join(addresses)}: {failure}")

    def _save(self, response: http.client.HTTPResponse, file: IO[bytes]) -> None:
        if response.status != http.HTTPStatus.OK:
            raise _FetchError(
                f"the server says {response.status} {response.reason}", *_helps(response.status)
            )
        size_max = self._limits.download_size_bytes_max
        expected, size = response.length, 0
        if expected is not None and expected > size_max:
            raise self._too_large()
        while size <= size_max and (data := response.read(_CHUNK_BYTES)):
            size += len(data)
            file.write(data)
            if time.monotonic() > self._end:
                raise self._too_slow()
        if size > size_max:
            raise self._too_large()
        if self._timed_out:
            raise self._too_slow()
        if expected is not None and size != expected:
            raise _FetchError(f"the connection ended after {size:,} of {expected:,} bytes", "try again")

    def _cut(self, connection: socket.socket) -> None:
        self._timed_out = True
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _too_large(self) -> _FetchError:
        return _FetchError(f"it is larger than the limit of {self._limits.download_size_bytes_max:,} bytes")

    def _too_slow(self) -> _FetchError:
        return _FetchError(f"it took longer than {self._limits.download_s_max:g} seconds")


def _https_parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise _FetchError(f"it redirects to {redacted(url)}, which is not https")
    if not parts.hostname:
        raise _FetchError("the URL names no host")
    return parts


def _target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    return f"{path}?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else path


def _credentials(url: str) -> str | None:
    """What the URL says before the host, as the value of a header."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _headers(credentials: str | None) -> dict[str, str]:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
    return headers if credentials is None else {**headers, "Authorization": credentials}


def _helps(status: int) -> tuple[str, ...]:
    if status in {401, 403}:
        return (
            "the URL needs credentials or a fresh signature: https://user:password@host/..., or a signed URL",
        )
    return ()
