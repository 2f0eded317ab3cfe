"""The user's program as the worker hands it to a runner."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType

from cloud_tasks.errors import Problem, ProgramError
from cloud_tasks.runners.crossing import FORK_HELP, encode_arguments
from cloud_tasks.runners.worker_data import WorkerData

_SETTINGS_APART = frozenset({"args", "_flags", "_report_progress"})
_PLAIN = (bool, int, float, str, type(None))


class Program:
    """A function, and what its tasks are told about their worker.

    Attributes:
        function: `(task_id, task_data, worker_data) -> (retry, result)`.
        worker_data: The settings; every task gets a copy of its own.
        success_first: The function has the older form `(task_id, task_data) -> (success, result)`.
        preload: Modules that are imported before the function is looked for.
    """

    def __init__(
        self,
        function: Callable[..., object],
        worker_data: WorkerData,
        *,
        success_first: bool = False,
        preload: tuple[str, ...] = (),
    ) -> None:
        self.function = function
        self.worker_data = worker_data
        self.success_first = success_first
        self.preload = preload

    def reference(self) -> dict[str, str]:
        """How a process that was not forked from this one finds the function.

        Raises:
            ProgramError: It cannot find it.
        """
        module_name = getattr(self.function, "__module__", None)
        qualname = getattr(self.function, "__qualname__", None)
        module = sys.modules.get(module_name or "")
        if module is None or not isinstance(qualname, str) or _look_up(module, qualname) is not self.function:
            raise ProgramError(_cannot_be_named(self.function))
        path, name = "", ""
        if "__main__" in (module_name, *self.preload):
            module = sys.modules["__main__"]
            path, name = _main_program(module)
        found = {"module": str(module_name), "qualname": qualname, "main_path": path, "main_name": name}
        return {**found, "preload": ",".join(self.preload)}

    def init(self, flags_fd: int) -> dict[str, object]:
        """What a helper or task process needs to know before it can run tasks.

        Raises:
            ProgramError: The function cannot be named, or an argument cannot be handed over.
        """
        values = vars(self.worker_data)
        arguments = values.get("args")
        return {
            "function": self.reference(),
            "settings": {
                name: value
                for name, value in values.items()
                if name not in _SETTINGS_APART and isinstance(value, _PLAIN)
            },
            "arguments": None if arguments is None else encode_arguments(vars(arguments)),
            "success_first": self.success_first,
            "argv": list(sys.argv),
            "cwd": os.getcwd(),  # noqa: PTH109 - a plain string is what travels
            "flags_fd": flags_fd,
        }


def _look_up(module: ModuleType, qualname: str) -> object:
    found: object = module
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def _cannot_be_named(function: Callable[..., object]) -> Problem:
    name = getattr(function, "__qualname__", None)
    shown = f"`{name}`" if name else f"of type {type(function).__name__}"
    return Problem(
        f"the task function {shown} cannot be found by name, so task processes cannot import it",
        helps=("use a function defined with `def` at the top level of a module", FORK_HELP),
        notes=("lambdas, nested functions, bound methods and `functools.partial` have no importable name",),
    )


def _main_program(module: ModuleType) -> tuple[str, str]:
    """The path of the main program, and its module name if it was started with `-m`."""
    spec = getattr(module, "__spec__", None)
    path = getattr(module, "__file__", None)
    if not path or not os.path.isfile(path):  # noqa: PTH113 - a plain string
        raise ProgramError(
            Problem(
                "the program is not a file (a notebook, `python -c`, or standard input), "
                "so task processes cannot import it",
                helps=("put the task function into a module and import it", FORK_HELP),
            )
        )
    return os.path.abspath(path), "" if spec is None else spec.name  # noqa: PTH100 - a plain string
