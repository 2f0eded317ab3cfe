"""Events of real workers and programs on a real Redis."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.compose.apps import App, assert_quiet
from tests.services.redis import RedisServer
from tests.sinks.listening import Listener, listening


@pytest.fixture
def channel() -> str:
    return f"events-{uuid.uuid4().hex}"


@pytest.fixture
def listener(redis_server: RedisServer, channel: str) -> Iterator[Listener]:
    with listening(redis_server, channel) as one:
        yield one


def asking(server: RedisServer, channel: str, *more: str) -> list[str]:
    return [
        "--events-enable-event-emitter-redis",
        "--events-redis-url",
        server.url,
        "--events-channel",
        channel,
        *more,
    ]


def variables(server: RedisServer, channel: str) -> dict[str, str]:
    return {
        "ASYNCTASQ_EVENTS_ENABLE_EVENT_EMITTER_REDIS": "true",
        "ASYNCTASQ_EVENTS_REDIS_URL": server.url,
        "ASYNCTASQ_EVENTS_CHANNEL": channel,
    }


def kinds(events: list[dict[str, Any]], task_id: str) -> list[str]:
    return [event["event_type"] for event in events if event.get("task_id") == task_id]


def test_a_worker_and_a_program_tell_of_tasks(
    app: App, redis_server: RedisServer, channel: str, listener: Listener
) -> None:
    added, failed, plain = app.send("add:1,2", "bad:7", "plain:5", env=variables(redis_server, channel))
    assert [event["event_type"] for event in listener.events] == ["task_enqueued"] * 3
    options = asking(redis_server, channel, "--worker-id", "w1", "--heartbeat-interval", "0.1")
    done = app.worker("--exit-when-empty", "1", *options, "--event-log-file", "events.log").finish()
    assert (done.status, listener.of_type("worker_offline")[0]["processed"]) == (0, 3), done
    assert_quiet(done)
    events = listener.events
    assert kinds(events, added) == ["task_enqueued", "task_started", "task_completed"]
    assert kinds(events, plain) == ["task_enqueued", "task_started", "task_completed"]
    again = ["task_started", "task_retrying", "task_started", "task_failed"]
    assert kinds(events, failed) == ["task_enqueued", *again]
    by_type = {event["event_type"]: event for event in events}
    assert by_type["task_failed"]["error"] == "ValueError: no 7"
    assert by_type["task_failed"]["attempt"] == 2
    assert by_type["task_failed"]["traceback"].startswith("Traceback")
    (completed,) = [one for one in listener.of_type("task_completed") if one["task_id"] == plain]
    assert (completed["task_name"], completed["queue"], completed["result"]) == ("tasks.plain", "high", 5)
    assert completed["worker_id"] == "w1"
    ours = [event for event in events if event["event_type"].startswith("worker_")]
    assert [ours[0]["event_type"], ours[-1]["event_type"]] == ["worker_online", "worker_offline"]
    assert {one["event_type"] for one in ours[1:-1]} == {"worker_heartbeat"}
    assert len(ours) > 5
    assert (ours[-1]["active"], ours[-1]["queues"], ours[-1]["freq"]) == (0, ["high", "default"], 0.1)
    assert [one["queue"] for one in done.events if one.get("task_id") == plain] == ["high", "high"]
    assert {one["task_name"] for one in done.of_type("task_started")} == {
        "tasks.add",
        "tasks.bad",
        "tasks.plain",
    }


ENDINGS = {
    "dispatch_sync, and nothing more": """
        import tasks
        for number in range(3):
            tasks.add.dispatch_sync(number, 1)
        """,
    "asyncio.run, and no close": """
        import asyncio, tasks
        async def main():
            for number in range(3):
                await tasks.add.dispatch(number, 1)
        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("source", ENDINGS.values(), ids=ENDINGS)
def test_a_program_that_closes_nothing_tells_of_its_tasks_too(
    app: App, redis_server: RedisServer, channel: str, listener: Listener, source: str
) -> None:
    app.programs.write(source, "program.py")
    done = app.programs.launch("-W", "error", "program.py", env=variables(redis_server, channel)).finish()
    assert done.status == 0, done
    assert_quiet(done)
    listener.wait_for(lambda it: len({event["task_id"] for event in it.events}) == 3)


def test_tasks_that_dispatch_tasks_tell_of_them(
    app: App, redis_server: RedisServer, channel: str, listener: Listener
) -> None:
    app.put("parent")
    done = app.worker("--max-tasks", "2", *asking(redis_server, channel)).finish()
    assert done.status == 0
    assert_quiet(done)
    (enqueued,) = listener.of_type("task_enqueued")
    assert (enqueued["task_name"], enqueued["queue"]) == ("tasks.add", "default")
    assert kinds(listener.events, enqueued["task_id"]) == ["task_enqueued", "task_started", "task_completed"]


def test_monitors_of_the_followed_system_can_read_them(
    app: App, redis_server: RedisServer, channel: str, listener: Listener
) -> None:
    app.put("add:1,2")
    options = ["--redis-url", redis_server.url, "--events-channel", channel, "--events-format", "msgpack"]
    done = app.worker("--max-tasks", "1", "--events-enable-event-emitter-redis", *options).finish()
    assert done.status == 0, done
    told = [msgspec.msgpack.decode(body) for body in listener.bodies]
    assert [one["event_type"] for one in told if "task_id" in one] == ["task_started", "task_completed"]
    assert told[-1]["event_type"] == "worker_offline"


def test_a_task_that_is_interrupted_is_told_to_be_cancelled(
    app: App, redis_server: RedisServer, channel: str, listener: Listener
) -> None:
    (task_id,) = app.put("sleep:60")
    worker = app.worker("--shutdown-grace-period", "0.1", *asking(redis_server, channel))
    worker.wait_for_file("sleeping")
    worker.send(signal.SIGTERM)
    done = worker.finish()
    assert done.status == 0, done
    assert_quiet(done)
    assert kinds(listener.events, task_id) == ["task_started", "task_cancelled"]
    (offline,) = listener.of_type("worker_offline")
    assert (offline["active"], offline["processed"]) == (0, 0)


def test_a_redis_that_hangs_delays_no_task(app: App, own_redis_server: RedisServer, channel: str) -> None:
    options = asking(own_redis_server, channel)
    own_redis_server.pause()
    try:
        began = time.monotonic()
        app.send(*(f"add:{number},1" for number in range(30)), env=variables(own_redis_server, channel))
        done = app.worker("--max-tasks", "30", *options, "--event-log-file", "events.log").finish()
        took_s = time.monotonic() - began
    finally:
        own_redis_server.resume()
    assert done.status == 0, done
    assert_quiet(done)
    stamps = [one["timestamp"] for one in done.of_type("task_completed")]
    assert len(stamps) == 30
    (started,), (stopped,) = done.of_type("worker_started"), done.of_type("worker_stopped")
    # 30 tasks, none of which waits a second for Redis.
    assert stopped["elapsed_time"] < 5.0, (started, stopped)
    assert took_s < 30  # two programs, each of which gives Redis a second or two at its end
    assert "events that could not be published" in done.stderr


def test_a_redis_that_is_not_there_is_told_of(app: App) -> None:
    app.put("add:1,2")
    options = ["--events-enable-event-emitter-redis", "--events-redis-url", "redis://:hidden@127.0.0.1:1"]
    done = app.worker("--exit-when-empty", "0.5", *options).finish()
    assert done.status == 0
    assert "events cannot be published" in done.stderr
    assert "hidden" not in done.stderr + done.stdout
    assert_quiet(done)


def test_an_address_that_is_none_is_a_mistake(app: App) -> None:
    done = app.worker("--events-enable-event-emitter-redis", "--events-redis-url", "nowhere").finish()
    assert done.status == 2, done
    assert "'nowhere' is none" in done.stderr
    assert "--events-redis-url" in done.stderr
