"""What the task database says of a job, in answers for a command."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cloud_tasks.cli.call import refused
from cloud_tasks.errors import Problem
from cloud_tasks.task_db import JobFacts, read_facts


def job_facts(path: Path) -> JobFacts | None:
    """What is in a database; None if it is not there.

    Raises:
        ConfigurationError: The file is no task database.
    """
    if not path.exists():
        return None
    try:
        return read_facts(path)
    except sqlite3.Error as error:
        raise refused(Problem(f"`{path}` cannot be read as a task database: {error}")) from None
