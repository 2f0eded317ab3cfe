"""Fetches a task file from a bucket, and opens the paths of rms-filecache that users pass in."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

from cloud_tasks.errors import Problem, TaskFileError
from cloud_tasks.task_file.addresses import redacted
from cloud_tasks.task_file.local_source import OpenedFile

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_REASON_CHARS_MAX = 400

_CREDENTIALS = {
    "s3": "credentials are looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in the profile"
    " AWS_PROFILE of ~/.aws, then at the machine's role",
    "gs": "credentials are looked for in GOOGLE_APPLICATION_CREDENTIALS, in what `gcloud auth"
    " application-default login` left, then at the machine's service account",
}


@runtime_checkable
class CloudPath(Protocol):
    """What is used of a path of rms-filecache (`FCPath`)."""

    @property
    def suffix(self) -> str:
        """How its name ends, with the dot."""
        ...

    def open(self, mode: str) -> AbstractContextManager[IO[bytes]]:
        """Fetch the file if need be, and open it."""
        ...


def fetch_from_bucket(url: str) -> OpenedFile:
    """Download a file at `s3://` or `gs://` into a temporary file.

    Raises:
        TaskFileError: It cannot be fetched.
    """
    scheme = url.partition(":")[0].lower()
    try:
        # Two seconds, and only needed for files in buckets.
        from filecache import FileCache
    except ImportError:
        raise TaskFileError(
            Problem(
                f"cannot fetch `{redacted(url)}`: this needs the package rms-filecache",
                helps=("pip install 'cloud-tasks[remote]'",),
            )
        ) from None
    try:
        # A cache of its own: one that others share could hold an older file under the same name.
        with FileCache(cache_name=None) as cache:
            return _opened(Path(str(cache.retrieve(url))), redacted(url), Path(url).suffix)
    except Exception as error:  # boundary: several cloud SDKs, each with errors of its own
        raise TaskFileError(_failure(redacted(url), error, scheme)) from error


def open_cloud_path(path: CloudPath) -> OpenedFile:
    """Open a path that a user passed in, by its own means.

    Raises:
        TaskFileError: It cannot be opened.
    """
    name = redacted(str(path)) if "://" in str(path) else str(path)
    try:
        with path.open("rb") as file:
            return OpenedFile(os.dup(file.fileno()), name, path.suffix)
    except Exception as error:  # boundary: the path's library and the SDKs below it
        raise TaskFileError(_failure(name, error, name.partition(":")[0])) from error


def _opened(path: Path, name: str, suffix: str) -> OpenedFile:
    return OpenedFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC), name, suffix)


def _failure(name: str, error: Exception, scheme: str) -> Problem:
    """What a cloud SDK said, in one line and without secrets."""
    said = " ".join(_URL.sub(lambda match: redacted(match.group()), str(error)).split())
    notes = (_CREDENTIALS[scheme],) if scheme in _CREDENTIALS else ()
    return Problem(f"cannot fetch `{name}`: {type(error).__name__}: {said[:_REASON_CHARS_MAX]}", notes=notes)
