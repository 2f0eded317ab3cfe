"""The tasks of the census: one for each source file of a directory."""

from __future__ import annotations

import dataclasses
import os
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import census
from cloud_tasks.worker import WorkerData
from measures import FileMeasure

_NOT_THE_LIBRARY = {"site-packages", "dist-packages", "__pycache__"}


def standard_library() -> Path:
    """Where this interpreter's standard library is."""
    return Path(sysconfig.get_path("stdlib"))


def source_files(directory: Path) -> list[Path]:
    """Every Python file below a directory, relative to it, sorted; installed packages left out."""
    found: list[Path] = []
    for parent, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name not in _NOT_THE_LIBRARY]
        found.extend((Path(parent) / name).relative_to(directory) for name in names if name.endswith(".py"))
    return sorted(found)


def make_tasks(directory: Path, files: list[Path]) -> Iterator[dict[str, Any]]:
    """One task for each file. The number keeps ids apart, because they hold no slash."""
    for number, file in enumerate(files, 1):
        dotted = ".".join(file.with_suffix("").parts)
        yield {
            "task_id": f"{number:04d}-{dotted}",
            "data": {"directory": str(directory), "file": file.as_posix()},
        }


def measure_file(
    task_id: str,
    task_data: dict[str, Any],
    worker_data: WorkerData,
) -> tuple[bool, dict[str, Any]]:
    """Measure one file; the result is its measures, or why it cannot be parsed."""
    source = (Path(task_data["directory"]) / task_data["file"]).read_bytes()
    started = time.monotonic()
    measures = census.measure(source)
    return False, {
        "file": task_data["file"],
        "size_bytes": len(source),
        "measuring_s": round(time.monotonic() - started, 6),
        "parsed": isinstance(measures, FileMeasure),
        **dataclasses.asdict(measures),
    }
