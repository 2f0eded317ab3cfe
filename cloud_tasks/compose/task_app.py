"""Importing the modules whose task functions a worker runs."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem, ProblemsError, ProgramError
from cloud_tasks.runners.loading import import_problem
from cloud_tasks.task_app import registry

DEFAULT_MODULE = "tasks"
_NOTHING_STARTED = "nothing started; 0 tasks taken"


def import_app(named: str | None, directory: Path) -> None:
    """Import the modules of an application; the directory is searched first, as for a program in it.

    Args:
        named: Names of modules with commas between them; None: `tasks`, if there is a tasks.py.
        directory: Where to look for them.

    Raises:
        ConfigurationError: No module is named, or none of them marks a function with @task.
        ProgramError: A module cannot be imported.
    """
    modules = import_modules(named, directory, DEFAULT_MODULE, "the module that marks functions with @task")
    if not any(registry.all_definitions()):
        raise ConfigurationError(
            Problem(
                f"there is no task function in {' and '.join(modules)}",
                helps=("mark functions with @task, from cloud_tasks.tasks",),
                notes=(_NOTHING_STARTED,),
            )
        )


def import_modules(named: str | None, directory: Path, default: str, what: str) -> Sequence[str]:
    """Import the modules of an application; the directory is searched first, as for a program in it.

    Args:
        named: Names of modules with commas between them; None: the default, if it is there.
        directory: Where to look for them.
        default: Name of the module where none is named.
        what: Which module is meant, in words.

    Returns:
        Their names.

    Raises:
        ConfigurationError: No module is named, and there is no default.
        ProgramError: A module cannot be imported.
    """
    modules = _modules(named, directory, default, what)
    path = os.fspath(directory)
    if path not in sys.path:
        sys.path.insert(0, path)
    for module in modules:
        _import(module)
    return modules


def _modules(named: str | None, directory: Path, default: str, what: str) -> Sequence[str]:
    if named is not None:
        modules = [name.strip() for name in named.split(",") if name.strip()]
        if modules:
            return modules
    elif (directory / f"{default}.py").is_file() or (directory / default / "__init__.py").is_file():
        return [default]
    raise ConfigurationError(
        Problem(
            "no application is named, so that there is no function to run",
            helps=(
                f"use `--app MODULE` with {what}",
                f"or start the worker in a directory with a {default}.py",
            ),
            notes=(_NOTHING_STARTED,),
        )
    )


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ProblemsError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - boundary: the user's program runs in there
        raise ProgramError(import_problem(module, error, "for the worker")) from None
