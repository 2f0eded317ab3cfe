"""The calls about workflows and definitions, by their names and their paths."""

from __future__ import annotations

from typing import Final

import msgspec

from fakes.conductor.calls import DONE, Call, Reply, json, number, one, text
from fakes.conductor.definitions import TaskDef, WorkflowDef, plain
from fakes.conductor.execution import RUNNING, Execution
from fakes.conductor.operations import TASKS, Operation
from fakes.conductor.requests import StartWorkflow
from fakes.conductor.service import ConductorService
from fakes.conductor.values import Json

_START: Final = msgspec.json.Decoder(StartWorkflow)
_INPUT: Final = msgspec.json.Decoder(Json)
_TASK_DEF: Final = msgspec.json.Decoder(TaskDef)
_TASK_DEFS: Final = msgspec.json.Decoder(list[TaskDef])
_WORKFLOW_DEF: Final = msgspec.json.Decoder(WorkflowDef)
_WORKFLOW_DEFS: Final = msgspec.json.Decoder(list[WorkflowDef])


def _start(service: ConductorService, call: Call) -> Reply:
    return text(service.start_workflow(call.read(_START)))


def _start_by_name(service: ConductorService, call: Call) -> Reply:
    asked = call.asked()
    request = StartWorkflow(
        call.places[0],
        number(asked, "version", 0) or None,
        call.read(_INPUT),
        one(asked, "correlationId"),
        number(asked, "priority", 0),
    )
    return text(service.start_workflow(request))


def _workflow(service: ConductorService, call: Call) -> Reply:
    with_tasks = one(call.asked(), "includeTasks") or "true"
    return json(_shown(service.workflow(call.places[0]), with_tasks=with_tasks.lower() == "true"))


def _shown(execution: Execution, *, with_tasks: bool) -> Json:
    definition = execution.flow.definition
    shown: Json = {
        "workflowId": execution.workflow_id,
        "workflowName": definition.name,
        "workflowVersion": definition.version,
        "workflowDefinition": plain(definition),
        "status": execution.status,
        "input": execution.input,
        "output": execution.output,
        "correlationId": execution.correlation_id,
        "priority": execution.priority,
        "taskToDomain": execution.task_to_domain,
        "createTime": execution.create_time,
        "startTime": execution.create_time,
        "updateTime": execution.update_time,
        "endTime": execution.end_time,
        "reasonForIncompletion": execution.reason_for_incompletion,
        "failedReferenceTaskNames": execution.failed_reference_task_names,
        "tasks": [live.shown for live in execution.tasks] if with_tasks else [],
    }
    return {name: value for name, value in shown.items() if value is not None}


def _status(service: ConductorService, call: Call) -> Reply:
    asked = call.asked()
    shown = _shown(service.workflow(call.places[0]), with_tasks=False)
    names = ["workflowId", "correlationId", "status"]
    if (one(asked, "includeOutput") or "").lower() == "true":
        names.append("output")
    return json({name: shown[name] for name in names if name in shown})


def _running(service: ConductorService, call: Call) -> Reply:
    every = service.workflows(call.places[0])
    return json([each.workflow_id for each in every if each.status == RUNNING])


def _terminate(service: ConductorService, call: Call) -> Reply:
    service.terminate_workflow(call.places[0], one(call.asked(), "reason"))
    return DONE


def _task_defs(service: ConductorService, _call: Call) -> Reply:
    return json([plain(each) for each in service.metadata.tasks.values()])


def _task_def(service: ConductorService, call: Call) -> Reply:
    return json(plain(service.metadata.task(call.places[0])))


def _put_task_defs(service: ConductorService, call: Call) -> Reply:
    service.metadata.put_tasks(call.read(_TASK_DEFS))
    return DONE


def _change_task_def(service: ConductorService, call: Call) -> Reply:
    service.metadata.change_task(call.read(_TASK_DEF))
    return DONE


def _drop_task_def(service: ConductorService, call: Call) -> Reply:
    service.metadata.drop_task(call.places[0])
    return DONE


def _workflow_defs(service: ConductorService, _call: Call) -> Reply:
    return json([plain(each) for each in service.metadata.workflows()])


def _workflow_def(service: ConductorService, call: Call) -> Reply:
    version = number(call.asked(), "version", 0) or None
    return json(plain(service.metadata.workflow(call.places[0], version).definition))


def _add_workflow_def(service: ConductorService, call: Call) -> Reply:
    service.metadata.add_workflow(call.read(_WORKFLOW_DEF))
    return DONE


def _put_workflow_defs(service: ConductorService, call: Call) -> Reply:
    service.metadata.put_workflows(call.read(_WORKFLOW_DEFS))
    return DONE


def _drop_workflow_def(service: ConductorService, call: Call) -> Reply:
    name, version = call.places
    service.metadata.drop_workflow(name, number({"version": [version]}, "version", 1))
    return DONE


_TASK_DEF_PATHS: Final = ("/metadata/taskdef", "/metadata/taskdefs")
_WORKFLOW_DEF_PATHS: Final = ("/metadata/workflowdef", "/metadata/workflow")


def _below(paths: tuple[str, ...], rest: str) -> tuple[str, ...]:
    return tuple(path + rest for path in paths)


OPERATIONS: Final = {
    each.name: each
    for each in (
        *TASKS,
        Operation("start_workflow", "POST", ("/workflow",), _start),
        Operation("start_workflow_by_name", "POST", ("/workflow/{}",), _start_by_name),
        Operation("workflow", "GET", ("/workflow/{}",), _workflow),
        Operation("workflow_status", "GET", ("/workflow/{}/status",), _status),
        Operation("running_workflows", "GET", ("/workflow/running/{}",), _running),
        Operation("terminate_workflow", "DELETE", ("/workflow/{}",), _terminate),
        Operation("task_defs", "GET", _TASK_DEF_PATHS, _task_defs),
        Operation("put_task_defs", "POST", _TASK_DEF_PATHS, _put_task_defs),
        Operation("change_task_def", "PUT", _TASK_DEF_PATHS, _change_task_def),
        Operation("task_def", "GET", _below(_TASK_DEF_PATHS, "/{}"), _task_def),
        Operation("drop_task_def", "DELETE", _below(_TASK_DEF_PATHS, "/{}"), _drop_task_def),
        Operation("workflow_defs", "GET", _WORKFLOW_DEF_PATHS, _workflow_defs),
        Operation("add_workflow_def", "POST", _WORKFLOW_DEF_PATHS, _add_workflow_def),
        Operation("put_workflow_defs", "PUT", _WORKFLOW_DEF_PATHS, _put_workflow_defs),
        Operation("workflow_def", "GET", _below(_WORKFLOW_DEF_PATHS, "/{}"), _workflow_def),
        Operation("drop_workflow_def", "DELETE", _below(_WORKFLOW_DEF_PATHS, "/{}/{}"), _drop_workflow_def),
    )
}
"""Every call, by its name."""
