"""A program with workers for every occasion: its arguments are the address and `NAME=VALUE`s."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from cloud_tasks.conductor import (
    Configuration,
    MetricsSettings,
    NonRetryableError,
    Task,
    TaskResult,
    TaskResultStatus,
    Worker,
    WorkerAbc,
    WorkerHost,
    current_worker_data,
)


class Sample(WorkerAbc):
    """As in the published guide."""

    def execute(self, task: Task) -> TaskResult:
        task_result = self.get_task_result_from_task(task)
        task_result.status = TaskResultStatus.COMPLETED
        task_result.add_output_data("outputKey1", "value")
        task_result.add_output_data("oddEven", 1)
        task_result.add_output_data("mod", 4)
        task_result.add_output_data("pid", os.getpid())
        task_result.log("done")
        return task_result

    def get_polling_interval_in_seconds(self) -> float:
        return 0.1


class Resting(Sample):
    """Asks for nothing until a file is there."""

    def paused(self) -> bool:
        return not Path(os.environ["WAKE_UP"]).exists()


class InSteps(WorkerAbc):
    """Needs to be called three times."""

    def execute(self, task: Task) -> TaskResult:
        result = self.get_task_result_from_task(task)
        step = int(task.output_data.get("step", 0)) + 1
        result.status = "COMPLETED" if step == 3 else "IN_PROGRESS"
        result.add_output_data("step", step)
        result.callback_after_seconds = 1
        return result


def misbehave(how: str, task: Task) -> None:
    """Come to the end that the input says, if it says one."""
    if how == "raise":
        raise ValueError(f"attempt {task.retry_count}")
    if how == "give up":
        raise NonRetryableError("it would only happen again")
    if how == "exit":
        sys.exit(0)
    if how == "crash":
        ctypes.string_at(0)
    if how == "be killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hog":
        bytearray(20 * 1024**3)


def behave(task: Task) -> TaskResult | dict[str, Any]:
    """Do what the input says."""
    how = task.input_data["how"]
    misbehave(how, task)
    if how == "set":
        return {"it": {1}}
    if how == "sleep":
        time.sleep(task.input_data["seconds"])
    if how == "await notice":
        Path(task.input_data["started"]).touch()
        while not current_worker_data().received_termination_notice:
            time.sleep(0.01)
        return TaskResult(status="IN_PROGRESS", output_data={"done": 7}, callback_after_seconds=0)
    if how == "fail":
        return TaskResult(status="FAILED", reason_for_incompletion="said so", output_data={"so": "far"})
    return {"did": how}


def flood(task: Task) -> None:
    """Print more than the pipes hold."""
    print("x" * task.input_data["bytes"], flush=True)  # noqa: T201 - that is what it is for


async def on_loop(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "waited"


def workers() -> list[WorkerAbc]:
    slow = Worker("slow", behave, poll_interval=50, thread_count=4)
    slow.timeout_s = 1.0
    slow.memory_limit_gb = 4.0
    return [
        Sample("task_1"),
        Resting("resting"),
        InSteps("steps"),
        Worker("behave", behave, poll_interval=50, thread_count=4),
        Worker("pooled", behave, poll_interval=50, thread_count=2, runner="pool"),
        Worker("flood", flood, poll_interval=50),
        Worker("pooled_flood", flood, poll_interval=50, runner="pool"),
        Worker("threaded", behave, poll_interval=50, thread_count=2, runner="thread"),
        Worker("looped", on_loop, poll_interval=50, thread_count=20),
        slow,
    ]


def main() -> None:
    url, told = sys.argv[1], dict(one.split("=") for one in sys.argv[2:])
    chosen = [one for one in workers() if one.get_task_definition_name() in told["types"].split(",")]
    metrics = MetricsSettings(directory=told["metrics"], update_interval=0.1) if "metrics" in told else None
    configuration = Configuration(server_api_url=url, results_dir=told["results"])
    with WorkerHost(
        chosen,
        configuration,
        metrics,
        shutdown_grace_period=float(told.get("grace", "5")),
        provider=told.get("provider"),
    ) as host:
        host.start_processes()
        print("started", flush=True)  # noqa: T201 - the test waits for it
    print("ended", flush=True)  # noqa: T201 - the test waits for it


if __name__ == "__main__":
    main()
