"""The user's program as the worker hands it to a runner."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from cloud_tasks.errors import Problem, ProgramError
from cloud_tasks.runners.crossing import FORK_HELP, encode_arguments, encode_value, modules_in
from cloud_tasks.runners.forms import FormError
from cloud_tasks.runners.named import bound_name, held_by, own_name
from cloud_tasks.runners.worker_data import WorkerData

_SETTINGS_APART = frozenset({"args", "_flags", "_report_progress"})
_PLAIN = (bool, int, float, str, type(None))


class _Found(NamedTuple):
    """Where a function comes from: its module, and either its name there or its parts.

    Attributes:
        module: Imported first.
        qualname: The name; "" for one that is made from parts.
        parts: Those, encoded.
        holds: What tells it from others of that name; "" if nothing else is expected there.
    """

    module: str
    qualname: str = ""
    parts: str = ""
    holds: str = ""


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

    def reference(self, *, imports_main: bool = False) -> dict[str, str]:
        """How a process that was not forked from this one comes by the function.

        One that was defined by `def` is found by its name there. Another (a partial function, an object that
        can be called, a method of one) is made again from its parts, as it is now; where that cannot be, by
        the name that it has at the top level of a module.

        Args:
            imports_main: The main program must be imported for other reasons as well.

        Raises:
            ProgramError: It cannot come by it.
        """
        found = self._found()
        preload = self.preload
        if imports_main and "__main__" not in (found.module, *preload):
            preload = (*preload, "__main__")
        path, main_name = "", ""
        if "__main__" in (found.module, *preload):
            path, main_name = _main_program(sys.modules["__main__"])
        return {
            "module": found.module,
            "qualname": found.qualname,
            "parts": found.parts,
            "holds": found.holds,
            "main_path": path,
            "main_name": main_name,
            "preload": ",".join(preload),
        }

    def _found(self) -> _Found:
        name = own_name(self.function)
        if name is not None:
            return _Found(*name)
        try:
            encoded = encode_value(self.function)
        except FormError as error:
            name = bound_name(self.function)
            if name is None:
                raise ProgramError(_cannot_be_named(self.function, str(error))) from None
            return _Found(*name, holds=held_by(self.function))
        modules = set(modules_in(encoded))
        return _Found(
            "__main__" if "__main__" in modules else min(modules, default="builtins"),
            parts=json.dumps(encoded),
        )

    def init(self, flags_fd: int) -> dict[str, object]:
        """What a helper or task process needs to know before it can run tasks.

        Raises:
            ProgramError: The function cannot be named, or an argument cannot be handed over.
        """
        values = vars(self.worker_data)
        arguments = values.get("args")
        encoded = None if arguments is None else encode_arguments(vars(arguments))
        return {
            "function": self.reference(imports_main="__main__" in modules_in(encoded)),
            "settings": {
                name: value
                for name, value in values.items()
                if name not in _SETTINGS_APART and isinstance(value, _PLAIN)
            },
            "arguments": encoded,
            "success_first": self.success_first,
            "argv": list(sys.argv),
            "cwd": os.getcwd(),  # noqa: PTH109 - a plain string is what travels
            "flags_fd": flags_fd,
        }


def _cannot_be_named(function: Callable[..., object], why: str) -> Problem:
    name = getattr(function, "__qualname__", None)
    shown = f"`{name}`" if name else f"of type {type(function).__name__}"
    return Problem(
        f"the task function {shown} cannot be found by name, so task processes cannot import it",
        helps=(
            "use a function defined with `def` at the top level of a module, or give it a name there",
            FORK_HELP,
        ),
        notes=(f"nor can it be made again from its parts: {why}",),
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
    name = "" if spec is None or spec.name == "__main__" else spec.name  # that of `python directory/`
    return os.path.abspath(path), name  # noqa: PTH100 - a plain string
