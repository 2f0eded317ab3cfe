"""`${...}` in the parameters of a workflow."""

from __future__ import annotations

import re
from collections.abc import Callable

from fakes.conductor.values import Json

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")


def fill(parameters: Json, look_up: Callable[[str], object]) -> Json:
    """Parameters with what their expressions stand for.

    Args:
        parameters: The parameters.
        look_up: What a part of a workflow holds, by the first name of an expression; None for nothing.
    """
    return {name: _filled(value, look_up) for name, value in parameters.items()}


def _filled(value: object, look_up: Callable[[str], object]) -> object:
    if isinstance(value, dict):
        return fill(value, look_up)
    if isinstance(value, list):
        return [_filled(each, look_up) for each in value]
    if not isinstance(value, str):
        return value
    whole = _EXPRESSION.fullmatch(value)
    if whole is not None:
        return _value(whole[1], look_up)
    return _EXPRESSION.sub(lambda found: str(_value(found[1], look_up)), value)


def _value(path: str, look_up: Callable[[str], object]) -> object:
    first, *rest = path.split(".")
    value = look_up(first)
    for name in rest:
        value = value.get(name) if isinstance(value, dict) else None
    return value
