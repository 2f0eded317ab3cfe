"""Importing the user's program in a process that was not forked from it, the way `multiprocessing` does."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from cloud_tasks.errors import CloudTasksError, Place, Problem, ProgramError
from cloud_tasks.runners.crossing import decode_value
from cloud_tasks.runners.importing import ProgramImport
from cloud_tasks.runners.named import held_by, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAIN_ALIAS = "__mp_main__"
"""Name under which the main program is imported, so that its main guard does not fire."""
_IMPORTS_MODULES = os.path.join("cloud_tasks", "compose", "task_app.py")  # noqa: PTH118 - as in tracebacks
"""Whatever goes wrong there is the fault of what it imports."""
_HELP_FORK = "`--start-method fork` imports nothing twice: tasks are forks of the program itself"


def load_function(reference: Mapping[str, str]) -> Callable[..., object]:
    """Import the program and find the function.

    Args:
        reference: "module" and "qualname" of the function; "holds", what one of that name must hold, as
            `held_by` tells, or ""; "parts", from which it is made instead, or ""; "main_path" and "main_name"
            of the main program; "preload", modules to be imported before, with commas between them.

    Raises:
        ProgramError: The import failed, or there is no such function.
    """
    with ProgramImport():
        for name in filter(None, reference["preload"].split(",")):
            _import_program({**reference, "module": name})
        module = _import_program(reference)
        if reference["parts"]:
            return _made_again(reference["parts"])
    found = look_up(module, reference["qualname"])
    if not callable(found):
        raise ProgramError(_not_found(reference, module))
    if reference["holds"] not in ("", held_by(found)):
        raise ProgramError(_another(reference))
    return found


def _made_again(parts: str) -> Callable[..., object]:
    import json

    return decode_value(json.loads(parts), "the task function")  # type: ignore[return-value] # as it was given


def _another(reference: Mapping[str, str]) -> Problem:
    return Problem(
        f"`{reference['qualname']}` of module `{reference['module']}` is another one when task processes "
        "import it: it holds other values",
        helps=(
            "give it its values at the top level of the module, or hand them to tasks as arguments",
            _HELP_FORK,
        ),
    )


def _not_found(reference: Mapping[str, str], module: ModuleType) -> Problem:
    name, qualname = reference["module"], reference["qualname"]
    place = getattr(module, "__file__", None) or "no file"
    return Problem(
        f"function `{qualname}` is not in module `{name}` when task processes import it",
        helps=(
            'define it at the top level of the module, outside of `if __name__ == "__main__":`',
            _HELP_FORK,
        ),
        notes=(f"module `{name}` was imported from {place}", f"search path: {os.pathsep.join(sys.path)}"),
    )


def _import_program(reference: Mapping[str, str]) -> ModuleType:
    what = reference["main_path"] if reference["module"] == "__main__" else reference["module"]
    try:
        if reference["module"] == "__main__":
            return _import_main(reference["main_path"], reference["main_name"])
        return __import__("importlib").import_module(reference["module"])  # type: ignore[no-any-return]
    except CloudTasksError as error:
        if isinstance(error, ProgramError):
            raise
        raise ProgramError(import_problem(what, error)) from None
    except BaseException as error:  # noqa: BLE001 - boundary: the user's program runs in there, sys.exit included
        raise ProgramError(import_problem(what, error)) from None


def _import_main(path: str, name: str) -> ModuleType:
    """Run the main program under another name, and let it stand for `__main__` from then on."""
    module = ModuleType(MAIN_ALIAS)
    module.__file__ = path
    sys.modules[MAIN_ALIAS] = sys.modules["__main__"] = module
    if name:
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            message = f"No module named {name!r}"
            raise ImportError(message)
        module.__spec__, module.__package__ = spec, spec.parent
        code = spec.loader.get_code(name)  # type: ignore[attr-defined] # what runpy asks of a loader too
    else:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs every fork its pages
            code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - it is the program that the user started
    return module


def import_problem(what: str, error: BaseException, where: str = "in a task process") -> Problem:
    """What to say of an import that failed, with the place in the user's program."""
    from traceback import extract_tb, format_exception_only

    message = "".join(format_exception_only(error)).strip().splitlines()[-1]
    if isinstance(error, SystemExit):
        message = f"it calls sys.exit({error.code!r}) when it is imported"
    place = None
    if isinstance(error, SyntaxError) and error.filename:
        place = Place(
            error.filename, error.lineno or 1, error.offset or 1, (error.text or "").rstrip("\n") or None
        )
    else:
        frames = [frame for frame in extract_tb(error.__traceback__) if not _is_runtime(frame.filename)]
        if frames:
            text = frames[-1].line
            place = Place(frames[-1].filename, frames[-1].lineno or 1, 1, text, len(text or " "))
    return Problem(
        f"cannot import `{what}` {where}: {message}",
        place=place,
        notes=(f"search path: {os.pathsep.join(sys.path)}",),
    )


def _is_runtime(filename: str) -> bool:
    ours = filename == __file__ or filename.endswith(_IMPORTS_MODULES)
    return ours or filename.startswith("<frozen ") or "importlib" in filename
