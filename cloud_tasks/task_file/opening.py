"""Opening a task file, wherever it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Literal

from cloud_tasks.task_file.file import CheckProgress, TaskFile
from cloud_tasks.task_file.formats import check_suffix
from cloud_tasks.task_file.limits import DEFAULT_LIMITS, Limits
from cloud_tasks.task_file.local_source import OpenedFile, open_local


def open_task_file(
    source: str | os.PathLike[str],
    *,
    check: bool = True,
    allow_partial: bool = False,
    on_duplicate: Literal["error", "skip"] = "error",
    progress: Callable[[CheckProgress], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> TaskFile:
    """Open a task file, and check all of it unless told otherwise.

    Blocks while the file is fetched and checked.

    Args:
        source: Path of a JSON, JSON lines or YAML file.
        check: Whether to read the whole file before the first task is handed out.
        allow_partial: Whether to leave out what is no task, and tasks whose id was there before, instead of
            refusing the file.
        on_duplicate: What to do with a task whose id was there before: "error" refuses the file, "skip"
            leaves the task out.
        progress: Told how far the check is.
        limits: Bounds on the file and its tasks.

    Raises:
        TaskFileError: With all problems of the file at once (the first few, and how many more there are).
    """
    opened = _open(source, limits)
    try:
        tasks = TaskFile(
            opened,
            limits,
            leaves_out=allow_partial,
            skips_duplicates=allow_partial or on_duplicate == "skip",
        )
        if check:
            tasks.check(progress)
    except BaseException:
        opened.close()
        raise
    return tasks


def _open(source: str | os.PathLike[str], limits: Limits) -> OpenedFile:
    path = os.fspath(source)
    check_suffix(PurePosixPath(path).suffix, path)
    return open_local(path)
