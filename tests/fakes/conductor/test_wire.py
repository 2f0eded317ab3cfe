"""The stand-in over HTTP: paths, statuses, and what is told."""

from __future__ import annotations

import asyncio

import pytest

from fakes.clock import VirtualClock
from fakes.conductor import ConductorService
from fakes.conductor.routes import Routes
from fakes.conductor.server import ConductorServer
from fakes.conductor.workflow_operations import OPERATIONS
from tests.fakes.conductor.wires import until_nobody_sleeps, until_somebody_sleeps, wired

LAYOUTS = ["/task", "/tasks"]


def said(task: dict[str, object], status: str = "COMPLETED", **more: object) -> dict[str, object]:
    ids = {name: task[name] for name in ("taskId", "workflowInstanceId")}
    return {**ids, "status": status, "workerId": "w", **more}


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_task_from_poll_to_end(layout: str) -> None:
    async with wired() as wire:
        started = wire.service.start_task("a", {"i": 1}, domain="d")
        status, task = await wire.ask("GET", f"{layout}/poll/a", workerid="w", domain="d")
        assert (status, task["taskId"], task["inputData"]) == (200, started.task_id, {"i": 1})
        assert (task["status"], task["workerId"], task["domain"]) == ("IN_PROGRESS", "w", "d")
        assert task["workflowTask"]["taskDefinition"]["responseTimeoutSeconds"] == 3600
        assert None not in task.values()
        answer = await wire.ask("POST", layout, said(task, outputData={"x": 1}))
        assert answer == (200, started.task_id)
        status, task = await wire.ask("GET", f"{layout}/{started.task_id}")
        assert (status, task["status"], task["outputData"]) == (200, "COMPLETED", {"x": 1})


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_nothing_there(layout: str) -> None:
    async with wired() as wire:
        assert await wire.ask("GET", f"{layout}/poll/a", workerid="w") == (204, None)
        assert await wire.ask("GET", f"{layout}/poll/batch/a", count=3, timeout=0) == (200, [])
        assert await wire.ask("GET", f"{layout}/nobody") == (204, None)
        assert await wire.ask("GET", f"{layout}/nobody/log") == (200, [])


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_batch(layout: str) -> None:
    async with wired() as wire:
        wire.service.start_tasks("a", [{"i": i} for i in range(5)])
        status, tasks = await wire.ask("GET", f"{layout}/poll/batch/a", workerid="w", count=3)
        assert (status, [task["inputData"]["i"] for task in tasks]) == (200, [0, 1, 2])
        status, error = await wire.ask("GET", f"{layout}/poll/batch/a", timeout=5001)
        assert (status, error["message"]) == (400, "Long Poll Timeout value cannot be more than 5 seconds")
        status, error = await wire.ask("GET", f"{layout}/poll/batch/a", count="many")
        assert (status, error["message"]) == (400, "count: For input string: 'many'")


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_logs_are_kept_as_they_are_sent(layout: str) -> None:
    async with wired() as wire:
        assert await wire.ask("POST", f"{layout}/t/log", "a line") == (200, None)
        at = 1_767_225_600_000
        logs = [{"log": "a line", "taskId": "t", "createdTime": at}]
        assert await wire.ask("GET", f"{layout}/t/log") == (200, logs)


@pytest.mark.parametrize(("layout", "poll_data"), [("/task", "poll-data"), ("/tasks", "polldata")])
async def test_queues_in_numbers(layout: str, poll_data: str) -> None:
    async with wired() as wire:
        wire.service.start_tasks("a", [{}] * 2)
        wire.service.start_task("a", domain="d")
        sizes = await wire.ask("GET", f"{layout}/queue/sizes?taskType=a&taskType=b")
        assert sizes == (200, {"a": 2, "b": 0})
        assert await wire.ask("GET", f"{layout}/queue/size", taskType="a", domain="d") == (200, 1)
        assert await wire.ask("GET", f"{layout}/queue/all") == (200, {"a": 2, "d:a": 1})
        await wire.ask("GET", f"{layout}/poll/a", workerid="w")
        polls = [{"queueName": "a", "workerId": "w", "lastPollTime": 1_767_225_600_000}]
        assert await wire.ask("GET", f"{layout}/queue/{poll_data}", taskType="a") == (200, polls)
        assert await wire.ask("GET", f"{layout}/queue/{poll_data}/all") == (200, polls)


async def test_an_update_may_answer_with_the_next_task() -> None:
    async with wired() as wire:
        wire.service.start_tasks("a", [{"i": 0}, {"i": 1}])
        _, task = await wire.ask("GET", "/tasks/poll/a")
        status, task = await wire.ask("POST", "/tasks/update-v2", said(task))
        assert (status, task["inputData"], task["workerId"]) == (200, {"i": 1}, "w")
        extension = {"taskId": task["taskId"], "extendLease": True, "status": "IN_PROGRESS"}
        assert await wire.ask("POST", "/tasks/update-v2", extension) == (204, None)
        assert await wire.ask("POST", "/tasks/update-v2", said(task)) == (204, None)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_task_is_updated_by_the_name_of_its_step(layout: str) -> None:
    async with wired() as wire:
        task = wire.service.start_task("a")
        path = f"{layout}/{task.workflow_instance_id}/a"
        assert (await wire.ask("POST", f"{path}/DONE", {}))[0] == 400
        assert await wire.ask("POST", f"{path}/COMPLETED", {"x": 1}, workerid="w") == (200, task.task_id)
        assert (task.output_data, task.worker_id) == ({"x": 1}, "w")
        assert (await wire.ask("POST", f"{path}/COMPLETED", {}))[0] == 404


@pytest.mark.parametrize(
    "paths", [("/metadata/taskdef", "/metadata/workflowdef"), ("/metadata/taskdefs", "/metadata/workflow")]
)
async def test_definitions_and_a_workflow(paths: tuple[str, str]) -> None:
    tasks, workflows = paths
    async with wired() as wire:
        assert await wire.ask("POST", tasks, [{"name": "a", "retryCount": 1, "unknown": 1}]) == (200, None)
        assert await wire.ask("PUT", tasks, {"name": "a", "retryCount": 2}) == (200, None)
        definition = (await wire.ask("GET", f"{tasks}/a"))[1]
        assert (definition["retryCount"], definition["retryDelaySeconds"]) == (2, 60)
        assert await wire.ask("GET", tasks) == (200, [definition])
        flow = {
            "name": "flow",
            "tasks": [
                {"name": "a", "taskReferenceName": "a", "inputParameters": {"x": "${workflow.input.x}"}}
            ],
        }
        assert await wire.ask("POST", workflows, flow) == (200, None)
        assert (await wire.ask("POST", workflows, flow))[0] == 409
        assert await wire.ask("PUT", workflows, [{**flow, "version": 2}]) == (200, None)
        assert (await wire.ask("GET", f"{workflows}/flow", version=1))[1]["version"] == 1
        assert [each["version"] for each in (await wire.ask("GET", workflows))[1]] == [1, 2]
        assert await wire.ask("DELETE", f"{workflows}/flow/2") == (200, None)
        status, workflow_id = await wire.ask("POST", "/workflow", {"name": "flow", "input": {"x": 1}})
        assert status == 200
        assert wire.service.polling.take("a")[0].input_data == {"x": 1}
        assert await wire.ask("DELETE", f"{tasks}/a") == (200, None)
        assert (await wire.ask("GET", f"{tasks}/a"))[0] == 404
        assert await wire.ask("GET", "/workflow/running/flow") == (200, [workflow_id])


async def test_a_workflow_is_shown_and_ended() -> None:
    async with wired() as wire:
        await wire.ask(
            "POST",
            "/metadata/workflow",
            {"name": "flow", "tasks": [{"name": "a", "taskReferenceName": "ref"}]},
        )
        _, workflow_id = await wire.ask(
            "POST", "/workflow/flow", {"x": 1}, correlationId="c", priority=3, version=1
        )
        status, shown = await wire.ask("GET", f"/workflow/{workflow_id}")
        assert (status, shown["status"], shown["input"], shown["correlationId"]) == (
            200,
            "RUNNING",
            {"x": 1},
            "c",
        )
        assert (shown["workflowName"], shown["workflowVersion"], shown["priority"]) == ("flow", 1, 3)
        assert [task["referenceTaskName"] for task in shown["tasks"]] == ["ref"]
        assert await wire.ask("DELETE", f"/workflow/{workflow_id}", reason="enough") == (200, None)
        _, shown = await wire.ask("GET", f"/workflow/{workflow_id}", includeTasks="false")
        assert (shown["status"], shown["reasonForIncompletion"], shown["tasks"]) == (
            "TERMINATED",
            "enough",
            [],
        )


async def test_refusals_are_told_as_conductor_tells_them() -> None:
    async with wired() as wire:
        status, headers, error = await wire.ask_all(
            "POST", "/tasks", {"taskId": "t", "workflowInstanceId": "w", "status": "COMPLETED"}
        )
        assert (status, headers["Content-Type"]) == (404, "application/json")
        assert error == {
            "status": 404,
            "code": "NOT_FOUND",
            "message": "No such workflow found by id: w",
            "instance": f"127.0.0.1:{wire.server.port}",
            "retryable": False,
        }
        status, error = await wire.ask("POST", "/tasks", {"status": "COMPLETED"})
        assert (status, [each["path"] for each in error["validationErrors"]]) == (
            400,
            ["updateTask.taskResult.workflowInstanceId", "updateTask.taskResult.taskId"],
        )


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"taskId": 1}', b'{"status": "DONE"}', b"[" * 5000])
async def test_what_cannot_be_read_is_an_error_of_the_servers_own(body: bytes) -> None:
    async with wired() as wire:
        status, error = await wire.ask("POST", "/tasks", body)
        assert (status, error["message"].partition(":")[0]) == (500, "JSON parse error")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/none"), ("PUT", "/tasks"), ("GET", ""), ("GET", "/task/a/b/c/d")]
)
async def test_a_call_that_is_not_there(method: str, path: str) -> None:
    async with wired() as wire:
        status, error = await wire.ask(method, path)
        assert (status, error["message"]) == (404, f"this stand-in has no {method} /api{path}")


async def test_outputs_may_be_large() -> None:
    async with wired() as wire:
        wire.service.start_task("a")
        _, task = await wire.ask("GET", "/tasks/poll/a")
        large = {"x": "y" * 3_000_000}
        assert (await wire.ask("POST", "/tasks", said(task, outputData=large)))[0] == 200
        assert (await wire.ask("GET", f"/tasks/{task['taskId']}"))[1]["outputData"] == large


async def test_a_name_may_hold_anything() -> None:
    async with wired() as wire:
        wire.service.start_task("a/b c?d")
        status, task = await wire.ask("GET", "/tasks/poll/a%2Fb%20c%3Fd")
        assert (status, task["taskType"]) == (200, "a/b c?d")


async def test_who_hangs_up_while_he_waits_takes_no_task() -> None:
    clock = VirtualClock()
    service = ConductorService(clock)
    async with ConductorServer(service) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /api/tasks/poll/batch/a?timeout=5000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        await until_somebody_sleeps(clock)
        writer.transport.abort()
        await until_nobody_sleeps(clock)
        service.start_task("a")
        assert service.polling.ready_count("a") == 1
        assert await reader.read() == b""


async def test_a_server_that_comes_back_knows_what_it_knew() -> None:
    async with wired() as wire:
        wire.service.start_task("a")
        _, task = await wire.ask("GET", "/tasks/poll/a")
        waiting = asyncio.create_task(wire.ask("GET", "/tasks/poll/batch/a", timeout=5000))
        await until_somebody_sleeps(wire.clock)
        port = wire.server.port
        await wire.server.aclose()
        assert await waiting == (200, [])
        with pytest.raises(ConnectionRefusedError):
            await wire.ask("POST", "/tasks", said(task))
        async with ConductorServer(wire.service, port=port):
            assert (await wire.ask("POST", "/tasks", said(task)))[0] == 200
            waiting = asyncio.create_task(wire.ask("GET", "/tasks/poll/batch/a", timeout=5000))
            await until_somebody_sleeps(wire.clock)
            wire.service.start_task("a", {"i": 2})
            assert (await waiting)[1][0]["inputData"] == {"i": 2}


def test_every_path_leads_to_one_operation_alone() -> None:
    """A path with a place must not hide one with a word in it."""
    routes = Routes()
    for operation in OPERATIONS.values():
        for path in operation.paths:
            target = "/api" + path.replace("{}", "x")
            assert routes.find(operation.method, target, b"")[0] is operation


@pytest.mark.parametrize("number", ["9" * 4_000, "-" + "9" * 4_000, "9" * 5_000, "2147483648", "-2147483649"])
@pytest.mark.parametrize("name", ["count", "timeout"])
async def test_a_number_that_java_has_not_is_refused(name: str, number: str) -> None:
    async with wired() as wire:
        status, told = await wire.ask("GET", "/tasks/poll/batch/a", **{name: number})
        assert (status, told["code"]) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("number", [10**400, 2**63, -(2**63) - 1])
async def test_a_time_that_java_has_not_is_refused_as_what_cannot_be_read(number: int) -> None:
    async with wired() as wire:
        task = wire.service.start_task("a")
        ids = {"taskId": task.task_id, "workflowInstanceId": task.workflow_instance_id}
        result = said(dict(ids), "IN_PROGRESS", callbackAfterSeconds=number)
        status, told = await wire.ask("POST", "/tasks", result)
        assert (status, told["code"]) == (500, "INTERNAL_ERROR")
