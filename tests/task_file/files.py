from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import TaskFileError
from cloud_tasks.task_file import Limits, open_task_file
from cloud_tasks.task_file.limits import DEFAULT_LIMITS

Write = Callable[..., Path]


def read(path: Path | str, **options: object) -> list[Task]:
    """All tasks of a file."""
    tasks = open_task_file(path, **options)  # type: ignore[arg-type]
    try:
        return list(tasks)
    finally:
        tasks.close()


def refused(path: Path | str, **options: object) -> str:
    """What a user sees of a file that is refused."""
    with pytest.raises(TaskFileError) as caught:
        open_task_file(path, **options)  # type: ignore[arg-type]
    return render(caught.value.problems)


def streamed(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> tuple[list[str], str]:
    """The ids that come from a file that was not checked, and what a user sees at the first fault."""
    tasks = open_task_file(path, check=False, limits=limits)
    assert tasks.count is None
    ids: list[str] = []
    try:
        with pytest.raises(TaskFileError) as caught:
            ids.extend(task.task_id for task in tasks)
        return ids, render(caught.value.problems)
    finally:
        tasks.close()
