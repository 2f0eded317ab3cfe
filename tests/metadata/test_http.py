"""Calls to a service that does not behave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cloud_tasks.metadata.http import BODY_SIZE_BYTES_MAX, MetadataHttp, UnreachableError


async def redirect(_: web.Request) -> web.Response:
    raise web.HTTPFound("/other")


async def huge(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * (BODY_SIZE_BYTES_MAX + 1))


async def garbage(_: web.Request) -> web.Response:
    return web.Response(body=b"\xff\x00ok")


async def never(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.fixture
async def http() -> AsyncIterator[MetadataHttp]:
    app = web.Application()
    for handler in (redirect, huge, garbage, never, cut):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one = MetadataHttp(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    yield one
    await one.aclose()
    await runner.cleanup()


async def test_a_redirect_is_an_answer_and_not_followed(http: MetadataHttp) -> None:
    assert (await http.call("GET", "/redirect", timeout_s=30.0)).status == 302


async def test_what_is_no_text_is_read_as_well_as_may_be(http: MetadataHttp) -> None:
    assert (await http.call("GET", "/garbage", timeout_s=30.0)).text == "\ufffd\x00ok"


@pytest.mark.parametrize("path", ["/huge", "/cut"])
async def test_an_answer_that_is_too_large_or_not_whole_is_none(http: MetadataHttp, path: str) -> None:
    with pytest.raises(UnreachableError):
        await http.call("GET", path, timeout_s=30.0)


async def test_who_does_not_answer_in_time_is_given_up(http: MetadataHttp) -> None:
    with pytest.raises(UnreachableError, match="GET /never"):
        await http.call("GET", "/never", timeout_s=0.1)


async def test_a_header_that_no_request_may_have_is_a_failure_of_the_service(http: MetadataHttp) -> None:
    """A token comes from the service, and goes back into a header."""
    with pytest.raises(UnreachableError):
        await http.call("GET", "/garbage", timeout_s=30.0, headers={"X-Token": "a\r\nB: c"})
