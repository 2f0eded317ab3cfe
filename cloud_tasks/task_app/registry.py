"""The functions that may be run as tasks: those that were marked when their modules were imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import PurePath
from types import CodeType
from typing import TYPE_CHECKING, Any

from cloud_tasks.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from cloud_tasks.task_app.definition import TaskDefinition


class UnknownTaskError(LookupError):
    """A message names a function that this worker does not know."""


_definitions: dict[str, TaskDefinition[Any, Any]] = {}


def add(definition: TaskDefinition[Any, Any]) -> None:
    """Put a function on the list.

    A module that is imported twice, as the main program and by its name, puts the same function there twice.

    Raises:
        ConfigurationError: Another function has this name already.
    """
    older = _definitions.get(definition.name)
    if older is not None and _place(older.function) != _place(definition.function):
        raise ConfigurationError(
            Problem(
                f"two task functions are called `{definition.name}`",
                helps=("give one of them another name: @task(name=...)",),
                notes=(f"one is at {place_of(older.function)}", f"one is at {place_of(definition.function)}"),
            )
        )
    _definitions[definition.name] = definition


def find(name: str) -> TaskDefinition[Any, Any]:
    """The function of that name.

    Raises:
        UnknownTaskError: There is none.
    """
    try:
        return _definitions[name]
    except KeyError:
        raise UnknownTaskError(
            f"no task function is called {name!r} here; {len(_definitions)} are known"
        ) from None


def get(name: str) -> TaskDefinition[Any, Any] | None:
    """The function of that name, if there is one."""
    return _definitions.get(name)


def all_definitions() -> Iterator[TaskDefinition[Any, Any]]:
    """Every function, in the order of the names."""
    for name in sorted(_definitions):
        yield _definitions[name]


def name_of(function: Callable[..., object]) -> str:
    """What a function is called on the wire: module and name, the same in every process.

    A main program is called by its file, as other processes import it.
    """
    module, qualname = function.__module__, function.__qualname__
    if module in ("__main__", "__mp_main__"):
        main = sys.modules[module]
        spec, path = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        if spec is not None:
            module = spec.name
        elif path:
            module = PurePath(path).stem
    return f"{module}.{qualname}"


def _code(function: Callable[..., object]) -> CodeType | None:
    return getattr(function, "__code__", None)


def _place(function: Callable[..., object]) -> tuple[str, int] | Callable[..., object]:
    code = _code(function)
    return function if code is None else (code.co_filename, code.co_firstlineno)


def place_of(function: Callable[..., object]) -> str:
    """Where a function is written: file and line."""
    code = _code(function)
    return repr(function) if code is None else f"{code.co_filename}:{code.co_firstlineno}"
