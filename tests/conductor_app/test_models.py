"""Tasks and results, as programs see them and as the server has them."""

from __future__ import annotations

import pytest

from cloud_tasks.conductor import Task, TaskExecLog, TaskResult, TaskResultStatus


def test_a_task_has_the_fields_that_the_server_tells() -> None:
    task = Task.from_json(
        {
            "taskId": "t1",
            "workflowInstanceId": "w1",
            "inputData": {"a": 1},
            "retryCount": 2,
            "responseTimeoutSeconds": 60,
            "loopOverTask": False,
            "somethingNew": 1,
        }
    )
    assert (task.task_id, task.workflow_instance_id, task.input_data) == ("t1", "w1", {"a": 1})
    assert (task.retry_count, task.response_timeout_seconds, task.loop_over_task) == (2, 60, False)
    assert task.output_data == {}
    assert task.domain is None
    assert task.to_dict()["retry_count"] == 2
    assert task.to_json() == {
        "taskId": "t1",
        "workflowInstanceId": "w1",
        "inputData": {"a": 1},
        "outputData": {},
        "retryCount": 2,
        "responseTimeoutSeconds": 60,
        "loopOverTask": False,
    }
    assert Task.from_json(task.to_json()) == task
    assert task != Task("t2")


def test_a_task_can_be_made_by_hand_for_a_test_of_a_worker() -> None:
    task = Task("t1", "w1", input_data={"a": 1}, retry_count=1)
    assert (task.task_id, task.input_data, task.retry_count) == ("t1", {"a": 1}, 1)
    with pytest.raises(TypeError, match="'retries'"):
        Task("t1", retries=1)


@pytest.mark.parametrize("status", [TaskResultStatus.COMPLETED, "COMPLETED"], ids=["member", "name"])
def test_a_status_is_a_name_or_a_member(status: TaskResultStatus | str) -> None:
    result = TaskResult(status=status)
    assert result.status is TaskResultStatus.COMPLETED
    assert result.status == "COMPLETED"


@pytest.mark.parametrize("status", ["DONE", "completed", ""])
def test_another_status_is_refused(status: str) -> None:
    result = TaskResult()
    with pytest.raises(ValueError, match="Invalid value for `status`"):
        result.status = status


def test_a_result_tells_what_was_said_and_nothing_else() -> None:
    result = TaskResult("w1", "t1", worker_id="me", status="COMPLETED")
    assert result.to_json() == {"status": "COMPLETED"}
    result.add_output_data("a", 1).add_output_data("b", [2])
    result.log("first").log("second")
    result.callback_after_seconds = 5
    assert result.to_json() == {
        "status": "COMPLETED",
        "outputData": {"a": 1, "b": [2]},
        "logs": [{"log": "first"}, {"log": "second"}],
        "callbackAfterSeconds": 5,
    }


def test_logs_may_be_text_or_entries() -> None:
    result = TaskResult(logs=["plain", TaskExecLog("with a time", "t1", 5)], status="FAILED")
    assert result.to_json()["logs"] == [
        {"log": "plain"},
        {"log": "with a time", "taskId": "t1", "createdTime": 5},
    ]
