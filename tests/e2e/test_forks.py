"""Functions that fork in the worker's own process, and programs that do."""

from __future__ import annotations

import pytest

from tests.e2e.programs import Programs

FORKING = """
    import asyncio, os, sys, time
    from cloud_tasks.worker import Worker

    def answer(task_id):
        pid = os.fork() if task_id == "t1" else 1
        if pid == 0:
            return False, "answer of the fork"
        if task_id == "t1":
            with open("fork", "w") as file:
                file.write(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
        return False, "answer of " + task_id

    async def on_loop(task_id, task_data, worker_data):
        await asyncio.sleep(0)
        return answer(task_id)

    def in_thread(task_id, task_data, worker_data):
        return answer(task_id)

    if __name__ == "__main__":
        function = globals()[sys.argv[1]]
        sys.exit(Worker(function, args=sys.argv[2:]).run())
"""


@pytest.mark.parametrize("function", ["on_loop", "in_thread"])
def test_a_fork_that_returns_from_a_function_in_the_worker_is_no_second_worker(
    programs: Programs, function: str
) -> None:
    programs.tasks(6)
    ended = programs.run(FORKING, function, "--task-file", "tasks.json", "--runner", "inline")
    assert ended.status == 0, ended
    results = {event["task_id"]: event["result"] for event in ended.of_type("task_completed")}
    assert results == {f"t{n}": f"answer of t{n}" for n in range(6)}
    assert len(ended.of_type("task_completed")) == 6
    assert len(ended.of_type("worker_stopped")) == 1
    assert (ended.directory / "fork").read_text() == "0"
