"""Whether a program's function takes what it will be called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from cloud_tasks.errors import ConfigurationError, Problem

_ARGUMENTS = ("task_id", "task_data", "worker_data")
_OLDER_ARGUMENTS = _ARGUMENTS[:2]


def check_form(function: Callable[..., object], *, success_first: bool) -> None:
    """See that a function can be called with the arguments of its form.

    One that cannot would fail with every task of its queue.

    Raises:
        ConfigurationError: It cannot.
    """
    wanted = _OLDER_ARGUMENTS if success_first else _ARGUMENTS
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # no callable is told of elsewhere; some callables tell nothing
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


def _takes(signature: inspect.Signature, arguments: tuple[str, ...]) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True
