"""A user's mistakes: what is wrong, where, how to mend it; status 2, and never a traceback."""

from __future__ import annotations

import pytest

from tests.e2e.programs import Ended, Programs

PLAIN = """
    import sys
    from cloud_tasks.worker import Worker

    def process_task(task_id, task_data, worker_data):
        return False, None

    if __name__ == "__main__":
        sys.exit(Worker(process_task, args=sys.argv[1:]).run())
"""


def refused(ended: Ended, *words: str) -> None:
    assert ended.status == 2, ended
    assert "Traceback" not in ended.stderr, ended
    for word in words:
        assert word in ended.stderr, ended
    assert not ended.of_type("task_completed")


def test_f05_zero_workers_are_refused(programs: Programs) -> None:
    programs.tasks(1)
    refused(
        programs.run(PLAIN, "--task-file", "tasks.json", "--num-simultaneous-tasks", "0"),
        "--num-simultaneous-tasks",
        ">= 1",
    )


def test_all_bad_values_are_told_at_once(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(
        PLAIN, "--task-file", "tasks.json", "--max-runtime", "10 mins", "--max-runtme", "3",
        env={"RMS_CLOUD_TASKS_RETRY_ON_EXIT": "maybe"},
    )  # fmt: skip
    refused(
        ended, "10 mins", "10m", "--max-runtme", "--max-runtime", "RMS_CLOUD_TASKS_RETRY_ON_EXIT", "maybe"
    )


def test_input_01_a_missing_task_file(programs: Programs) -> None:
    programs.tasks(1, name="tasks_all.json")
    refused(programs.run(PLAIN, "--task-file", "task_all.json"), "task_all.json", "tasks_all.json")


def test_input_03_a_task_file_that_is_cut_short_starts_nothing(programs: Programs) -> None:
    path = programs.tasks(3)
    path.write_text(path.read_text()[:-20])
    refused(programs.run(PLAIN, "--task-file", "tasks.json"), "tasks.json:1:")


def test_f36_part_of_a_broken_file_runs_only_when_that_was_asked_for(programs: Programs) -> None:
    path = programs.tasks(3)
    path.write_text(path.read_text()[:-10])
    ended = programs.run(PLAIN, "--task-file", "tasks.json", "--allow-partial")
    assert len(ended.of_type("task_completed")) == 2, ended
    assert "tasks.json:1:" in ended.stderr


def test_without_a_check_what_is_good_runs_and_the_fault_is_told(programs: Programs) -> None:
    path = programs.tasks(3)
    path.write_text(path.read_text()[:-10])
    ended = programs.run(PLAIN, "--task-file", "tasks.json", "--no-check")
    assert ended.status == 1, ended
    assert len(ended.of_type("task_completed")) == 2
    assert "--tasks-to-skip 2" in ended.stderr


def test_f36_what_is_left_out_of_an_unchecked_file_is_told_at_the_end(programs: Programs) -> None:
    path = programs.tasks(3)
    path.write_text(path.read_text()[:-10])
    ended = programs.run(PLAIN, "--task-file", "tasks.json", "--no-check", "--allow-partial")
    assert len(ended.of_type("task_completed")) == 2, ended
    assert ended.status == 0, ended
    assert "warning: " in ended.stderr
    assert "tasks.json:1:" in ended.stderr
    again = programs.directory / "again.jsonl"
    again.write_text('{"task_id": "a", "data": {}}\n' * 2)
    ended = programs.run(PLAIN, "--task-file", "again.jsonl", "--no-check", "--on-duplicate", "skip")
    assert [event["task_id"] for event in ended.of_type("task_completed")[2:]] == ["a"], ended
    assert "again.jsonl:2:" in ended.stderr


def test_what_was_skipped_before_a_fault_is_skipped_again(programs: Programs) -> None:
    path = programs.tasks(5)
    path.write_text(path.read_text()[:-10])
    ended = programs.run(PLAIN, "--task-file", "tasks.json", "--no-check", "--tasks-to-skip", "10")
    assert ended.of_type("task_completed") == [], ended
    assert "go on with `--tasks-to-skip 10`" in ended.stderr
    assert "0 tasks were handed out before it, and none after" in ended.stderr


def test_input_02_an_empty_list_is_no_tasks_and_no_mistake(programs: Programs) -> None:
    (programs.directory / "tasks.json").write_text("[]")
    ended = programs.run(PLAIN, "--task-file", "tasks.json")
    assert ended.status == 0, ended


def test_input_13_no_source_at_all(programs: Programs) -> None:
    refused(programs.run(PLAIN), "--task-file", "--provider")


def test_input_13_a_provider_without_an_adapter(programs: Programs) -> None:
    refused(programs.run(PLAIN, "--provider", "azure", "--job-id", "my-job"), "AZURE", "--provider AWS")


def test_input_18_a_program_without_a_main_guard(programs: Programs) -> None:
    programs.tasks(1)
    refused(
        programs.run(
            """
            import sys
            from cloud_tasks.worker import Worker

            def process_task(task_id, task_data, worker_data):
                return False, None

            sys.exit(Worker(process_task, args=sys.argv[1:]).run())
            """,
            "--task-file",
            "tasks.json",
        ),
        '__name__ == "__main__"',
    )


def test_input_18_a_function_that_task_processes_cannot_find(programs: Programs) -> None:
    programs.tasks(1)
    source = """
        import sys
        from cloud_tasks.worker import Worker

        if __name__ == "__main__":
            factor = 3
            sys.exit(Worker(lambda i, d, w: (False, d["n"] + factor), args=sys.argv[1:]).run())
    """
    refused(programs.run(source, "--task-file", "tasks.json"), "--start-method fork")
    ended = programs.run(source, "--task-file", "tasks.json", "--start-method", "fork")
    assert ended.status == 0, ended
    assert ended.of_type("task_completed")[0]["result"] == 3


def test_input_20_an_event_log_that_cannot_be_written(programs: Programs) -> None:
    programs.tasks(1)
    refused(
        programs.run(PLAIN, "--task-file", "tasks.json", "--event-log-file", "no/such/place.log"),
        "no/such/place.log",
    )


def test_an_argument_of_the_program_that_clashes_with_one_of_ours(programs: Programs) -> None:
    refused(
        programs.run(
            """
            import argparse, sys
            from cloud_tasks.worker import Worker

            def process_task(task_id, task_data, worker_data):
                return False, None

            if __name__ == "__main__":
                parser = argparse.ArgumentParser()
                parser.add_argument("--max-runtime")
                Worker(process_task, args=sys.argv[1:], argparser=parser)
            """
        ),
        "--max-runtime",
    )


@pytest.mark.parametrize(
    ("parameters", "wrapped", "words"),
    [
        ("task_id, task_data", "process_task", ("worker_data", "success_first(process_task)")),
        ("task_id", "process_task", ("worker_data",)),
        (
            "task_id, task_data, worker_data",
            "success_first(process_task)",
            ("called with (task_id, task_data)",),
        ),
    ],
    ids=["the older form, not marked", "too few", "too many"],
)
def test_a_function_that_cannot_be_called_takes_no_task(
    programs: Programs, parameters: str, wrapped: str, words: tuple[str, ...]
) -> None:
    programs.tasks(1)
    program = f"""
        import sys
        from cloud_tasks.worker import Worker, success_first

        def process_task({parameters}):
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker({wrapped}, args=sys.argv[1:]).run())
    """
    refused(programs.run(program, "--task-file", "tasks.json"), f"({parameters})", *words)


@pytest.mark.parametrize("flag", ["--show-config", "--help"])
def test_asking_for_information_starts_nothing(programs: Programs, flag: str) -> None:
    programs.tasks(1)
    ended = programs.run(PLAIN, "--task-file", "tasks.json", flag, env={"RMS_CLOUD_TASKS_MAX_RUNTIME": "90"})
    assert ended.status == 0, ended
    assert "max_runtime" in ended.stdout or "--max-runtime" in ended.stdout
    if flag == "--show-config":
        assert "RMS_CLOUD_TASKS_MAX_RUNTIME" in ended.stdout
    assert ended.events == []


@pytest.mark.parametrize("runner", ["process", "inline"])
@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("5", ("the task function is 5, of type int",)),
        ("'tool:process_task'", ("of type str", "from tool import process_task", "Worker(process_task")),
        ("None", ("None",)),
        ("success_first(5)", ("of type int",)),
        ("process_task('', {}, None)", ("of type tuple", "without calling it")),
    ],
)
def test_a_task_function_that_cannot_be_called_takes_no_task(
    programs: Programs, function: str, words: tuple[str, ...], runner: str
) -> None:
    programs.tasks(1)
    program = f"""
        import sys
        from cloud_tasks.worker import Worker, success_first

        def process_task(task_id, task_data, worker_data):
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker({function}, args=sys.argv[1:]).run())
    """
    ended = programs.run(program, "--task-file", "tasks.json", "--runner", runner)
    refused(ended, "cannot be called", *words)


@pytest.mark.parametrize("function", ["time.sleep", "min"])
def test_a_function_of_the_interpreter_is_no_traceback(programs: Programs, function: str) -> None:
    """Some of them say what they take, and some do not: their tasks fail then."""
    programs.tasks(1)
    ended = programs.run(
        f"""
        import sys, time
        from cloud_tasks.worker import Worker

        if __name__ == "__main__":
            sys.exit(Worker({function}, args=sys.argv[1:]).run())
        """,
        "--task-file",
        "tasks.json",
    )
    assert ended.status in (1, 2), ended
    assert "Traceback" not in ended.stderr


def test_a_class_that_is_no_task_function_says_so(programs: Programs) -> None:
    programs.tasks(1)
    ended = programs.run(PLAIN.replace("Worker(process_task", "Worker(dict"), "--task-file", "tasks.json")
    assert ended.status in (1, 2), ended
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("source", ["", "task_source=tasks, "])
@pytest.mark.parametrize("variable", [False, True])
def test_waiting_for_more_tasks_of_what_has_an_end_is_warned_of(
    programs: Programs, source: str, *, variable: bool
) -> None:
    programs.tasks(1)
    program = f"""
        import sys
        from cloud_tasks.worker import Worker

        def tasks():
            yield {{"task_id": "t", "data": {{}}}}

        def process_task(task_id, task_data, worker_data):
            return False, None

        if __name__ == "__main__":
            sys.exit(Worker(process_task, {source}args=sys.argv[1:]).run())
    """
    given = () if source else ("--task-file", "tasks.json")
    plain = programs.run(program, *given)
    assert (plain.status, "has no effect" in plain.stderr) == (0, False), plain
    if variable:
        ended = programs.run(program, *given, env={"RMS_CLOUD_TASKS_EXIT_WHEN_EMPTY": "no"})
    else:
        ended = programs.run(program, *given, "--no-exit-when-empty")
    assert ended.status == 0, ended
    assert "warning: `--no-exit-when-empty` has no effect" in ended.stderr
