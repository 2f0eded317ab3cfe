"""Every call that `conductor-python` offers and the stand-in has; prints what came back as JSON.

usage: oss_calls.py URL
"""

from __future__ import annotations

import json
import sys
from typing import Any

# The client has no types.
from conductor.client.configuration.configuration import Configuration  # type: ignore[import-untyped]
from conductor.client.http.api.task_resource_api import TaskResourceApi  # type: ignore[import-untyped]
from conductor.client.http.api_client import ApiClient  # type: ignore[import-untyped]
from conductor.client.http.models import (  # type: ignore[import-untyped]
    StartWorkflowRequest,
    TaskDef,
    TaskResult,
    WorkflowDef,
    WorkflowTask,
)
from conductor.client.http.rest import ApiException  # type: ignore[import-untyped]
from conductor.client.orkes_clients import OrkesClients  # type: ignore[import-untyped]


def main() -> None:
    """Call, and print."""
    configuration = Configuration(server_api_url=sys.argv[1])
    clients = OrkesClients(configuration)
    metadata, tasks = clients.get_metadata_client(), clients.get_task_client()
    workflows = clients.get_workflow_client()
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
    three = workflows.start_workflow_by_name("w", {"x": 3})
    told["size"] = tasks.get_queue_size_for_task("t")
    polled = tasks.poll_task("t", "me")
    told["polled"] = [polled.status, polled.worker_id, polled.input_data, polled.poll_count]
    told["step"] = [polled.workflow_task.name, polled.workflow_task.task_definition.retry_count]
    (other,) = tasks.batch_poll_tasks("t", "me", 5, 100, "d")
    told["domain"] = other.domain
    tasks.add_task_log(polled.task_id, "a line")
    told["logs"] = [each.log for each in tasks.get_task_logs(polled.task_id)]
    told["polls"] = [[each.queue_name, each.domain] for each in tasks.get_task_poll_data("t")]
    ids = {"task_id": polled.task_id, "workflow_instance_id": polled.workflow_instance_id}
    following = TaskResourceApi(ApiClient(configuration)).update_task_v2(
        body=TaskResult(**ids, worker_id="me", status="COMPLETED")
    )
    told["following"] = following.input_data
    told["status"] = tasks.get_task(polled.task_id).status
    told["by_name"] = tasks.update_task_by_ref_name(three, "t", "COMPLETED", {"y": 1}) == following.task_id
    told["empty"] = tasks.batch_poll_tasks("t", "me", 5, 100)
    done = workflows.get_workflow(one)
    told["workflow"] = [done.status, done.correlation_id, len(done.tasks)]
    workflows.terminate_workflow(two, "enough")
    ended = workflows.get_workflow(two, include_tasks=False)
    told["ended"] = [ended.status, ended.reason_for_incompletion]
    told["summary"] = workflows.get_workflow_status(one).status
    metadata.unregister_task_def("t")
    told["errors"] = [_error(lambda: metadata.get_task_def("t")), _error(lambda: workflows.get_workflow("n"))]
    print(json.dumps(told))  # noqa: T201 - that is what it is for


def _error(call: Any) -> list[Any]:
    try:
        call()
    except ApiException as error:
        return [error.status, json.loads(error.body)["message"]]
    return []


if __name__ == "__main__":
    main()
