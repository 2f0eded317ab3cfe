"""What a program can count on, run as a user runs it."""

from __future__ import annotations

import json

import pytest

from tests.e2e.programs import Programs

SEED_EXAMPLE = """
    import asyncio
    import sys
    from cloud_tasks.worker import Worker, WorkerData

    def process_task(task_id: str, task_data: dict, worker_data: WorkerData) -> tuple[bool, str | dict]:
        print(f"Processing task {task_id}")
        print(f"Task data: {task_data}")
        return False, "Task completed successfully"

    if __name__ == "__main__":
        worker = Worker(process_task, args=sys.argv[1:])
        asyncio.run(worker.start())
"""


def test_the_example_of_the_documentation_runs(programs: Programs) -> None:
    programs.tasks(5)
    ended = programs.run(SEED_EXAMPLE, "--task-file", "tasks.json")
    assert ended.status == 0, ended
    completed = ended.of_type("task_completed")
    assert sorted(event["task_id"] for event in completed) == [f"t{n}" for n in range(5)]
    assert {event["result"] for event in completed} == {"Task completed successfully"}
    assert all(event["retry"] is False and event["elapsed_time"] > 0 for event in completed)
    assert "Processing task t3" in ended.stdout
    assert "Task data: {'n': 3}" in ended.stdout, "task_data is the task's data mapping"
    assert {"timestamp", "hostname", "event_type"} <= set(ended.events[0])
    assert [ended.events[0]["event_type"], ended.events[-1]["event_type"]] == [
        "worker_started",
        "worker_stopped",
    ]


def test_a_worker_may_be_made_inside_a_coroutine_and_called_without_arguments(programs: Programs) -> None:
    programs.tasks(2)
    ended = programs.run(
        """
        import asyncio
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker):
            return False, worker.args.task_file

        async def main():
            worker = Worker(process_task)
            summary = await worker.start()
            print("completed", summary.counts.completed, summary.exit_status)

        if __name__ == "__main__":
            asyncio.run(main())
        """,
        "--task-file",
        "tasks.json",
    )
    assert ended.status == 0, ended
    assert "completed 2 0" in ended.stdout
    assert {event["result"] for event in ended.of_type("task_completed")} == {"tasks.json"}


WORKER_DATA_NAMES = [
    "provider",
    "project_id",
    "job_id",
    "queue_name",
    "exactly_once_queue",
    "event_log_to_queue",
    "event_log_queue_name",
    "event_log_to_file",
    "event_log_file",
    "keepalive_interval",
    "instance_type",
    "num_cpus",
    "memory_gb",
    "local_ssd_gb",
    "boot_disk_gb",
    "is_spot",
    "price_per_hour",
    "num_simultaneous_tasks",
    "max_runtime",
    "max_memory_allowed_per_task",
    "shutdown_grace_period",
    "retry_on_exit",
    "retry_on_exception",
    "retry_on_timeout",
    "simulate_spot_termination_after",
    "simulate_spot_termination_delay",
    "received_termination_notice",
    "received_shutdown_request",
    "attempt",
    "deadline",
]


@pytest.mark.parametrize("runner", ["process", "pool", "inline"])
def test_worker_data_carries_every_setting_into_every_runner(programs: Programs, runner: str) -> None:
    programs.tasks(1)
    ended = programs.run(
        f"""
        import argparse, asyncio, sys, time
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            seen = {{name: getattr(worker_data, name) for name in {WORKER_DATA_NAMES!r}}}
            seen["deadline_in_s"] = worker_data.deadline - time.monotonic()
            seen["mine"] = worker_data.args.my_arg
            worker_data.progress(1, 2)
            return False, seen

        if __name__ == "__main__":
            parser = argparse.ArgumentParser()
            parser.add_argument("--my-arg", type=str, required=True)
            asyncio.run(Worker(process_task, args=sys.argv[1:], argparser=parser).start())
        """,
        "--my-arg", "hello", "--task-file", "tasks.json", "--runner", runner, "--job-id", "my-job",
        "--memory", "16", "--local-ssd", "100.5", "--boot-disk", "20", "--is-spot", "--price", "0.25",
        "--instance-type", "n2-standard-4", "--num-cpus", "3", "--max-runtime", "2m",
        env={"RMS_CLOUD_TASKS_SHUTDOWN_GRACE_PERIOD": "45", "RMS_CLOUD_TASKS_RETRY_ON_EXIT": "true"},
    )  # fmt: skip
    assert ended.status == 0, ended
    seen = ended.of_type("task_completed")[0]["result"]
    assert 110 < seen.pop("deadline_in_s") <= 120
    assert seen.pop("deadline") > 0
    assert seen == {
        "provider": None, "project_id": None, "job_id": "my-job", "queue_name": "my-job",
        "exactly_once_queue": False, "event_log_to_queue": False, "event_log_queue_name": None,
        "event_log_to_file": True, "event_log_file": "events.log", "keepalive_interval": 60,
        "instance_type": "n2-standard-4", "num_cpus": 3, "memory_gb": 16.0, "local_ssd_gb": 100.5,
        "boot_disk_gb": 20.0, "is_spot": True, "price_per_hour": 0.25, "num_simultaneous_tasks": 3,
        "max_runtime": 120, "max_memory_allowed_per_task": None, "shutdown_grace_period": 45,
        "retry_on_exit": True, "retry_on_exception": False, "retry_on_timeout": False,
        "simulate_spot_termination_after": None, "simulate_spot_termination_delay": None,
        "received_termination_notice": False, "received_shutdown_request": False, "attempt": 1,
        "mine": "hello",
    }  # fmt: skip


def test_the_older_form_runs_through_its_named_adapter(programs: Programs) -> None:
    programs.tasks(2)
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker import Worker, success_first

        def process_task(task_id, task_data):
            return task_data["n"] == 0, f"did {task_id}"

        if __name__ == "__main__":
            sys.exit(Worker(success_first(process_task), args=sys.argv[1:]).run())
        """,
        "--task-file",
        "tasks.json",
    )
    assert ended.status == 0, ended
    asked = {event["task_id"]: event["retry_requested"] for event in ended.of_type("task_completed")}
    assert asked == {"t0": False, "t1": True}
    assert not any(event["retry"] for event in ended.events if "retry" in event), (
        "a local source takes none back"
    )


ODD = """
    import os, signal, sys, time
    from cloud_tasks.worker import Worker

    def process_task(task_id, task_data, worker_data):
        n = task_data["n"]
        if n == 0: raise ValueError("zero is not allowed")
        if n == 1: sys.exit(7)
        if n == 2: os.kill(os.getpid(), signal.SIGKILL)
        if n == 3: return None
        if n == 4: return "ab"
        if n == 5: return False, {"a": [1, {2, 3}]}
        if n == 6: time.sleep(60)
        if n == 7: return "exception", "x"
        if n == 8:
            sys.stderr.write("about to go wrong\\n")
            os._exit(3)
        return False, "fine"

    if __name__ == "__main__":
        sys.exit(Worker(process_task, args=sys.argv[1:]).run())
"""


def test_every_way_to_fail_is_told_as_what_it_is(programs: Programs) -> None:
    programs.tasks(10)
    ended = programs.run(
        ODD, "--task-file", "tasks.json", "--num-simultaneous-tasks", "4", "--max-runtime", "3"
    )
    assert ended.status == 1, ended
    by_task = {event["task_id"]: event for event in ended.events if "task_id" in event}
    assert len(by_task) == 10
    assert len([event for event in ended.events if "task_id" in event]) == 10, "each exactly once"
    assert by_task["t0"]["event_type"] == "task_exception"
    assert "ValueError: zero is not allowed" in by_task["t0"]["exception"]
    assert "process_task" in by_task["t0"]["exception"]
    assert (by_task["t1"]["event_type"], by_task["t1"]["exit_code"]) == ("task_exited", 7)
    assert (by_task["t2"]["event_type"], by_task["t2"]["signal"]) == ("task_exited", "SIGKILL")
    assert by_task["t3"]["exception_kind"] == "wrong_return"
    assert "None" in by_task["t3"]["exception"]
    assert by_task["t4"]["exception_kind"] == "wrong_return"
    assert "ab" in by_task["t4"]["exception"]
    assert by_task["t5"]["exception_kind"] == "not_serializable"
    assert "set" in by_task["t5"]["exception"]
    assert by_task["t6"]["event_type"] == "task_timed_out"
    assert 2.9 < by_task["t6"]["elapsed_time"] < 8
    assert by_task["t7"]["exception_kind"] == "wrong_return"
    assert by_task["t8"]["exit_code"] == 3
    assert "about to go wrong" in by_task["t8"]["stderr_tail"]
    assert by_task["t9"]["result"] == "fine"


def test_f04_a_limit_ends_an_endless_source(programs: Programs) -> None:
    ended = programs.run(
        """
        import itertools, sys
        from cloud_tasks.worker import Worker

        def tasks():
            return ({"task_id": f"t{n}", "data": {}} for n in itertools.count())

        def process_task(task_id, task_data, worker_data):
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker(process_task, task_source=tasks, args=sys.argv[1:]).run())
        """,
        "--max-num-tasks",
        "7",
        "--tasks-to-skip",
        "2",
    )
    assert ended.status == 0, ended
    assert [event["task_id"] for event in ended.of_type("task_completed")] == [f"t{n}" for n in range(2, 9)]
    assert ended.events[-1]["reason"] == "max_num_tasks"


def test_f15_a_source_that_raises_does_not_take_what_it_gave_with_it(programs: Programs) -> None:
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker import Worker

        def tasks():
            for n in range(3):
                yield {"task_id": f"t{n}", "data": {}}
            raise OSError("the share is gone")

        def process_task(task_id, task_data, worker_data):
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker(process_task, task_source=tasks, args=sys.argv[1:]).run())
        """
    )
    assert ended.status == 1, ended
    assert len(ended.of_type("task_completed")) == 3
    assert "the share is gone" in ended.of_type("non_fatal_exception")[0]["exception"]
    assert "Traceback" in ended.of_type("non_fatal_exception")[0]["stack_trace"]
    assert "the share is gone" in ended.stderr
    assert ended.events[-1]["reason"] == "source_failed"


def test_a_queue_of_the_programs_own_is_a_task_source(programs: Programs) -> None:
    ended = programs.run(
        """
        import asyncio, sys
        from cloud_tasks.clock import SystemClock
        from cloud_tasks.core.task import Task
        from cloud_tasks.worker import Worker
        from fakes.queue_model import InMemoryQueue

        def process_task(task_id, task_data, worker_data):
            return worker_data.attempt < 3, worker_data.attempt

        async def main():
            queue = InMemoryQueue(SystemClock())
            await queue.send(Task("again", {}))
            summary = await Worker(process_task, task_source=queue, args=sys.argv[1:]).start()
            print(summary.counts.completed, summary.retried, queue.acked)

        if __name__ == "__main__":
            asyncio.run(main())
        """,
        "--exit-when-empty",
        "0",
    )
    assert ended.status == 0, ended
    assert "3 2 1" in ended.stdout
    assert [(e["result"], e["retry"], e["attempt"]) for e in ended.of_type("task_completed")] == [
        (1, True, 1), (2, True, 2), (3, False, 3),
    ]  # fmt: skip


def test_json_is_the_summary_and_nothing_else_on_stdout(programs: Programs) -> None:
    programs.tasks(3)
    ended = programs.run(SEED_EXAMPLE, "--task-file", "tasks.json", "--json")
    summary = json.loads(ended.stdout)
    assert summary["counts"]["completed"] == 3
    assert summary["tasks_total"] == 3
    assert "Processing task" in ended.stderr


def test_f40_importing_touches_no_logger() -> None:
    import logging
    import subprocess
    import sys

    code = (
        "import logging; before = (logging.root.level, list(logging.root.handlers));"
        "import cloud_tasks, cloud_tasks.worker, cloud_tasks.compose.assembly;"
        "assert before == (logging.root.level, list(logging.root.handlers))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
    assert logging.root is not None


def test_f33_the_runner_that_was_asked_for_is_the_one_that_runs(programs: Programs) -> None:
    programs.tasks(4)
    source = """
        import os, sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            return False, [os.getpid(), os.getppid()]

        if __name__ == "__main__":
            worker = Worker(process_task, args=sys.argv[1:])
            status = worker.run()
            print("worker", os.getpid())
            sys.exit(status)
    """
    pids = {}
    for runner in ("process", "pool", "inline"):
        ended = programs.run(
            source, "--task-file", "tasks.json", "--runner", runner, "--event-log-file", f"{runner}.log"
        )
        assert ended.status == 0, ended
        lines = [json.loads(line) for line in (ended.directory / f"{runner}.log").read_text().splitlines()]
        seen = {event["result"][0] for event in lines if event["event_type"] == "task_completed"}
        pids[runner] = (int(ended.stdout.split()[-1]), seen)
    assert len(pids["process"][1]) == 4, "a process each"
    assert len(pids["pool"][1]) == 1, "one warm process for all"
    assert pids["pool"][1] != {pids["pool"][0]}
    assert pids["inline"][1] == {pids["inline"][0]}, "the worker's own process"
