"""What holds for a task file as a whole: checked or streamed, in memory that does not grow with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import TaskFileError
from cloud_tasks.task_file import CheckProgress, open_task_file
from cloud_tasks.task_file.formats import reader_for
from cloud_tasks.task_file.json_reader import JsonListReader
from cloud_tasks.task_file.limits import DEFAULT_LIMITS
from cloud_tasks.task_file.local_source import PositionedReader, open_local
from tests.task_file.files import Write, read, refused, streamed

NAMES = ["tasks.json", "tasks.jsonl", "tasks.yaml"]


def content(tasks: Iterable[Task], name: str) -> str:
    rows = [json.dumps({"task_id": task.task_id, "data": dict(task.data)}) for task in tasks]
    if name.endswith(".jsonl"):
        return "".join(f"{row}\n" for row in rows)
    if name.endswith(".json"):
        return "[\n" + ",\n".join(rows) + "\n]\n"
    return "".join(f"- {row}\n" for row in rows)


def some(count: int) -> list[Task]:
    return [Task(f"task-{number}", {"number": number}) for number in range(count)]


@pytest.mark.parametrize("name", NAMES)
def test_a_checked_file_gives_its_tasks_as_often_as_asked(write: Write, name: str) -> None:
    tasks = open_task_file(write(content(some(3), name), name))
    assert (tasks.count, tasks.problems) == (3, ())
    assert list(tasks) == some(3)
    assert list(zip(tasks, tasks, strict=True)) == list(zip(some(3), some(3), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_f15_the_tasks_before_a_fault_are_all_handed_out(write: Write, name: str) -> None:
    path = write(content([*some(5), Task("", {}), Task("never", {})], name), name)
    ids, shown = streamed(path)
    assert ids == [f"task-{number}" for number in range(5)]
    assert "it is empty" in shown
    assert "5 tasks were handed out before it, and none after" in shown
    assert "go on with `--tasks-to-skip 5`" in shown


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_f15_a_file_that_is_cut_short_is_no_normal_end(write: Write, name: str) -> None:
    ids, shown = streamed(write(content(some(3), name)[:-15], name))
    assert ids == ["task-0", "task-1"]
    assert "cut short" in shown


def test_f36_an_object_instead_of_a_list_runs_nothing(write: Write) -> None:
    path = write(content(some(1), "tasks.jsonl"))
    assert "expected a list of tasks, found the key `task_id` of a mapping" in refused(path)
    assert streamed(path)[0] == []


def test_f36_a_file_that_is_cut_short_runs_nothing(write: Write) -> None:
    path = write(content(some(1000), "tasks.json")[:-5])
    assert "999 tasks were valid, none queued; nothing started" in refused(path)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_task_comes_before_the_whole_file_was_read(write: Write, name: str) -> None:
    path = write(content(some(20_000), name), name)
    done_bytes: list[int] = []
    opened = open_local(str(path))
    items = iter(reader_for(opened.suffix, PositionedReader(opened, done_bytes.append), name, DEFAULT_LIMITS))
    assert next(items) == some(1)[0]
    assert done_bytes[-1] < opened.size_bytes / 2
    opened.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_check_tells_how_far_it_is(write: Write, name: str) -> None:
    told: list[CheckProgress] = []
    path = write(content(some(20_000), name), name)
    open_task_file(path, progress=told.append).close()
    assert len(told) > 2
    assert [report.done_bytes for report in told] == sorted(report.done_bytes for report in told)
    assert told[-1].done_bytes == told[-1].total_bytes == path.stat().st_size
    assert told[-1].task_count == 20_000


def test_a_file_that_is_replaced_after_the_check_changes_nothing(write: Write) -> None:
    path = write(content(some(3), "tasks.json"))
    tasks = open_task_file(path)
    os.replace(write(content(some(9), "tasks.json"), "new.json"), path)  # noqa: PTH105
    assert list(tasks) == some(3)
    path.unlink()
    assert list(tasks) == some(3)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_written_to_after_the_check_is_refused(write: Write, name: str) -> None:
    path = write(content(some(3), name), name)
    tasks = open_task_file(path)
    with path.open("a") as file:
        file.write("\n")
    with pytest.raises(TaskFileError) as caught:
        list(tasks)
    assert "was changed while it was in use" in render(caught.value.problems)


def test_allow_partial_leaves_out_faults_and_duplicates(write: Write) -> None:
    path = write(content([*some(2), Task("a/b", {}), *some(1), Task("end", {})], "tasks.json"))
    tasks = open_task_file(path, allow_partial=True)
    assert tasks.count == 3
    assert [task.task_id for task in tasks] == ["task-0", "task-1", "end"]
    assert len(tasks.problems) == 2
    unchecked = open_task_file(path, allow_partial=True, check=False)
    assert [task.task_id for task in unchecked] == ["task-0", "task-1", "end"]
    assert [str(problem.place) for problem in unchecked.problems] == ["tasks.json:4:13", "tasks.json:5:13"]


def test_a_closed_file_holds_no_descriptor(write: Write) -> None:
    path = write("[]")
    before = os.dup(0)
    os.close(before)
    open_task_file(path).close()
    refused(write("", "bad.json"))
    # The lowest free number is handed out, so a descriptor that is still open shows.
    after = os.dup(0)
    os.close(after)
    assert after == before


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 50])
def test_where_a_chunk_ends_makes_no_difference(write: Write, chunk_bytes: int) -> None:
    first_item = '{"task_id" : "ä\U0001f600", "data":{"x":[1.5, true, "\\ud83d\\ude00"]}}'
    text = f' [ {first_item} ,\r\n\t{{"task_id":"b","data":{{}}}}\n,3 ]'
    opened = open_local(str(write(text)))
    reader = JsonListReader(PositionedReader(opened), "tasks.json", DEFAULT_LIMITS, chunk_bytes=chunk_bytes)
    first, second, third = reader
    opened.close()
    assert [first, second] == [Task("ä\U0001f600", {"x": [1.5, True, "\U0001f600"]}), Task("b", {})]
    assert "task 3: expected a mapping" in render(third.problems)  # type: ignore[union-attr]
    assert "--> tasks.json:3:2" in render(third.problems)  # type: ignore[union-attr]


PEAK = """
import re, resource, sys
from pathlib import Path
from cloud_tasks.task_file import open_task_file
tasks = open_task_file(sys.argv[1])
assert sum(1 for _ in tasks) == tasks.count == int(sys.argv[2])
if sys.platform == "linux":
    # What getrusage tells begins with the size of the process that started this one.
    print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_bytes(path: Path, count: int) -> int:
    command = [sys.executable, "-c", PEAK, str(path.absolute()), str(count)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)  # noqa: S603
    return int(done.stdout)


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_memory_does_not_grow_with_the_file(write: Write, name: str) -> None:
    def rows(count: int) -> Iterator[Task]:
        return (Task(f"task-number-{number}", {"text": "x" * 100}) for number in range(count))

    small = peak_bytes(write(content(rows(1_000), name), f"small-{name}"), 1_000)
    large = peak_bytes(write(content(rows(100_000), name), f"large-{name}"), 100_000)
    assert large - small < 15_000_000


def test_reading_a_huge_task_takes_time_in_proportion_to_its_size(write: Write) -> None:
    big = Task("big", {"rows": [{"a": number, "b": "x" * 30} for number in range(100_000)]})
    assert read(write(content([big], "tasks.json"))) == [big]
