"""Descriptors: a worker takes what its slots need, and refuses more slots than the system allows."""

from __future__ import annotations

import sys

import pytest

from tests.e2e.programs import Ended, Programs

SOFT = 256
SLOTS = 70
"""Each takes 5 descriptors, so that they exceed the soft limit together."""
FITTING = 38
"""As many as a worker says fit into a hard limit of 256."""
LIMITED = """
import os, resource, sys
limits = tuple(int(word) for word in sys.argv[1:3])
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
"""
PROGRAM = """
    import os, resource, sys, time
    from cloud_tasks.worker import Worker

    def process_task(task_id, task_data, worker_data):
        open(f"here/{task_id}", "w").close()
        until = time.monotonic() + 10
        while len(os.listdir("here")) < worker_data.num_simultaneous_tasks and time.monotonic() < until:
            time.sleep(0.05)
        return False, resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    if __name__ == "__main__":
        sys.exit(Worker(process_task, args=sys.argv[1:]).run())
"""
"""Its tasks wait for one another, so that all slots are in use at once."""
OF_A_CHILD = SOFT if sys.platform == "linux" else None
"""The limit that task processes see; elsewhere it is that of the worker."""


def run(programs: Programs, hard: int, slots: int, *arguments: str) -> Ended:
    """A worker with a soft limit of 256, and one task for each slot."""
    program, tasks = programs.write(PROGRAM), programs.tasks(slots)
    (programs.directory / "here").mkdir()
    limited = ("-c", LIMITED, str(SOFT), str(hard), str(program))
    options = ("--task-file", str(tasks), "--num-simultaneous-tasks", str(slots))
    return programs.launch(*limited, *options, *arguments).finish()


@pytest.mark.parametrize("runner", ["process", "pool"])
@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
def test_a_small_soft_limit_does_not_keep_slots_from_working(
    programs: Programs, runner: str, start_method: str
) -> None:
    ended = run(programs, 1024, SLOTS, "--runner", runner, "--start-method", start_method)

    assert ended.status == 0, ended
    results = [event["result"] for event in ended.of_type("task_completed")]
    assert len(results) == SLOTS, ended
    if start_method == "forkserver" and OF_A_CHILD is not None:
        assert set(results) == {OF_A_CHILD}  # what a task starts closes no more descriptors than before


@pytest.mark.parametrize("runner", ["process", "pool"])
def test_more_slots_than_the_hard_limit_allows_are_refused_at_the_start(
    programs: Programs, runner: str
) -> None:
    ended = run(programs, SOFT, SLOTS, "--runner", runner)

    assert ended.status == 2, ended
    assert "70 tasks at a time need 414 descriptors" in ended.stderr
    assert "no more than 256 are allowed" in ended.stderr
    assert f"at most {FITTING} tasks at a time" in ended.stderr
    assert "LimitNOFILE=" in ended.stderr
    assert "ulimit -Hn" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.events == []


@pytest.mark.parametrize("runner", ["process", "pool"])
def test_as_many_slots_as_the_refusal_names_do_fit(programs: Programs, runner: str) -> None:
    ended = run(programs, SOFT, FITTING, "--runner", runner)

    assert ended.status == 0, ended
    assert len(ended.of_type("task_completed")) == FITTING, ended


def test_a_worker_of_task_functions_is_held_to_its_concurrency(programs: Programs) -> None:
    programs.write(
        """
        from cloud_tasks.tasks import task

        @task(mode="process")
        def work() -> None:
            pass
        """,
        "app.py",
    )
    worker = ("-m", "cloud_tasks", "worker", "--app", "app", "--sqlite-path", "queue.db")
    limited = ("-c", LIMITED, str(SOFT), str(SOFT), *worker)
    ended = programs.launch(
        *limited, "--concurrency", str(SLOTS), env={"ASYNCTASQ_DRIVER": "sqlite"}
    ).finish()

    assert ended.status == 2, ended
    assert "70 tasks at a time need 414 descriptors" in ended.stderr
    assert "Traceback" not in ended.stderr
