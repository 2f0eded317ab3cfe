"""The calls about tasks, by their names and their paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from fakes.conductor.calls import DONE, Call, Reply, json, json_or_nothing, number, one, text
from fakes.conductor.errors import invalid_input
from fakes.conductor.service import ConductorService, check_timeout
from fakes.conductor.values import Json, ResultStatus, TaskResult

Act: TypeAlias = Callable[[ConductorService, Call], Reply | Awaitable[Reply]]

_RESULT: Final = msgspec.json.Decoder(TaskResult)
_OUTPUT: Final = msgspec.json.Decoder(Json)


class Operation(NamedTuple):
    """A call.

    Attributes:
        name: What it is called in a fault plan.
        method: Of HTTP.
        paths: Where it is, below `/api`; `{}` leaves a place. Several layouts have several.
        act: What does it.
    """

    name: str
    method: str
    paths: tuple[str, ...]
    act: Act


class PollAsk(Struct):
    """What a worker asks for.

    Attributes:
        task_type: The type of task.
        worker: The worker.
        domain: Its domain; None for none.
        count: At most so many tasks.
        wait_s: How long to wait for the first.
    """

    task_type: str
    worker: str | None
    domain: str | None
    count: int
    wait_s: float


def read_poll(service: ConductorService, name: str, call: Call) -> PollAsk:
    """What a poll asks for.

    Raises:
        ConductorError: It makes no sense.
    """
    asked = call.asked()
    who = one(asked, "workerid"), one(asked, "domain")
    if name == "poll":
        return PollAsk(call.places[0], *who, 1, service.poll_wait_s)
    timeout_ms = number(asked, "timeout", 100)
    return PollAsk(call.places[0], *who, number(asked, "count", 1), check_timeout(timeout_ms))


async def _poll(service: ConductorService, call: Call) -> Reply:
    asked = read_poll(service, "poll", call)
    return json_or_nothing(await service.poll(asked.task_type, asked.worker, asked.domain))


async def _batch_poll(service: ConductorService, call: Call) -> Reply:
    asked = read_poll(service, "batch_poll", call)
    return json(
        await service.polling.wait_and_take(
            asked.task_type, asked.worker, asked.domain, asked.count, asked.wait_s
        )
    )


def read_result(service: ConductorService, name: str, call: Call) -> TaskResult:
    """What an update says.

    Raises:
        ConductorError: It makes no sense, or names a step that has no open task.
    """
    if name != "update_task_by_name":
        return call.read(_RESULT)
    workflow_id, step, status = call.places
    if status not in ResultStatus.__members__:
        raise invalid_input(f"no status of a result: {status}")
    task_id = service.open_task(workflow_id, step)
    worker = one(call.asked(), "workerid")
    output = call.read(_OUTPUT)
    return TaskResult(workflow_id, task_id, ResultStatus(status), worker_id=worker, output_data=output)


def task_id_of(result: TaskResult) -> Reply:
    """What is answered to an update."""
    return text(result.task_id or "")


def _update(service: ConductorService, call: Call) -> Reply:
    result = read_result(service, "update_task", call)
    service.update_task(result)
    return task_id_of(result)


async def _update_v2(service: ConductorService, call: Call) -> Reply:
    return json_or_nothing(await service.update_task_v2(read_result(service, "update_task_v2", call)))


def _update_by_name(service: ConductorService, call: Call) -> Reply:
    result = read_result(service, "update_task_by_name", call)
    service.update_task(result)
    return task_id_of(result)


def _add_log(service: ConductorService, call: Call) -> Reply:
    service.add_log(call.places[0], call.body.decode(errors="replace"))
    return DONE


def _logs(service: ConductorService, call: Call) -> Reply:
    return json(service.logs(call.places[0]))


def _task(service: ConductorService, call: Call) -> Reply:
    return json_or_nothing(service.task(call.places[0]))


def _size(service: ConductorService, call: Call) -> Reply:
    asked = call.asked()
    return json(service.queue_size(one(asked, "taskType") or "", one(asked, "domain")))


def _sizes(service: ConductorService, call: Call) -> Reply:
    return json({name: service.queue_size(name) for name in call.asked().get("taskType", ())})


def _all_sizes(service: ConductorService, _call: Call) -> Reply:
    return json(service.queue_sizes())


def _poll_data(service: ConductorService, call: Call) -> Reply:
    return json(service.poll_data(one(call.asked(), "taskType") or ""))


def _all_poll_data(service: ConductorService, _call: Call) -> Reply:
    return json(service.poll_data())


TASKS: Final = (
    Operation("poll", "GET", ("/task/poll/{}", "/tasks/poll/{}"), _poll),
    Operation("batch_poll", "GET", ("/task/poll/batch/{}", "/tasks/poll/batch/{}"), _batch_poll),
    Operation("update_task", "POST", ("/task", "/tasks"), _update),
    Operation("update_task_v2", "POST", ("/tasks/update-v2",), _update_v2),
    Operation("update_task_by_name", "POST", ("/task/{}/{}/{}", "/tasks/{}/{}/{}"), _update_by_name),
    Operation("add_log", "POST", ("/task/{}/log", "/tasks/{}/log"), _add_log),
    Operation("logs", "GET", ("/task/{}/log", "/tasks/{}/log"), _logs),
    Operation("queue_size", "GET", ("/task/queue/size", "/tasks/queue/size"), _size),
    Operation("queue_sizes", "GET", ("/task/queue/sizes", "/tasks/queue/sizes"), _sizes),
    Operation("all_queue_sizes", "GET", ("/task/queue/all", "/tasks/queue/all"), _all_sizes),
    Operation("poll_data", "GET", ("/task/queue/poll-data", "/tasks/queue/polldata"), _poll_data),
    Operation(
        "all_poll_data", "GET", ("/task/queue/poll-data/all", "/tasks/queue/polldata/all"), _all_poll_data
    ),
    Operation("task", "GET", ("/task/{}", "/tasks/{}"), _task),
)
"""The singular layout is Swift Conductor's, the plural one Conductor's own."""
