"""Faults by plan, as a client of the stand-in meets them."""

from __future__ import annotations

import asyncio
from http.client import RemoteDisconnected

import pytest

from fakes.clock import settle
from fakes.conductor.values import TaskStatus
from fakes.faults import FaultKind, FaultRule
from tests.fakes.conductor.wires import Wire, until_somebody_sleeps, wired


def counters(wire: Wire, kind: FaultKind) -> tuple[int, int]:
    return wire.injector.injected[kind], wire.injector.effective[kind]


async def take(wire: Wire) -> dict[str, object]:
    (task,) = (await wire.ask("GET", "/tasks/poll/batch/a", workerid="w"))[1]
    return dict(task)


def done(task: dict[str, object]) -> dict[str, object]:
    return {"taskId": task["taskId"], "workflowInstanceId": task["workflowInstanceId"], "status": "COMPLETED"}


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [(FaultKind.THROTTLE, 429, "1"), (FaultKind.UNAVAILABLE, 503, None)],
)
async def test_a_call_is_refused_and_does_nothing(
    kind: FaultKind, status: int, retry_after: str | None
) -> None:
    async with wired(FaultRule(kind, "batch_poll", calls=(1,))) as wire:
        wire.service.start_task("a")
        told = await wire.ask_all("GET", "/tasks/poll/batch/a")
        assert (told[0], told[1].get("Retry-After"), told[2]["retryable"]) == (status, retry_after, True)
        assert await take(wire)
        assert counters(wire, kind) == (1, 1)


async def test_a_poll_without_a_reply_leaves_the_task_with_nobody() -> None:
    async with wired(FaultRule(FaultKind.EFFECT_WITHOUT_REPLY, "batch_poll", calls=(1,))) as wire:
        wire.service.define_task("a", response_timeout_seconds=10, retry_delay_seconds=0)
        task = wire.service.start_task("a")
        with pytest.raises(RemoteDisconnected):
            await take(wire)
        assert task.status is TaskStatus.IN_PROGRESS
        wire.clock.advance(10.0)
        assert (await take(wire))["retriedTaskId"] == task.task_id


async def test_an_update_without_a_reply_took_effect() -> None:
    async with wired(FaultRule(FaultKind.EFFECT_WITHOUT_REPLY, "update_task*", calls=(1,))) as wire:
        started = wire.service.start_task("a")
        task = await take(wire)
        with pytest.raises(RemoteDisconnected):
            await wire.ask("POST", "/tasks", done(task))
        assert started.status is TaskStatus.COMPLETED
        assert (await wire.ask("POST", "/tasks", done(task)))[0] == 200


@pytest.mark.parametrize(("path", "status"), [("/tasks", 200), ("/tasks/update-v2", 204)])
async def test_an_update_may_look_accepted_and_be_lost(path: str, status: int) -> None:
    async with wired(FaultRule(FaultKind.REPLY_WITHOUT_EFFECT, "update*", calls=(1,))) as wire:
        started = wire.service.start_task("a")
        task = await take(wire)
        assert (await wire.ask("POST", path, done(task)))[0] == status
        assert started.status is TaskStatus.IN_PROGRESS


def by_name(task: dict[str, object], status: str = "COMPLETED") -> str:
    return f"/tasks/{task['workflowInstanceId']}/{task['referenceTaskName']}/{status}"


async def test_an_update_by_name_may_look_accepted_and_be_lost() -> None:
    async with wired(FaultRule(FaultKind.REPLY_WITHOUT_EFFECT, "update_task*", calls=(1,))) as wire:
        started = wire.service.start_task("a")
        task = await take(wire)
        assert await wire.ask("POST", by_name(task), {}) == (200, task["taskId"])
        assert started.status is TaskStatus.IN_PROGRESS
        assert counters(wire, FaultKind.REPLY_WITHOUT_EFFECT) == (1, 1)


@pytest.mark.parametrize("path", ["/tasks", "/tasks/update-v2", "by name"])
async def test_a_lost_update_is_answered_as_it_would_have_been(path: str) -> None:
    async with wired(FaultRule(FaultKind.REPLY_WITHOUT_EFFECT, "update*", calls=(1,))) as wire:
        wire.service.start_task("a")
        task = await take(wire)
        where, said = (by_name(task), {}) if path == "by name" else (path, done(task))
        lost = await wire.ask("POST", where, said)
        assert lost == await wire.ask("POST", where, said)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"taskId": "none"}, 404),
        ({"workflowInstanceId": "none"}, 404),
        ({"taskId": ""}, 400),
        ({"status": None}, 400),
        ({"status": "NONE"}, 500),
        ({"taskId": "none", "extendLease": True}, 404),
    ],
)
async def test_an_update_that_would_be_refused_does_not_look_accepted(
    said: dict[str, object], status: int
) -> None:
    async with wired(FaultRule(FaultKind.REPLY_WITHOUT_EFFECT, "update*", calls=(1,))) as wire:
        wire.service.start_task("a")
        update = done(await take(wire)) | said
        told = await wire.ask("POST", "/tasks", update)
        assert told[0] == status
        assert told == await wire.ask("POST", "/tasks", update)
        assert counters(wire, FaultKind.REPLY_WITHOUT_EFFECT) == (1, 0)


async def test_an_update_by_name_of_what_has_ended_does_not_look_accepted() -> None:
    async with wired(FaultRule(FaultKind.REPLY_WITHOUT_EFFECT, "update*", calls=(2, 3))) as wire:
        wire.service.start_task("a")
        task = await take(wire)
        assert (await wire.ask("POST", by_name(task), {}))[0] == 200
        assert (await wire.ask("POST", by_name(task), {}))[0] == 404
        assert (await wire.ask("POST", by_name(task, "DONE"), {}))[0] == 400


async def test_a_connection_may_break_before_anything_was_done() -> None:
    rules = [
        FaultRule(kind, "update_task", calls=(1,))
        for kind in (FaultKind.EFFECT_WITHOUT_REPLY, FaultKind.REPLY_WITHOUT_EFFECT)
    ]
    async with wired(*rules) as wire:
        started = wire.service.start_task("a")
        task = await take(wire)
        with pytest.raises(RemoteDisconnected):
            await wire.ask("POST", "/tasks", done(task))
        assert started.status is TaskStatus.IN_PROGRESS


async def test_a_task_may_be_handed_out_twice() -> None:
    async with wired(FaultRule(FaultKind.DUPLICATE, "*poll", calls=(1,))) as wire:
        wire.service.start_task("a")
        first, second = await take(wire), await take(wire)
        assert (first["taskId"], second["pollCount"]) == (second["taskId"], 2)
        assert (await wire.ask("POST", "/tasks", done(first)))[0] == 200
        assert (await wire.ask("GET", "/tasks/poll/a"))[0] == 204


async def test_a_poll_may_find_nothing_although_there_is_something() -> None:
    async with wired(FaultRule(FaultKind.EMPTY_RECEIVE, "*poll", calls=(2, 3, 4))) as wire:
        assert (await wire.ask("GET", "/tasks/poll/a"))[0] == 204
        wire.service.start_task("a")
        assert await wire.ask("GET", "/tasks/poll/batch/a") == (200, [])
        assert await wire.ask("GET", "/tasks/poll/a") == (204, None)
        assert wire.service.polling.ready_count("a") == 1
        assert counters(wire, FaultKind.EMPTY_RECEIVE) == (2, 2)
        wire.service.polling.take("a")
        assert await wire.ask("GET", "/tasks/poll/a") == (204, None)
        assert counters(wire, FaultKind.EMPTY_RECEIVE) == (3, 2)


async def test_a_poll_may_give_fewer_or_others() -> None:
    rules = [FaultRule(kind, "batch_poll", every=1) for kind in (FaultKind.SHORT_RECEIVE, FaultKind.REORDER)]
    async with wired(*rules) as wire:
        wire.service.start_tasks("a", [{"i": i} for i in range(9)])
        sizes, order = [], []
        while wire.service.polling.ready_count("a"):
            _, tasks = await wire.ask("GET", "/tasks/poll/batch/a", count=4)
            sizes.append(len(tasks))
            order += [task["inputData"]["i"] for task in tasks]
        assert max(sizes) < 4
        assert sorted(order) == list(range(9))
        assert order != sorted(order)


async def test_a_call_may_take_longer() -> None:
    async with wired(FaultRule(FaultKind.DELAY, "queue_size", every=1, delay_s=5.0)) as wire:
        call = asyncio.create_task(wire.ask("GET", "/tasks/queue/size", taskType="a"))
        await until_somebody_sleeps(wire.clock)
        assert wire.clock.next_deadline() == 5.0
        await wire.clock.run_for(5.0)
        await settle()
        assert await call == (200, 0)


async def test_an_outage_begins_and_ends() -> None:
    async with wired(FaultRule(FaultKind.UNAVAILABLE, every=1, from_s=10, until_s=20)) as wire:
        statuses = []
        for _ in range(3):
            statuses.append((await wire.ask("GET", "/tasks/queue/all"))[0])
            wire.clock.advance(10.0)
        assert statuses == [200, 503, 200]
