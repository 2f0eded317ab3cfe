"""Programs as they were written for `rms-cloud-tasks` run here as they are."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.e2e.programs import ROOT, Ended, Programs

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


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_arguments_may_be_functions_and_values_of_the_programs_own_classes(
    programs: Programs, method: str
) -> None:
    programs.tasks(1)
    (programs.directory / "tool.py").write_text(
        "def process_task(i, d, w):\n    return False, w.args.go(w)\n"
    )
    source = """
        import argparse, dataclasses, sys, uuid
        from cloud_tasks.worker import Worker
        import tool

        def double(worker_data):
            return [2 * worker_data.args.size.value, str(worker_data.args.run)]

        @dataclasses.dataclass
        class Size:
            value: int

        def process_task(task_id, task_data, worker_data):
            return tool.process_task(task_id, task_data, worker_data)

        if __name__ == "__main__":
            parser = argparse.ArgumentParser()
            parser.add_argument("--run", type=uuid.UUID)
            parser.add_argument("--size", type=lambda text: Size(int(text)))
            parser.set_defaults(go=double)
            sys.exit(Worker(FUNCTION, args=sys.argv[1:], argparser=parser).run())
    """
    run = "00000000-0000-0000-0000-000000000005"
    for function in ("process_task", "tool.process_task"):
        ended = programs.run(
            source.replace("FUNCTION", function),
            "--task-file", "tasks.json", "--start-method", method, "--run", run, "--size", "4",
        )  # fmt: skip
        assert results(ended)[-1:] == [[8, run]], function


def test_an_argument_that_is_only_there_under_the_guard_is_named(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import argparse, sys
        from cloud_tasks.worker import Worker

        def process_task(task_id, task_data, worker_data):
            return False, None

        if __name__ == "__main__":
            def handler():
                pass
            parser = argparse.ArgumentParser()
            parser.set_defaults(func=handler)
            sys.exit(Worker(process_task, args=sys.argv[1:], argparser=parser).run())
        """,
        "--task-file",
        "tasks.json",
    )
    assert ended.status == 2, ended
    assert (
        "argument `func` cannot be made again in a task process: `handler` is not in module" in ended.stderr
    )
    assert "Traceback" not in ended.stderr


WAYS = {
    "partial": "task = functools.partial(work, 7)",
    "partial of its own file": "task = functools.partial(tool.work, 7)",
    "object": "task = Tool(7)",
    "object that holds a lock": "task = Locked(7)",
    "method": "task = Tool(7).run",
    "method of an object that holds a lock": "locked = Locked(7); task = locked.run",
    "classmethod": "task = Tool.of_class",
    "inherited classmethod": "task = Derived.of_class",
    "staticmethod": "task = Tool.of_none",
    "closure": "task = make(7)",
    "lambda": "task = lambda i, d, w: (False, 7)",
    "decorated without wraps": "task = undone(lambda i, d, w: (False, 7))",
    "coroutine function": "task = functools.partial(waiting, 7)",
}


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize("way", WAYS)
def test_a_task_function_may_be_whatever_can_be_found_or_made_again(
    programs: Programs, way: str, method: str
) -> None:
    programs.tasks(1)
    (programs.directory / "tool.py").write_text("def work(n, i, d, w):\n    return False, n\n")
    ended = programs.run(
        f"""
        import functools, sys, threading
        from cloud_tasks.worker import Worker
        import tool

        def work(n, task_id, task_data, worker_data):
            return False, n

        async def waiting(n, task_id, task_data, worker_data):
            return False, n

        def make(n):
            return lambda i, d, w: (False, n)

        def undone(function):
            def inner(*values):
                return function(*values)
            return inner

        class Tool:
            def __init__(self, n):
                self.n = n
            def __call__(self, task_id, task_data, worker_data):
                return False, self.n
            def run(self, task_id, task_data, worker_data):
                return False, self.n
            @classmethod
            def of_class(cls, task_id, task_data, worker_data):
                return False, 7
            @staticmethod
            def of_none(task_id, task_data, worker_data):
                return False, 7

        class Derived(Tool):
            pass

        class Locked(Tool):
            def __init__(self, n):
                super().__init__(n)
                self.lock = threading.Lock()

        {WAYS[way]}

        if __name__ == "__main__":
            sys.exit(Worker(task, args=sys.argv[1:]).run())
        """,
        "--task-file", "tasks.json", "--start-method", method,
    )  # fmt: skip
    assert results(ended) == [7]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_what_the_guard_sets_up_in_a_task_function_is_there_in_its_tasks(
    programs: Programs, method: str
) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import functools, sys
        from cloud_tasks.worker import Worker

        def work(n, task_id, task_data, worker_data):
            return False, n

        task = functools.partial(work, 1)

        if __name__ == "__main__":
            task = functools.partial(work, 7)
            sys.exit(Worker(task, args=sys.argv[1:]).run())
        """,
        "--task-file", "tasks.json", "--start-method", method,
    )  # fmt: skip
    assert results(ended) == [7]


def test_a_closure_that_is_another_one_when_the_program_is_imported_is_refused(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker import Worker

        def make(n):
            return lambda i, d, w: (False, n)

        task = make(1)

        if __name__ == "__main__":
            task = make(7)
            sys.exit(Worker(task, args=sys.argv[1:]).run())
        """,
        "--task-file",
        "tasks.json",
    )
    assert ended.status == 2, ended
    assert "`task` of module `__main__` is another one when task processes import it" in ended.stderr


@pytest.mark.parametrize("method", METHODS)
def test_success_first_may_decorate_the_function(programs: Programs, method: str) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker import Worker, success_first

        @success_first
        def process_task(task_id, task_data):
            return True, "done"

        if __name__ == "__main__":
            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
        """,
        "--task-file", "tasks.json", "--start-method", method,
    )  # fmt: skip
    assert results(ended) == ["done"]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_directory_may_be_the_program(programs: Programs, method: str) -> None:
    programs.tasks(1)
    (programs.directory / "app").mkdir()
    programs.write(
        """
        import sys
        from cloud_tasks.worker import Worker
        from helper import RESULT

        def process_task(task_id, task_data, worker_data):
            return False, RESULT

        if __name__ == "__main__":
            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
        """,
        "app/__main__.py",
    )
    programs.write("RESULT = 7", "app/helper.py")
    ended = programs.launch("app", "--task-file", "tasks.json", "--start-method", method).finish()
    assert results(ended) == [7]


@pytest.mark.parametrize("runner", ["process", "pool", "inline"])
def test_tasks_can_wait_for_the_events_of_the_worker(programs: Programs, runner: str) -> None:
    programs.tasks(1)
    ended = programs.run(
        """
        import sys
        from cloud_tasks.worker.worker import Worker, WorkerData

        def process_task(task_id, task_data, worker_data: WorkerData):
            events = worker_data.termination_event, worker_data.shutdown_event
            seen = [event.is_set() for event in events]
            seen.append(worker_data.shutdown_event.wait(0.01))
            seen.append(worker_data.termination_event.wait(30))
            return False, [*seen, *(event.is_set() for event in events)]

        if __name__ == "__main__":
            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
        """,
        "--task-file", "tasks.json", "--runner", runner, "--simulate-spot-termination-after", "0.5",
    )  # fmt: skip
    assert results(ended) == [[False, False, False, True, True, False]]


def test_both_import_paths_give_the_same_and_load_little() -> None:
    code = (
        "import sys; from cloud_tasks.worker.worker import Worker, WorkerData;"
        "import cloud_tasks.worker as facade;"
        "assert (Worker, WorkerData) == (facade.Worker, facade.WorkerData);"
        "print(*sorted(set(sys.modules) & {'asyncio', 'msgspec', 'argparse', 'threading', 'inspect'}))"
    )
    done = subprocess.run(  # noqa: S603 - the interpreter with a line from here
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("count", "options", "words"),
    [
        (9, ("--simulate-spot-termination-after", "0.5"), True),
        (5000, ("--simulate-spot-termination-after", "0.5"), True),
        (2, ("--simulate-spot-termination-after", "0.5"), False),
        (2, (), False),
        (9, ("--max-num-tasks", "2"), False),
    ],
    ids=["some are left", "more than are read ahead are left", "none is left", "to its end", "so many"],
)
def test_tasks_of_the_program_that_were_never_asked_for_are_spoken_of(
    programs: Programs, count: int, options: tuple[str, ...], *, words: bool
) -> None:
    waits = "--simulate-spot-termination-after" in options
    ended = programs.run(
        f"""
        import sys
        from cloud_tasks.worker import Worker

        def tasks():
            for number in range({count}):
                yield {{"task_id": f"t{{number}}", "data": {{}}}}

        def process_task(task_id, task_data, worker_data):
            return False, {waits} and worker_data.termination_event.wait(30)

        if __name__ == "__main__":
            sys.exit(Worker(process_task, task_source=tasks, args=sys.argv[1:]).run())
        """,
        "--num-simultaneous-tasks", "2", *options,
    )  # fmt: skip
    assert len(ended.of_type("task_completed")) == 2, ended
    assert ("problem: the source was not exhausted" in ended.stderr) is words, ended
    assert ended.status == (1 if words else 0), ended
    assert "Traceback" not in ended.stderr
