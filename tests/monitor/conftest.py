from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_tasks.clock import SystemClock
from fakes.clock import VirtualClock
from fakes.event_queue import InMemoryEventQueue
from tests.monitor.console import Console
from tests.monitor.watching import Watch
from tests.sqs_servers import serving
from tests.task_db.jobs import make_job

NAMES = [f"t{number:02}" for number in range(25)]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def queue(clock: VirtualClock) -> InMemoryEventQueue:
    return InMemoryEventQueue(clock)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The database of a job of 25 tasks, all of them in the queue."""
    return make_job(tmp_path / "job.db", NAMES)


@pytest.fixture
def watch(path: Path, clock: VirtualClock, queue: InMemoryEventQueue) -> Iterator[Watch]:
    watch = Watch(path, clock, queue)
    yield watch
    watch.book.close()


@pytest.fixture
def at_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes an address that of SQS, and a folder of the test's own the current one."""

    def settle_in(url: str) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    return settle_in


@pytest.fixture
def console(
    at_stand_in: Callable[[str], None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Iterator[Console]:
    """The command in front of a stand-in, with the database of a job of 25 tasks."""
    with serving(SystemClock()) as sqs:
        at_stand_in(sqs.url)
        console = Console(tmp_path, sqs.url, capfd)
        make_job(console.database, NAMES)
        yield console
