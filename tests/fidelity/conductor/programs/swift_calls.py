"""Every call that `swift-conductor-client` offers and the stand-in has; prints what came back as JSON.

usage: swift_calls.py URL
"""

from __future__ import annotations

import json
import sys
from typing import Any

# The client has no types.
from swift_conductor.clients.metadata_client import MetadataClient  # type: ignore[import-untyped]
from swift_conductor.clients.task_client import TaskClient  # type: ignore[import-untyped]
from swift_conductor.clients.workflow_client import WorkflowClient  # type: ignore[import-untyped]
from swift_conductor.configuration import Configuration  # type: ignore[import-untyped]
from swift_conductor.exceptions.api_error import APIError  # type: ignore[import-untyped]
from swift_conductor.http.models import (  # type: ignore[import-untyped]
    StartWorkflowRequest,
    TaskDef,
    TaskResult,
    WorkflowDef,
    WorkflowTask,
)


def main() -> None:
    """Call, and print."""
    configuration = Configuration(server_api_url=sys.argv[1])
    metadata, tasks = MetadataClient(configuration), TaskClient(configuration)
    workflows = WorkflowClient(configuration)
    told: dict[str, Any] = {}

    metadata.register_task_def(TaskDef(name="t", retry_count=1))
    metadata.update_task_def(TaskDef(name="t", retry_count=2))
    told["task_def"] = metadata.get_task_def("t").retry_count
    told["task_defs"] = [each.name for each in metadata.get_all_task_defs()]
    step = WorkflowTask(name="t", task_reference_name="t", input_parameters={"x": "${workflow.input.x}"})
    metadata.register_workflow_def(WorkflowDef(name="w", version=1, tasks=[step]))
    metadata.update_workflow_def(WorkflowDef(name="w", version=2, tasks=[step]))
    told["workflow_def"] = metadata.get_workflow_def("w").version
    told["workflow_defs"] = [each.version for each in metadata.get_all_workflow_defs()]
    metadata.unregister_workflow_def("w", 2)

    one = workflows.start_workflow_by_name("w", {"x": 1}, correlationId="c")
    two = workflows.start_workflow(StartWorkflowRequest(name="w", version=1, task_to_domain={"t": "d"}))
    told["size"] = tasks.get_queue_size_for_task("t")
    polled = tasks.poll_task("t", "me")
    told["polled"] = [polled.status, polled.worker_id, polled.input_data, polled.poll_count]
    told["step"] = [polled.workflow_task.name, polled.workflow_task.task_definition.retry_count]
    (other,) = tasks.batch_poll_tasks("t", "me", 5, 100, "d")
    told["domain"] = other.domain
    told["empty"] = tasks.batch_poll_tasks("t", "me", 5, 100)
    tasks.add_task_log(polled.task_id, "a line")
    told["logs"] = [each.log for each in tasks.get_task_logs(polled.task_id)]
    ids = {"task_id": polled.task_id, "workflow_instance_id": polled.workflow_instance_id}
    told["updated"] = tasks.update_task(TaskResult(**ids, status="COMPLETED")) == polled.task_id
    told["status"] = tasks.get_task(polled.task_id).status
    done = workflows.get_workflow(one)
    told["workflow"] = [done.status, done.correlation_id, len(done.tasks)]
    workflows.terminate_workflow(two, "enough")
    ended = workflows.get_workflow(two, includeTasks=False)
    told["ended"] = [ended.status, ended.reason_for_incompletion]
    metadata.unregister_task_def("t")
    told["errors"] = [_error(lambda: metadata.get_task_def("t")), _error(lambda: workflows.get_workflow("n"))]
    print(json.dumps(told))  # noqa: T201 - that is what it is for


def _error(call: Any) -> list[str]:
    try:
        call()
    except APIError as error:
        return [error.code.value, error.message]
    return []


if __name__ == "__main__":
    main()
