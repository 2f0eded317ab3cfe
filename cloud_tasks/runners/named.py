"""What another process finds by the name of a module and a name in it: functions, classes, and their like."""

from __future__ import annotations

import sys
from types import MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias

    Name: TypeAlias = tuple[str, str]
    """A module, and a name in it, with dots where it lies deeper."""


class SuccessFirst:
    """A task function of the older form, marked as such by `success_first`."""

    def __init__(self, function: Callable[[str, dict[str, Any]], object]) -> None:
        """Mark `function`."""
        self.function = function


def look_up(module: object, qualname: str) -> object:
    """What a module has under a name; None if nothing. A mark that was put on a function is taken off."""
    found = module
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found.function if isinstance(found, SuccessFirst) else found


def own_name(value: object) -> Name | None:
    """The name that a function or class was given where it was defined, if it is found by it."""
    module_name, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module_name, str) or not isinstance(qualname, str):
        return None
    return (module_name, qualname) if _is_there(module_name, qualname, value) else None


def bound_name(value: object) -> Name | None:
    """A name at the top level of a module that stands for this very object, or for what it is a method of."""
    owner = getattr(value, "__self__", None)
    for module_name in _modules_of(value, owner):
        for name, found in list(getattr(sys.modules[module_name], "__dict__", {}).items()):
            if found is value or (isinstance(found, SuccessFirst) and found.function is value):
                return module_name, name
            if owner is not None and found is owner:
                qualname = f"{name}.{getattr(value, '__name__', '')}"
                if _is_there(module_name, qualname, value):
                    return module_name, qualname
    return None


def _modules_of(value: object, owner: object) -> Iterator[str]:
    """Where it may have been made; the program's own first."""
    modules = ("__main__", getattr(value, "__module__", None), type(value).__module__, type(owner).__module__)
    return (name for name in dict.fromkeys(modules) if name in sys.modules and name != "builtins")


def _is_there(module_name: str, qualname: str, value: object) -> bool:
    module = sys.modules.get(module_name)
    found = None if module is None else look_up(module, qualname)
    # Each look at a method makes another object of it.
    return found is value or (isinstance(found, MethodType) and found == value)


def held_by(function: object) -> str:
    """The plain values that a closure and its like hold, as text; they tell one from another of its kind."""
    cells = getattr(function, "__closure__", None) or ()
    return repr([cell.cell_contents for cell in cells if type(_content(cell)) in _PLAIN_TYPES])


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put into it yet
        return None


_PLAIN_TYPES = frozenset({bool, int, float, str, bytes})
