"""Getting to Pub/Sub: credentials that are renewed, and a connection that comes back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud_tasks.clock import SystemClock
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.queues.pubsub.connection import connect
from cloud_tasks.queues.pubsub.pulling import Puller
from cloud_tasks.queues.pubsub.settings import PubSubSettings
from tests.queues.pubsub.scripted import ScriptedServer, gives
from tests.queues.pubsub.test_leases import pulled


class TokenServer:
    """Gives tokens as Google's token endpoint does."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        self.address = ""

    async def token(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.status != 200:
            return web.json_response(
                {"error": "invalid_grant", "error_description": "gone"}, status=self.status
            )
        return web.json_response({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})


@pytest_asyncio.fixture
async def tokens() -> AsyncIterator[TokenServer]:
    server = TokenServer()
    app = web.Application()
    app.router.add_post("/token", server.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.address = f"http://{host}:{port}/token"
    yield server
    await runner.cleanup()


def key_file(directory: Path, token_uri: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    path = directory / "key.json"
    information = {
        "type": "service_account",
        "project_id": "of-the-key",
        "private_key_id": "1",
        "private_key": text,
        "client_email": "worker@of-the-key.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(information))
    return str(path)


@pytest.fixture(autouse=True)
def _no_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)


class TestCredentials:
    async def test_a_key_is_tried_before_it_is_used_and_names_the_project(
        self, tokens: TokenServer, tmp_path: Path
    ) -> None:
        path = key_file(tmp_path, tokens.address)
        connection = await connect(PubSubSettings(task_queue="jobs", credentials_file=path))
        assert tokens.asked == 1
        assert connection.project_id == "of-the-key"
        await connection.aclose()

    async def test_a_key_that_is_refused_is_told_as_that(self, tokens: TokenServer, tmp_path: Path) -> None:
        tokens.status = 400
        path = key_file(tmp_path, tokens.address)
        with pytest.raises(ConfigurationError) as caught:
            await connect(PubSubSettings(task_queue="jobs", credentials_file=path))
        text = render(caught.value.problems)
        assert "credentials are not accepted" in text
        assert f"the file {path}" in text
        assert "PRIVATE KEY" not in text

    async def test_nobody_who_could_accept_the_key(self, tmp_path: Path, unused_tcp_port: int) -> None:
        path = key_file(tmp_path, f"http://127.0.0.1:{unused_tcp_port}/token")
        with pytest.raises(QueueUnavailableError, match="nobody answered"):
            await connect(PubSubSettings(task_queue="jobs", credentials_file=path))


async def test_f7_the_connection_comes_back_after_an_outage(unused_tcp_port: int) -> None:
    address = f"127.0.0.1:{unused_tcp_port}"
    connection = await connect(PubSubSettings(project_id="p", task_queue="jobs", emulator_host=address))
    puller = Puller(connection.calls, "s", SystemClock())
    for _ in range(3):
        with pytest.raises(QueueUnavailableError, match="UNAVAILABLE"):
            await puller.pull(1, 1.0)
    script = ScriptedServer()
    script.script("Pull", gives(pulled("a")))
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((script,))
    server.add_insecure_port(address)
    await server.start()
    clock = SystemClock()
    until = clock.monotonic() + 30.0
    received = 0
    while not received and clock.monotonic() < until:
        try:
            received = len(await puller.pull(1, 1.0))
        except QueueUnavailableError:
            await clock.sleep_until(clock.monotonic() + 0.1)
    assert received == 1
    await connection.aclose()
    await server.stop(0)
