"""Redis at a socket in the file system: the worker's queues, its events, and the address of a transport."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_tasks.cli.event_line import read_event
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.transports import open_transport
from cloud_tasks.core.task import Outcome, OutcomeKind, Task
from cloud_tasks.tasks import Config, EventsConfig, RedisConfig
from tests.e2e import guide_app as app
from tests.e2e.programs import wait_until
from tests.e2e.workers import Site
from tests.services.redis import RedisServer

CHANNEL = "socket-events"


@pytest.fixture(scope="module")
def socket_url() -> Iterator[str]:
    """The address of a Redis by its socket; the path is short, for the system allows about 100 characters."""
    with tempfile.TemporaryDirectory(prefix="r-") as directory:
        path = f"{directory}/r.sock"
        server = RedisServer(Path(directory) / "server", os.getpid(), options=("--unixsocket", path))
        server.start()
        yield f"unix://{path}"
        server.remove()


def test_a_worker_runs_a_task_and_tells_of_it(socket_url: str, tmp_path: Path) -> None:
    config = Config(
        driver="redis",
        redis=RedisConfig(url=socket_url),
        events=EventsConfig(enable_event_emitter_redis=True, channel=CHANNEL),
    )
    options = ("--redis-url", socket_url, "--events-channel", CHANNEL)
    log = tmp_path / "monitor.log"
    with Site(tmp_path, config, "--driver", "redis", *options).open() as site, log.open("w") as out:
        monitor = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", "monitor", "--json", *options],
            cwd=tmp_path,
            env=site.environ,
            stdout=out,
            stderr=out,
        )
        try:
            wait_until(lambda: "listening" in log.read_text() or monitor.poll() is not None)

            async def work() -> None:
                await app.remember.dispatch(str(site.file), "hello")

            site.dispatch(work)
            worker = site.worker("--events-enable-event-emitter-redis")
            assert site.wait_for(1) == ["hello"]
            site.wait_for_depth("default", visible=0, in_flight=0)
            assert site.end(worker) == 0, site.log()
            wait_until(lambda: "worker_offline" in log.read_text() or monitor.poll() is not None)
        finally:
            monitor.send_signal(signal.SIGINT)
            monitor.wait(20)
    events = [line for line in log.read_text().splitlines() if line.startswith("{")]
    kinds = {str(read_event(line.encode())["event_type"]) for line in events}
    assert {"task_enqueued", "worker_online", "task_completed", "worker_offline"} <= kinds, log.read_text()


async def test_a_transport_at_a_socket(socket_url: str) -> None:
    driver = open_transport(f"{socket_url}?db=2&key_prefix=p", SystemClock())
    await driver.connect()
    await driver.sender("foo").send(Task("a", {}))
    queue = driver.tasks("foo", 30.0)
    (lease,) = await queue.receive(1, 5.0)
    await queue.ack(lease, Outcome(OutcomeKind.COMPLETED))
    await driver.disconnect()
    assert lease.task.task_id == "a"
