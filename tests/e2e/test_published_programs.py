"""Programs as they were written for `rms-cloud-tasks` run here as they are."""

from __future__ import annotations

import pytest

from tests.e2e.programs import Ended, Programs

METHODS = ["forkserver", "spawn", "fork"]


def results(ended: Ended) -> list[object]:
    assert ended.status == 0, ended
    return [event["result"] for event in ended.of_type("task_completed")]


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_may_be_made_at_the_top_level_of_the_program(programs: Programs, method: str) -> None:
    programs.tasks(2)
    ended = programs.run(
        """
        import asyncio, sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            return False, task_data["n"]

        worker = Worker(process_task, args=sys.argv[1:])

        if __name__ == "__main__":
            asyncio.run(worker.start())
        """,
        "--task-file", "tasks.json", "--start-method", method,
    )  # fmt: skip
    assert sorted(map(str, results(ended))) == ["0", "1"]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize("start", ["worker.run()", "asyncio.run(worker.start())"])
def test_a_worker_that_is_started_at_the_top_level_is_refused(
    programs: Programs, method: str, start: str
) -> None:
    programs.tasks(1)
    ended = programs.run(
        f"""
        import asyncio, sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            return False, None

        worker = Worker(process_task, args=sys.argv[1:])
        {start}
        """,
        "--task-file", "tasks.json", "--start-method", method,
    )  # fmt: skip
    assert ended.status == 2, ended
    assert "starts a Worker when it is imported" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.events == []


def test_settings_that_are_read_while_the_program_is_imported_are_refused_in_words(
    programs: Programs,
) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            return False, None

        worker = Worker(process_task, args=sys.argv[1:])
        JOB = worker.worker_data.job_id

        if __name__ == "__main__":
            sys.exit(worker.run())
        """,
        "--task-file",
        "tasks.json",
    )
    assert ended.status == 2, ended
    assert "worker.worker_data" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_task_cannot_start_the_worker_that_runs_it(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            return False, worker.run()

        worker = Worker(process_task, args=sys.argv[1:])

        if __name__ == "__main__":
            sys.exit(worker.run())
        """,
        "--task-file",
        "tasks.json",
    )
    assert ended.status == 1, ended
    assert "inside a task" in ended.of_type("task_exception")[0]["exception"]
