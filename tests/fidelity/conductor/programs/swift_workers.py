"""Workers as a user of `swift-conductor-client` writes them; they run until standard input ends.

No `from __future__ import annotations` here: the client looks at annotations, and takes text for no type.

usage: swift_workers.py URL
"""

import sys
from typing import Any

# The client has no types.
from swift_conductor.automation.worker_host import WorkerHost  # type: ignore[import-untyped]
from swift_conductor.configuration import Configuration  # type: ignore[import-untyped]
from swift_conductor.http.models.task import Task  # type: ignore[import-untyped]
from swift_conductor.http.models.task_exec_log import TaskExecLog  # type: ignore[import-untyped]
from swift_conductor.http.models.task_result import TaskResult  # type: ignore[import-untyped]
from swift_conductor.http.models.task_result_status import (  # type: ignore[import-untyped]
    TaskResultStatus,
)
from swift_conductor.worker.worker_abc import WorkerAbc  # type: ignore[import-untyped]
from swift_conductor.worker.worker_impl import WorkerImpl  # type: ignore[import-untyped]

POLL_MS = 20


class Scripted(WorkerAbc):  # type: ignore[misc] # the client has no types
    """Does what the input says."""

    def __init__(self, name: Any, domain: str | None = None) -> None:
        super().__init__(name)
        self.domain = domain
        self.poll_interval = POLL_MS

    def execute(self, task: Any) -> Any:
        result = self.get_task_result_from_task(task)
        result.status = TaskResultStatus.COMPLETED
        result.add_output_data("input", task.input_data)
        result.add_output_data("domain", task.domain)
        what = task.input_data.get("do", "")
        if what == "raise once" and not task.retry_count:
            raise ValueError("not yet")
        if what == "give up":
            result.status = TaskResultStatus.FAILED_WITH_TERMINAL_ERROR
            result.reason_for_incompletion = "hopeless"
        if what == "call back" and task.poll_count == 1:
            result.status = TaskResultStatus.IN_PROGRESS
            result.callback_after_seconds = 1
        if what == "log":
            result.logs = [TaskExecLog("a line", task.task_id, 1000)]
        return result


def plain(task):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - without them it is given the task
    """A function without annotations: it is given the task, and returns the output."""
    return {"id": task.task_id}


def whole(task: Task) -> TaskResult:
    """A function that makes the result itself."""
    return TaskResult(status=TaskResultStatus.COMPLETED, output_data={"seen": task.input_data})


def main() -> None:
    """Run them."""
    workers = [
        Scripted("scripted"),
        Scripted(["left", "right"]),
        Scripted("in_domain", "d"),
        WorkerImpl("plain", plain, poll_interval=POLL_MS),
        WorkerImpl("whole", whole, poll_interval=POLL_MS),
    ]
    with WorkerHost(workers, Configuration(server_api_url=sys.argv[1])) as host:
        host.start_processes()
        sys.stdin.read()


if __name__ == "__main__":
    main()
