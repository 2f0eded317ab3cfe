"""Finding the Conductor workers of an application."""

from __future__ import annotations

import sys
from pathlib import Path

from cloud_tasks.compose.task_app import import_modules
from cloud_tasks.conductor_app.workers import WorkerAbc, decorated_workers
from cloud_tasks.errors import ConfigurationError, Problem

DEFAULT_MODULE = "workers"
LIST = "workers"


def find_workers(named: str | None, directory: Path) -> list[WorkerAbc]:
    """Import the modules of an application, and find its workers.

    They are those in a list `workers` of a module, and those of functions decorated with `worker_task`.

    Args:
        named: Names of modules with commas between them; None: `workers`, if there is a workers.py.
        directory: Where to look for them.

    Raises:
        ConfigurationError: No module is named, or none of them has a worker.
        ProgramError: A module cannot be imported.
    """
    modules = import_modules(named, directory, DEFAULT_MODULE, "the module that has the workers")
    found = [one for module in modules for one in _listed(module)]
    found += decorated_workers()
    if not found:
        raise ConfigurationError(
            Problem(
                f"there is no Conductor worker in {' and '.join(modules)}",
                helps=(f"name them in a list `{LIST}`, or decorate functions with `worker_task`",),
                notes=("nothing started; 0 tasks taken",),
            )
        )
    return found


def _listed(module: str) -> list[WorkerAbc]:
    listed = getattr(sys.modules[module], LIST, ())
    if not isinstance(listed, list | tuple):
        return []
    return [one for one in listed if isinstance(one, WorkerAbc)]
