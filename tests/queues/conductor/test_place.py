"""Where results wait: that they can is seen when a queue is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.conductor.place import open_spool
from cloud_tasks.queues.conductor.settings import ConductorSettings

HOMELESS = """
import os
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.conductor.place import open_spool
from cloud_tasks.queues.conductor.settings import ConductorSettings
os.environ.clear()
os.setuid(54321)
try:
    open_spool(ConductorSettings(task_types=("a",)))
except ConfigurationError as error:
    print(error)
"""


def test_a_directory_is_made_and_left_empty(tmp_path: Path) -> None:
    spool = open_spool(ConductorSettings(task_types=("a",), results_dir=str(tmp_path / "made" / "here")))
    assert list(spool.directory.iterdir()) == []


def test_what_cannot_be_a_directory_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be kept on disk") as told:
        open_spool(ConductorSettings(task_types=("a",), results_dir=str(tmp_path / "file" / "results")))
    assert "--results-dir" in told.value.problems[0].helps[0]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without a home")
def test_who_has_no_home_is_told(tmp_path: Path) -> None:
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", HOMELESS], capture_output=True, text=True, timeout=60, check=False
    )
    assert "cannot be kept on disk: Could not determine home directory" in ended.stdout, ended.stderr
