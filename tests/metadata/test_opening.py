"""Which metadata a worker gets, and what is said when it cannot get them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import InstanceIdentity, InstanceMetadata, TerminationNotice
from cloud_tasks.metadata import open_metadata
from cloud_tasks.metadata.http import MetadataHttp
from cloud_tasks.metadata.static import StaticMetadata
from fakes.clock import VirtualClock
from fakes.metadata.server import MetadataServer

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def opened(provider: str | None, **environ: str) -> AsyncIterator[InstanceMetadata]:
    metadata = open_metadata(provider, hostname="some-host", clock=VirtualClock(), environ=environ)
    yield metadata
    await metadata.aclose()


async def test_off_the_clouds_nobody_is_asked() -> None:
    async with opened(None) as metadata:
        assert isinstance(metadata, StaticMetadata)
        assert await metadata.identity() == InstanceIdentity("", "some-host")


@pytest.mark.parametrize(
    ("provider", "variable", "scheme", "name"),
    [
        ("AWS", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://", "i-0123456789abcdef0"),
        ("AWS", "AWS_EC2_METADATA_SERVICE_ENDPOINT", " http://", "i-0123456789abcdef0"),
        ("GCP", "GCE_METADATA_HOST", "", "worker-1"),
        ("AZURE", "AZURE_METADATA_SERVICE_ENDPOINT", "http://", "worker-1"),
    ],
)
async def test_the_service_is_where_the_providers_variable_says(
    provider: str, variable: str, scheme: str, name: str
) -> None:
    async with MetadataServer(VirtualClock()) as server:
        environ = {variable: f"{scheme}127.0.0.1:{server.port}"}
        async with opened(provider, **environ) as metadata:
            assert await metadata.identity() == InstanceIdentity(provider, name)


@pytest.mark.parametrize("word", ["true", "True", " TRUE "])
async def test_the_service_of_aws_can_be_disabled(word: str) -> None:
    async with opened("AWS", AWS_EC2_METADATA_DISABLED=word) as metadata:
        assert isinstance(metadata, StaticMetadata)
        assert await metadata.identity() == InstanceIdentity("AWS", "some-host")


async def test_a_simulated_notice_takes_the_place_of_the_providers() -> None:
    clock = VirtualClock()
    metadata = open_metadata(
        "AWS", hostname="here", clock=clock, environ={}, simulate_after_s=0.0, simulate_delay_s=7.0
    )
    assert await metadata.wait_termination_notice() == TerminationNotice("spot", 7.0)
    await metadata.aclose()


@pytest.mark.parametrize(
    ("provider", "variable", "value"),
    [
        ("AWS", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254"),
        ("AWS", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ftp://169.254.169.254"),
        ("AWS", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://host:port"),
        ("AWS", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[::1"),
        ("AWS", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://host/latest"),
        ("GCP", "GCE_METADATA_HOST", "http://metadata"),
        ("AZURE", "AZURE_METADATA_SERVICE_ENDPOINT", "http://"),
    ],
)
def test_a_variable_without_an_address_is_named(provider: str, variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_metadata(provider, hostname="here", clock=VirtualClock(), environ={variable: value})
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"{variable}: expected an address such as ")
    assert value in problem.message


def test_input_13_a_missing_library_is_named_with_the_extra_that_brings_it() -> None:
    program = """
import sys
sys.modules["aiohttp"] = None
from cloud_tasks.clock import SystemClock
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.metadata import open_metadata
for provider in (None, "AWS", "GCP", "AZURE"):
    try:
        open_metadata(provider, hostname="here", clock=SystemClock(), environ={})
    except ConfigurationError as error:
        print(render(error.problems))
"""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stdout.splitlines()
    for provider, extra in (("AWS", "sqs"), ("GCP", "pubsub"), ("AZURE", "azure")):
        at = lines.index(
            f"error: the metadata service of {provider} needs the package aiohttp, which is not installed"
        )
        assert lines[at + 1] == f" help: pip install 'cloud-tasks[{extra}]'"


def test_nothing_heavy_is_imported_before_a_service_is_opened() -> None:
    program = (
        "import sys, cloud_tasks.metadata; sys.exit(any(m in sys.modules for m in ('aiohttp', 'email')))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0


async def test_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        async with MetadataServer(VirtualClock()) as server:
            http = MetadataHttp(server.url)
            reply = await http.call("GET", "/metadata/instance", timeout_s=10.0)
            await http.aclose()
    assert reply.status == 400, "the service itself has answered"
