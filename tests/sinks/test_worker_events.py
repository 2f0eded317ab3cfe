from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cloud_tasks.core.events import (
    Event,
    EventRecord,
    FatalException,
    KeepAlive,
    NonFatalException,
    TaskCompleted,
    TaskDeadLettered,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskStarted,
    TaskTimedOut,
    WorkerStarted,
    WorkerStopped,
)
from cloud_tasks.core.task import Json
from cloud_tasks.sinks.worker_events import WorkerEvents, enqueued_message, error_of
from cloud_tasks.sinks.worker_messages import encoder
from cloud_tasks.version import __version__
from fakes.clock import VirtualClock

AT = "2026-01-02T03:04:05.678901+00:00"
OF_A_TASK = [
    "event_type",
    "task_id",
    "task_name",
    "queue",
    "worker_id",
    "timestamp",
    "attempt",
    "duration_ms",
    "result",
    "error",
    "traceback",
]
OF_A_WORKER = [
    "event_type",
    "worker_id",
    "hostname",
    "timestamp",
    "freq",
    "active",
    "processed",
    "queues",
    "sw_ident",
    "sw_ver",
    "uptime_seconds",
]
TRACEBACK = (
    'Traceback (most recent call last):\n  File "tasks.py", line 3, in bad\n    raise E\nValueError: no 7\n'
)


class Told:
    """What a worker's events come to, as those read it who listen."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self._words = WorkerEvents("w1", ["high", "default"], 60.0, self.clock)
        self._encode = encoder("json")

    def __call__(self, event: Event) -> dict[str, Any] | None:
        message = self._words.translate(EventRecord(AT, "host1", event))
        return None if message is None else json.loads(self._encode(message))

    def counts(self) -> tuple[int, int]:
        told = self(KeepAlive(instance_id="i"))
        assert told is not None
        return told["active"], told["processed"]

    def start(self, task_id: str, attempt: int = 1, queue: str = "default") -> None:
        self(TaskStarted(task_id=task_id, attempt=attempt, queue=queue, task_name="tasks.add"))


@pytest.fixture
def told() -> Told:
    return Told()


def end(task_id: str = "t1", *, retry: bool = False, attempt: int = 1) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "elapsed_time": 1.2345,
        "retry": retry,
        "attempt": attempt,
        "queue": "default",
        "task_name": "tasks.add",
    }


def completed(task_id: str = "t1", result: Json | msgspec.Raw = None, attempt: int = 1) -> TaskCompleted:
    return TaskCompleted(**end(task_id, attempt=attempt), result=result, retry_requested=False)


def raised(task_id: str = "t1", *, retry: bool = False, attempt: int = 1) -> TaskException:
    fields = end(task_id, retry=retry, attempt=attempt)
    return TaskException(**fields, exception=TRACEBACK, exception_kind="raised")


def interrupted(task_id: str = "t1", *, retry: bool = True, reason: str = "shutdown") -> TaskInterrupted:
    return TaskInterrupted(**end(task_id, retry=retry), reason=reason)


def test_a_started_task(told: Told) -> None:
    message = told(TaskStarted(task_id="t1", attempt=2, queue="default", task_name="tasks.add"))
    assert message is not None
    assert list(message) == OF_A_TASK
    assert message == {
        "event_type": "task_started",
        "task_id": "t1",
        "task_name": "tasks.add",
        "queue": "default",
        "worker_id": "w1",
        "timestamp": AT,
        "attempt": 2,
        "duration_ms": None,
        "result": None,
        "error": None,
        "traceback": None,
    }


def test_a_completed_task(told: Told) -> None:
    message = told(completed(result=msgspec.Raw(b'{"sum":[1,2]}')))
    assert message is not None
    assert list(message) == OF_A_TASK
    assert (message["event_type"], message["duration_ms"], message["attempt"]) == ("task_completed", 1234, 1)
    assert message["result"] == {"sum": [1, 2]}
    assert (message["error"], message["traceback"]) == (None, None)


@pytest.mark.parametrize(
    ("event", "kind", "error", "traceback"),
    [
        (raised(), "task_failed", "ValueError: no 7", TRACEBACK),
        (raised(retry=True), "task_retrying", "ValueError: no 7", TRACEBACK),
        (
            TaskTimedOut(**end(retry=True), stderr_tail="it said"),
            "task_retrying",
            "TimeoutError: it ran for longer than it may",
            "it said",
        ),
        (
            TaskExited(
                **end(),
                exit_code=-11,
                signal="SIGSEGV",
                oom_killed=False,
                peak_memory_bytes=None,
                stderr_tail="",
            ),
            "task_failed",
            "the process of the task: ended by SIGSEGV",
            None,
        ),
        (
            TaskExited(
                **end(), exit_code=3, signal="", oom_killed=False, peak_memory_bytes=None, stderr_tail="bye"
            ),
            "task_failed",
            "the task ended with exit status 3",
            "bye",
        ),
        (interrupted(), "task_cancelled", "shutdown", None),
        (interrupted(reason="lease_lost"), "task_cancelled", "lease_lost", None),
        (TaskDeadLettered(**end(), reason="used up: 3"), "task_failed", "used up: 3", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else None,
)
def test_a_task_that_did_not_complete(
    told: Told, event: Event, kind: str, error: str, traceback: str | None
) -> None:
    message = told(event)
    assert message is not None
    assert list(message) == OF_A_TASK
    assert (message["event_type"], message["error"], message["traceback"]) == (kind, error, traceback)
    assert message["duration_ms"] == 1234


def test_a_task_that_was_interrupted_for_the_last_time_has_failed(told: Told) -> None:
    message = told(interrupted(retry=False))
    assert message is not None
    assert message["event_type"] == "task_failed"


def test_a_worker_comes_lives_and_goes(told: Told) -> None:
    online = told(WorkerStarted(worker_id="w1", pid=1, version="1", num_simultaneous_tasks=2))
    assert online is not None
    assert list(online) == OF_A_WORKER
    assert online == {
        "event_type": "worker_online",
        "worker_id": "w1",
        "hostname": "host1",
        "timestamp": AT,
        "freq": 60.0,
        "active": 0,
        "processed": 0,
        "queues": ["high", "default"],
        "sw_ident": "cloud_tasks",
        "sw_ver": __version__,
        "uptime_seconds": 0,
    }
    told.clock.advance_to(61.5)
    told.start("t1")
    heartbeat = told(KeepAlive(instance_id="i"))
    assert heartbeat == {**online, "event_type": "worker_heartbeat", "active": 1, "uptime_seconds": 61}
    told(completed("t1"))
    offline = told(WorkerStopped(worker_id="w1", reason="idle", elapsed_time=1.0, counts={}))
    assert offline == {**online, "event_type": "worker_offline", "processed": 1, "uptime_seconds": 61}


def test_a_worker_that_broke_is_offline_too(told: Told) -> None:
    message = told(FatalException(exception="x", stack_trace="y"))
    assert message is not None
    assert message["event_type"] == "worker_offline"


def test_what_those_who_watch_tasks_have_no_word_for_is_left_out(told: Told) -> None:
    assert told(NonFatalException(exception="x", stack_trace="y")) is None


def test_counts_through_retries_interruptions_and_lost_leases(told: Told) -> None:
    told.start("t1")
    told.start("t2")
    assert told.counts() == (2, 0)
    told(raised("t1", retry=True))
    assert told.counts() == (1, 0)
    told.start("t1", attempt=2)
    told(interrupted("t2"))
    told.start("t2")
    told(interrupted("t2", reason="lease_lost"))
    assert told.counts() == (1, 0)
    told(raised("t1", attempt=2))
    assert told.counts() == (0, 1)


def test_what_never_ran_takes_nothing_from_the_active_ones(told: Told) -> None:
    told.start("t1")
    told(interrupted("t2", reason="an earlier run of it had not ended"))
    assert told.counts() == (1, 0)
    told(TaskDeadLettered(**end("t3"), reason="used up"))
    assert told.counts() == (1, 1)


def test_tasks_of_the_same_id_in_two_queues_are_two(told: Told) -> None:
    told.start("t1", queue="high")
    told.start("t1", queue="default")
    told(completed("t1"))
    assert told.counts() == (1, 1)


def test_a_dispatched_task() -> None:
    message = json.loads(encoder("json")(enqueued_message(AT, "t1", "tasks.add", "default")))
    assert list(message) == OF_A_TASK
    assert message == {
        "event_type": "task_enqueued",
        "task_id": "t1",
        "task_name": "tasks.add",
        "queue": "default",
        "worker_id": "dispatcher",
        "timestamp": AT,
        "attempt": 1,
        "duration_ms": None,
        "result": None,
        "error": None,
        "traceback": None,
    }


def raised_by(function: Any) -> str:
    import traceback

    try:
        function()
    except BaseException:  # noqa: BLE001 - a group is one too
        return traceback.format_exc()
    raise AssertionError


def _plain() -> None:
    raise ValueError("no 7")


def _many_lines() -> None:
    raise ValueError("first\n    second\nthird")


def _caused() -> None:
    try:
        _plain()
    except ValueError as error:
        raise RuntimeError("worse") from error


def _silent() -> None:
    raise KeyError


def _syntax() -> None:
    compile("a b", "f.py", "exec")


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (_plain, "ValueError: no 7"),
        (_many_lines, "ValueError: first\n    second\nthird"),
        (_caused, "RuntimeError: worse"),
        (_silent, "KeyError"),
    ],
)
def test_the_error_is_all_that_the_exception_says(function: Any, error: str) -> None:
    assert error_of(raised_by(function)) == error


def test_errors_that_look_otherwise_say_something_too() -> None:
    assert "SyntaxError" in error_of(raised_by(_syntax))
    assert error_of("returned something else") == "returned something else"
    assert error_of("") == ""

    def group() -> None:
        raise ExceptionGroup("several", [ValueError("a"), KeyError("b")])

    assert "several" in error_of(raised_by(group))
