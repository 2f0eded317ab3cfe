"""Opening a task file, wherever it is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from cloud_tasks.errors import Problem, TaskFileError
from cloud_tasks.task_file.addresses import DEFAULT_RULES, RemoteRules, redacted
from cloud_tasks.task_file.cloud_source import CloudPath, fetch_from_bucket, open_cloud_path
from cloud_tasks.task_file.file import CheckProgress, TaskFile
from cloud_tasks.task_file.formats import check_suffix
from cloud_tasks.task_file.limits import DEFAULT_LIMITS, Limits
from cloud_tasks.task_file.local_source import OpenedFile, open_local

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

Source: TypeAlias = "str | os.PathLike[str] | CloudPath"


def open_task_file(
    source: Source,
    *,
    check: bool = True,
    allow_partial: bool = False,
    on_duplicate: Literal["error", "skip"] = "error",
    skipped: int = 0,
    progress: Callable[[CheckProgress], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    rules: RemoteRules = DEFAULT_RULES,
) -> TaskFile:
    """Open a task file, and check all of it unless told otherwise.

    Blocks while the file is fetched and checked.

    Args:
        source: A JSON, JSON lines or YAML file: a path, a URL (https, s3, gs), or an `FCPath`.
        check: Whether to read the whole file before the first task is handed out.
        allow_partial: Whether to leave out what is no task, and tasks whose id was there before, instead of
            refusing the file.
        on_duplicate: What to do with a task whose id was there before: "error" refuses the file, "skip"
            leaves the task out.
        skipped: How many of the first tasks nobody runs, for what is said of a file that breaks off.
        progress: Told how far the check is.
        limits: Bounds on the file and its tasks.
        rules: Which machines a file may be fetched from.

    Raises:
        TaskFileError: With all problems of the file at once (the first few, and how many more there are).
    """
    opened = _open(source, limits, rules)
    try:
        tasks = TaskFile(
            opened,
            limits,
            leaves_out=allow_partial,
            skips_duplicates=allow_partial or on_duplicate == "skip",
            skipped=skipped,
        )
        if check:
            tasks.check(progress)
    except BaseException:  # boundary: closed, and raised again
        opened.close()
        raise
    return tasks


def _open(source: Source, limits: Limits, rules: RemoteRules) -> OpenedFile:
    if isinstance(source, CloudPath) and not isinstance(source, str | os.PathLike):
        check_suffix(source.suffix, str(source))
        return open_cloud_path(source)
    path = os.fspath(source)
    scheme = _SCHEME.match(path)
    if scheme is None:
        check_suffix(PurePosixPath(path).suffix, path)
        return open_local(path)
    return _open_url(path, scheme[1].lower(), limits, rules)


def _open_url(url: str, scheme: str, limits: Limits, rules: RemoteRules) -> OpenedFile:
    if scheme not in {"https", "s3", "gs"}:
        hint = "did you mean `https://`?" if scheme == "http" else ""
        helps = ("task files are read from this machine, https://, s3:// and gs://",)
        message = f"`{redacted(url)}`: task files are not fetched over {scheme}"
        raise TaskFileError(Problem(message, hint=hint, helps=helps))
    check_suffix(PurePosixPath(url.partition("?")[0].partition("#")[0]).suffix, redacted(url))
    if scheme == "https":
        # ssl and http take a while to import, and most task files are on this machine.
        from cloud_tasks.task_file.https_source import fetch_https

        return fetch_https(url, limits, rules)
    return fetch_from_bucket(url)
