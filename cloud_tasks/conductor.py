"""Workers for Conductor (Swift Conductor, Conductor OSS).

    from cloud_tasks.conductor import Configuration, Task, TaskResult, TaskResultStatus, WorkerAbc, WorkerHost

    class SampleWorker(WorkerAbc):
        def execute(self, task: Task) -> TaskResult:
            result = self.get_task_result_from_task(task)
            result.status = TaskResultStatus.COMPLETED
            result.add_output_data("key", "value")
            return result

    if __name__ == "__main__":
        configuration = Configuration(server_api_url="http://localhost:8080/api")
        with WorkerHost([SampleWorker(task_definition_name="task_1")], configuration) as host:
            host.start_processes()

`python -m cloud_tasks conductor --app my_module` runs the workers of a module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_tasks.conductor_app.calling import current_worker_data
from cloud_tasks.conductor_app.models import (
    NonRetryableError,
    Task,
    TaskExecLog,
    TaskResult,
    TaskResultStatus,
)
from cloud_tasks.conductor_app.workers import Worker, WorkerAbc, worker_task

if TYPE_CHECKING:
    from cloud_tasks.compose.conductor_host import WorkerHost
    from cloud_tasks.conductor_app.configuration import Configuration, MetricsSettings

__all__ = [
    "Configuration",
    "MetricsSettings",
    "NonRetryableError",
    "Task",
    "TaskExecLog",
    "TaskResult",
    "TaskResultStatus",
    "Worker",
    "WorkerAbc",
    "WorkerHost",
    "current_worker_data",
    "worker_task",
]


def __getattr__(name: str) -> object:
    """What only the program itself needs is loaded when it asks: task processes import this module too."""
    if name == "WorkerHost":
        from cloud_tasks.compose.conductor_host import WorkerHost

        return WorkerHost
    if name in ("Configuration", "MetricsSettings"):
        from cloud_tasks.conductor_app import configuration

        return getattr(configuration, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
