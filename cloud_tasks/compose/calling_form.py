"""Whether a program's function takes what it will be called with."""

from __future__ import annotations

import inspect
import reprlib

from cloud_tasks.errors import ConfigurationError, Problem

_ARGUMENTS = ("task_id", "task_data", "worker_data")
_OLDER_ARGUMENTS = _ARGUMENTS[:2]


def check_form(function: object, *, success_first: bool) -> None:
    """See that a function can be called with the arguments of its form.

    One that cannot would fail with every task of its queue.

    Raises:
        ConfigurationError: It cannot.
    """
    if not callable(function):
        raise ConfigurationError(_no_function(function))
    wanted = _OLDER_ARGUMENTS if success_first else _ARGUMENTS
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some tell nothing
        return
    if _takes(signature, wanted):
        return
    name = getattr(function, "__name__", repr(function))
    helps: tuple[str, ...] = (f"it is called with ({', '.join(wanted)})",)
    if not success_first and _takes(signature, _OLDER_ARGUMENTS):
        helps += (f"if it returns (success, result), write Worker(success_first({name}), ...)",)
    problem = Problem(
        f"`{name}` has the parameters {signature}", helps=helps, notes=("nothing started; 0 tasks taken",)
    )
    raise ConfigurationError(problem)


def _no_function(given: object) -> Problem:
    shown = reprlib.repr(given)
    helps = ["hand over the function itself, without calling it: Worker(process_task, ...)"]
    if isinstance(given, str):
        module, _, name = given.replace(":", ".").rpartition(".")
        if module and name.isidentifier():
            helps = [f"import it: `from {module} import {name}`, and then Worker({name}, ...)"]
    what = shown if given is None else f"{shown}, of type {type(given).__name__}"
    return Problem(
        f"the task function is {what}, which cannot be called",
        helps=tuple(helps),
        notes=("nothing started; 0 tasks taken",),
    )


def _takes(signature: inspect.Signature, arguments: tuple[str, ...]) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True
