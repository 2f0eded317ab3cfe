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


def test_a_pool_of_processes_in_a_function_in_the_worker_does_not_end_it(programs: Programs) -> None:
    programs.tasks(4)
    ended = programs.run(
        """
        import multiprocessing, sys
        from cloud_tasks.worker import Worker

        def square(number):
            return number * number

        def process_task(task_id, task_data, worker_data):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return False, pool.map(square, [1, 2, 3])

        if __name__ == "__main__":
            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
        """,
        "--task-file", "tasks.json", "--runner", "inline",
    )  # fmt: skip
    assert ended.status == 0, ended
    assert [event["result"] for event in ended.of_type("task_completed")] == [[1, 4, 9]] * 4
    assert "received SIG" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("before", ["", "signal.signal(number, lambda *_: os._exit(7))", "on_loop(number)"])
def test_a_fork_of_the_program_hears_signals_as_if_there_were_no_worker(
    programs: Programs, number: str, before: str
) -> None:
    programs.tasks(1)
    ended = programs.run(
        f"""
        import asyncio, os, signal, sys, time
        from cloud_tasks.worker import Worker

        number = signal.{number}

        async def process_task(task_id, task_data, worker_data):
            await asyncio.sleep(1)
            return False, "done"

        def on_loop(number):
            asyncio.get_running_loop().add_signal_handler(number, print, "nobody called")

        def status_of_fork():
            pid = os.fork()
            if pid == 0:
                try:
                    os.kill(os.getpid(), number)
                    time.sleep(10)
                except BaseException:
                    os._exit(5)
                os._exit(1)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        async def main():
            {before}
            work = asyncio.create_task(Worker(process_task, args=sys.argv[1:]).start())
            await asyncio.sleep(0.5)
            print("fork:", status_of_fork())
            print("summary:", (await work).counts.completed, (await work).exit_status)

        if __name__ == "__main__":
            asyncio.run(main())
        """,
        "--task-file",
        "tasks.json",
    )
    status = 7 if "_exit" in before else 5 if number == "SIGINT" else -15
    assert f"fork: {status}\n" in ended.stdout, ended
    assert "summary: 1 0\n" in ended.stdout, ended
