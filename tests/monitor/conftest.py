from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.clock import VirtualClock
from fakes.event_queue import InMemoryEventQueue
from tests.monitor.watching import Watch
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
