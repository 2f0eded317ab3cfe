"""The examples as a user runs them: as programs, from some other directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .places import EXAMPLES

_TIMEOUT_S = 90


def run(
    program: str, *arguments: str, directory: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RMS_CLOUD_TASKS_")}
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, str(EXAMPLES / program), *arguments],
        cwd=directory,
        env={**clean, "PYTHONPATH": str(EXAMPLES.parent), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_tasks(path: Path) -> list[dict[str, Any]]:
    return [event for event in events(path) if "task_id" in event]


def test_quickstart(tmp_path: Path) -> None:
    task_file = str(EXAMPLES / "quickstart" / "tasks.json")
    done = run("quickstart/worker.py", "--task-file", task_file, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    results = {event["task_id"]: event["result"] for event in of_tasks(tmp_path / "events.log")}
    assert results["greet-ada"] == "Hello, Ada! (greet-ada, attempt 1)"
    assert sorted(results) == ["greet-ada", "greet-edsger", "greet-grace"]


def test_addition_adds(tmp_path: Path) -> None:
    task_file = EXAMPLES / "parallel_addition" / "addition_tasks.json"
    done = run(
        "parallel_addition/worker_addition.py",
        *("--task-file", str(task_file), "--max-num-tasks", "50", "--num-simultaneous-tasks", "4"),
        directory=tmp_path,
        ADDITION_OUTPUT_DIR="sums",
        ADDITION_TASK_DELAY="-0.01",
    )
    assert done.returncode == 0, done.stderr
    tasks = json.loads(task_file.read_text())[:50]
    expected = {
        f"{task['task_id']}.txt": "{num1} + {num2} = {sum}\n".format(
            **task["data"], sum=sum(task["data"].values())
        )
        for task in tasks
    }
    assert {path.name: path.read_text() for path in (tmp_path / "sums").iterdir()} == expected
    assert sorted(event["task_id"] for event in of_tasks(tmp_path / "events.log")) == [
        task["task_id"] for task in tasks
    ]


def test_addition_fails_where_it_is_told_to(tmp_path: Path) -> None:
    task_file = tmp_path / "tasks.json"
    pairs = [{"task_id": f"t{number}", "data": {"num1": 1, "num2": 2}} for number in range(3)]
    task_file.write_text(json.dumps([*pairs, {"task_id": "half", "data": {"num1": 1}}]))
    endings = {
        "ADDITION_EXCEPTION_PROBABILITY": "task_exception",
        "ADDITION_TIMEOUT_PROBABILITY": "task_timed_out",
        "ADDITION_EXIT_PROBABILITY": "task_exited",
    }
    for variable, event_type in endings.items():
        log = tmp_path / f"{event_type}.jsonl"
        done = run(
            "parallel_addition/worker_addition.py",
            *("--task-file", str(task_file), "--num-simultaneous-tasks", "4", "--max-runtime", "2"),
            *("--event-log-file", str(log)),
            directory=tmp_path,
            **{variable: "1"},
        )
        assert done.returncode == 1, done.stderr
        found = {event["task_id"]: event for event in of_tasks(log)}
        assert [found[f"t{number}"]["event_type"] for number in range(3)] == [event_type] * 3
        assert found["half"]["result"] == "missing: num2"
    assert not (tmp_path / "results").exists()


def test_census_of_a_few_files(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    for number in range(6):
        (library / f"m{number}.py").write_text(f"def f():\n    return {number}\n")
    (library / "broken.py").write_text("def f(:\n")
    arguments = ("--stdlib", str(library), "--report-dir", str(tmp_path / "report"), "--limit", "6")
    done = run("stdlib_census/run.py", *arguments, "--num-simultaneous-tasks", "2", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "broken.py" in done.stdout
    page = (tmp_path / "report" / "index.html").read_text()
    assert "6 source files" in page
    assert "2 at a time" in page
    assert len(of_tasks(tmp_path / "report" / "events.jsonl")) == 6


def test_census_of_nothing(tmp_path: Path) -> None:
    done = run("stdlib_census/run.py", "--stdlib", str(tmp_path), directory=tmp_path)
    assert done.returncode == 2
    assert "no Python files" in done.stderr


def test_chaos_is_accounted_for(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    # More time than the tasks need: on a busy machine a slow task must not look like one that hangs.
    arguments = ("--tasks", "30", "--seed", "3", "--max-runtime", "5", "--event-log-file", str(log))
    done = run("chaos/run.py", *arguments, directory=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "30 tasks, 30 accounted for exactly once, 30 as expected" in done.stdout


def test_an_unknown_kind_of_chaos(tmp_path: Path) -> None:
    done = run("chaos/run.py", "--kinds", "peace", directory=tmp_path)
    assert done.returncode == 2
    assert "unknown kind 'peace'" in done.stderr


def test_f2_f18_short_soak(tmp_path: Path) -> None:
    arguments = ("--runs", "2", "--tasks", "20", "--max-runtime", "3", "--gone-within", "5")
    done = run("chaos/soak.py", *arguments, directory=tmp_path, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "2 runs, 0 of them with trouble" in done.stdout


def test_f18_killing_the_worker_leaves_no_process(tmp_path: Path) -> None:
    arguments = ("--runs", "2", "--kill-worker", "--max-runtime", "30", "--gone-within", "5")
    done = run(
        "chaos/soak.py", *arguments, "--kinds", "hanging,processes", directory=tmp_path, TMPDIR=str(tmp_path)
    )
    assert done.returncode == 0, done.stdout
