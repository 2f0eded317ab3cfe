"""Whatever stands in a file: the same tasks as any other reader finds, or a `TaskFileError`."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_tasks.core.task import Json, Task
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import TaskFileError
from cloud_tasks.task_file import open_task_file
from cloud_tasks.task_file.items import Fault
from cloud_tasks.task_file.json_reader import JsonListReader
from cloud_tasks.task_file.limits import DEFAULT_LIMITS
from cloud_tasks.task_file.yaml_reader import YamlReader

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ids = text.filter(lambda value: value and "/" not in value and "\0" not in value)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
tasks = st.builds(Task, task_id=ids, data=st.dictionaries(text, values, max_size=4))
task_lists = st.lists(tasks, max_size=6, unique_by=lambda task: task.task_id)


def plain(found: list[Task]) -> list[dict[str, object]]:
    return [{"task_id": task.task_id, "data": task.data} for task in found]


def read_bytes(content: bytes, suffix: str) -> list[Task]:
    """The tasks of a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"tasks{suffix}")
        path.write_bytes(content)
        opened = open_task_file(path)
        try:
            assert opened.count == len(list(opened))
            return list(opened)
        finally:
            opened.close()


json_styles = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 3, "\t"]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (" , ", " : "), (",\n", ": ")]),
    }
)


@given(task_lists, json_styles, st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_every_json_list_is_read_as_the_standard_library_reads_it(
    expected: list[Task], style: dict[str, Any], chunk_bytes: int
) -> None:
    source = io.BytesIO(json.dumps(plain(expected), **style).encode())
    assert list(JsonListReader(source, "tasks.json", DEFAULT_LIMITS, chunk_bytes)) == expected


@given(task_lists.filter(bool), st.fixed_dictionaries({"ensure_ascii": st.booleans()}))
@settings(max_examples=30, deadline=None)
def test_every_json_lines_file_is_read_line_by_line(expected: list[Task], style: dict[str, bool]) -> None:
    written = "\n".join(json.dumps(item, **style) for item in plain(expected))  # type: ignore[arg-type]
    assert read_bytes(written.encode(), ".jsonl") == expected


yaml_styles = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([None, True, False]),
        "default_style": st.sampled_from([None, "'", '"', "|", ">"]),
        "explicit_start": st.booleans(),
        "explicit_end": st.booleans(),
        "allow_unicode": st.booleans(),
        "indent": st.sampled_from([2, 5]),
        "width": st.sampled_from([20, 80, 10_000]),
    }
)


@given(task_lists, yaml_styles)
@settings(max_examples=60, deadline=None)
def test_every_style_of_yaml_is_read_as_its_own_loader_reads_it(
    expected: list[Task], style: dict[str, Any]
) -> None:
    written = yaml.safe_dump(plain(expected), **style)
    found = list(YamlReader(io.BytesIO(written.encode()), "tasks.yaml", DEFAULT_LIMITS))
    assert found == [Task(item["task_id"], item["data"]) for item in yaml.safe_load(written)]


def tasks_or_words(content: bytes, suffix: str) -> tuple[list[Task], str]:
    """The tasks of a file, or what a user sees when it is refused."""
    try:
        return read_bytes(content, suffix), ""
    except TaskFileError as error:
        return [], render(error.problems)


GOOD = b'[{"task_id": "a", "data": {"x": [1.5, "\\u00e4\xc3\xa4", null]}},\n {"task_id": "b", "data": {}}]\n'
YAML = b"""# tasks
- task_id: a
  data: &d
    x: [1, {y: 'z'}]
    t: |
      one
- {task_id: b, data: *d}
"""
edits = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.integers(0, 6),
        st.binary(max_size=4) | st.sampled_from([b'"', b"}", b"{", b"[", b"\n- "]),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, replacement in changes:
        at = start % (len(content) + 1)
        content = content[:at] + replacement + content[at + length :]
    return content


@given(st.sampled_from([(GOOD, ".json"), (GOOD, ".jsonl"), (YAML, ".yaml"), (GOOD, ".yaml")]), edits)
@settings(max_examples=150, deadline=None)
def test_whatever_is_done_to_a_file_the_answer_is_tasks_or_a_task_file_error(
    start: tuple[bytes, str], changes: list[tuple[int, int, bytes]]
) -> None:
    found, shown = tasks_or_words(edited(start[0], changes), start[1])
    assert shown.startswith("error: ") or not shown
    assert not (found and shown)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert all(task.task_id and isinstance(task.data, dict) for task in found)
    json.dumps(plain(found), allow_nan=False, ensure_ascii=False).encode()


@given(st.sampled_from([".json", ".jsonl", ".yaml"]), st.binary(max_size=60))
@settings(max_examples=80, deadline=None)
def test_any_bytes_are_tasks_or_a_task_file_error(suffix: str, content: bytes) -> None:
    found, shown = tasks_or_words(content, suffix)
    assert (found == []) or not shown


@given(edits)
@settings(max_examples=80, deadline=None)
def test_what_the_fast_check_passes_the_strict_one_passes_too(changes: list[tuple[int, int, bytes]]) -> None:
    """No JSON that the reader takes has a key twice: the count of colons never misses one."""
    content = edited(b'[{"task_id": "a", "data": {"x": ":", "y": {"z": "\\":"}}}]', changes)
    found = list(JsonListReader(io.BytesIO(content), "tasks.json", DEFAULT_LIMITS))
    if any(isinstance(item, Fault) for item in found):
        return

    def no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    json.loads(content, object_pairs_hook=no_key_twice)
