"""Worker classes and the list of them, in one process."""

from __future__ import annotations

import asyncio
import logging
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloud_tasks.errors import ProgramError
from cloud_tasks.queue_workers.base import find_worker, known_workers
from cloud_tasks.workers import (
    AsyncTaskWorker,
    Payload,
    RateLimit,
    get_transport,
    process_queue,
    run_worker,
)

done: list[Payload] = []


class Clerk(AsyncTaskWorker):
    name = "base_clerk"

    def process(self, payload: Payload) -> None:
        if payload.get("raise"):
            raise ValueError("as it was told")
        done.append(payload)
        if payload.get("again"):
            self.requeue({"queue": self.queue})


class Waiter(AsyncTaskWorker):
    name = "base_waiter"

    async def process(self, payload: Payload) -> None:
        await asyncio.sleep(0)
        done.append(payload)


class Nameless(Clerk):
    """Derived, and not entered: it has no name of its own."""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address that a user's variable holds."""
    done.clear()
    url = f"sqlite:///{tmp_path / 'queues.db'}"
    monkeypatch.setenv("ASYNCTASK_TRANSPORT", url)
    return url


def test_workers_are_known_by_their_names() -> None:
    assert find_worker("base_clerk") is Clerk
    assert "base_clerk" in known_workers()
    with pytest.raises(
        LookupError, match=r"there is no worker 'nobody'; those that were imported: .*base_clerk"
    ):
        find_worker("nobody")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ProgramError, match=r"two workers are called `base_clerk`: .*Clerk and .*Rival"):

        class Rival(Clerk):
            name = "base_clerk"


def test_what_a_worker_knows_of_itself() -> None:
    worker = Clerk("foo", poll_interval_ms=70, limit=(3, 2.5))
    assert worker.logger is logging.getLogger("Clerk")
    assert worker.get_poll_interval() == 70
    assert worker.get_limiter() == RateLimit(3, 2.5)
    assert Clerk("foo").get_poll_interval() == 500
    assert Clerk("foo").get_limiter() is None


def test_one_payload_here_and_now() -> None:
    done.clear()
    run_worker("base_clerk", {"a": 1})
    assert done == [{"a": 1}]
    with pytest.raises(ValueError, match="as it was told"):
        run_worker("base_clerk", {"raise": True})


def test_a_worker_may_await(url: str) -> None:
    run_worker("base_waiter", {"n": 1})
    get_transport().submit_task("foo", {"n": 2})
    assert process_queue("foo", "base_waiter") == 1
    assert done == [{"n": 1}, {"n": 2}]


def test_a_worker_that_works_elsewhere_puts_back_there(url: str, tmp_path: Path) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    get_transport(elsewhere).submit_task("foo", {"n": 1, "again": True})
    assert process_queue("foo", "base_clerk", elsewhere) == 2
    assert done == [{"n": 1, "again": True}, {"queue": "foo"}]
    assert get_transport().url == url
    assert get_transport().get_task("foo") is None


class Hasty(Clerk):
    name = "base_hasty"

    def get_limiter(self) -> Any:  # a user's own, of whatever type
        return SimpleNamespace(max_calls=0, period_s=1)


class Measured(Clerk):
    name = "base_measured"

    def get_limiter(self) -> Any:  # a user's own, of whatever type
        return SimpleNamespace(max_calls=5, period_s=Fraction(1, 2))


def test_a_limit_with_wrong_values_is_told_before_anything_is_taken(url: str) -> None:
    get_transport().submit_task("foo", {"n": 1})
    with pytest.raises(ProgramError, match=r"the worker `base_hasty` cannot be used: .* max_calls = 0"):
        process_queue("foo", "base_hasty")
    assert done == []
    assert process_queue("foo", "base_measured", url) == 1


def test_a_queue_is_worked_off_here_and_now(url: str) -> None:
    for payload in ({"n": 1, "again": True}, {"raise": True}, {"n": 2}):
        get_transport().submit_task("foo", payload)
    assert process_queue("foo", "base_clerk") == 3
    assert done == [{"n": 1, "again": True}, {"n": 2}, {"queue": "foo"}]
    assert get_transport(url).get_task("foo") is None
    assert process_queue("foo", "base_clerk", url) == 0
