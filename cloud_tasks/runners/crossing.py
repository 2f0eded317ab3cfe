"""The program's arguments as JSON, for task processes that are not forked from the program itself.

What JSON has no word for (a path, a date, a function) travels as `{"$kind": ...}`. Never pickle: a function
or class is looked up by name, everything else is built from plain values; see `forms`.
"""

from __future__ import annotations

from cloud_tasks.errors import Problem, ProgramError
from cloud_tasks.runners.forms import FORMS, FormError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping

_TAG = "$kind"
_DEPTH_MAX = 50
_INT_BITS_MAX = 64
FORK_HELP = "`--start-method fork` runs tasks as forks of the program itself, where anything can be used"
_PLAIN_HELP = "or hand over plain data (text, numbers, paths, lists), and make the rest in the task"


def encode_arguments(values: Mapping[str, object]) -> dict[str, object]:
    """The arguments as a JSON mapping.

    Raises:
        ProgramError: Some of them cannot cross; names each with its type.
    """
    encoded: dict[str, object] = {}
    problems: list[Problem] = []
    for name, value in values.items():
        try:
            encoded[name] = encode_value(value)
        except FormError as error:
            message = f"argument `{name}` cannot be handed to task processes: {error}"
            problems.append(Problem(message, helps=(FORK_HELP, _PLAIN_HELP)))
    if problems:
        raise ProgramError(*problems)
    return encoded


def decode_arguments(encoded: Mapping[str, object]) -> argparse.Namespace:
    """The namespace that `encode_arguments` was given.

    Raises:
        ProgramError: The program, as it was imported here, does not have what one of them was made of.
    """
    from argparse import Namespace

    return Namespace(**{name: decode_value(value, f"argument `{name}`") for name, value in encoded.items()})


def encode_value(value: object) -> object:
    """One value in JSON.

    Raises:
        FormError: It has no form.
    """
    return _encode(value, 0)


def decode_value(encoded: object, what: str) -> object:
    """The value that `encode_value` was given.

    Args:
        encoded: What that gave.
        what: What to call it where that fails.

    Raises:
        ProgramError: It cannot be made here.
    """
    try:
        return _decode(encoded)
    except BaseException as error:  # noqa: BLE001 - boundary: modules of the program are imported in there
        said = str(error) if isinstance(error, FormError) else f"{type(error).__name__}: {error}"
        raise ProgramError(
            Problem(
                f"{what} cannot be made again in a task process: {said}",
                helps=(
                    'define what it is made of at the top level, outside of `if __name__ == "__main__":`',
                    FORK_HELP,
                ),
            )
        ) from None


def modules_in(encoded: object) -> Iterator[str]:
    """The modules that must be there to make the value again."""
    if isinstance(encoded, dict) and encoded.get(_TAG) == "named":
        yield encoded["value"][0]
    elif isinstance(encoded, dict):
        for item in encoded.values():
            yield from modules_in(item)
    elif isinstance(encoded, list):
        for item in encoded:
            yield from modules_in(item)


def _encode(value: object, depth: int) -> object:
    if depth > _DEPTH_MAX:
        message = f"it is nested more than {_DEPTH_MAX} levels deep"
        raise FormError(message)
    if value is None or type(value) in {bool, int, float, str}:
        return _encode_atom(value)
    if type(value) is list:
        return _encode_all(value, depth)
    if type(value) is dict:
        return _tagged("dict", _encode_all((item for pair in value.items() for item in pair), depth))
    for kind, (matches, dump, _load) in FORMS.items():
        if matches(value):
            return _tagged(kind, _encode_all(dump(value), depth))
    raise FormError(_has_no_form(value))


def _encode_atom(value: object) -> object:
    """Numbers and texts, as they are where every reader of JSON takes them so."""
    if isinstance(value, float):
        return _tagged("float", value.hex())
    if isinstance(value, int) and value.bit_length() >= _INT_BITS_MAX:
        return _tagged("int", hex(value))
    if isinstance(value, str) and not _is_unicode(value):
        return _tagged("text", value.encode("utf-8", "surrogatepass").hex())
    return value


def _is_unicode(value: str) -> bool:
    """Whether it can be written down; what a command line held may not be."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_no_form(value: object) -> str:
    name = getattr(value, "__qualname__", None)
    what = f"`{name}`" if isinstance(name, str) else "a value"
    kind = type(value)
    return (
        f"{what} of type {kind.__module__}.{kind.__qualname__} has no form in JSON, and no name in a module"
    )


def _encode_all(values: Iterable[object], depth: int) -> list[object]:
    return [_encode(value, depth + 1) for value in values]


def _tagged(kind: str, value: object) -> object:
    return {_TAG: kind, "value": value}


def _decode(encoded: object) -> object:
    if isinstance(encoded, list):
        return [_decode(item) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    kind, value = encoded[_TAG], encoded["value"]
    if kind in _ATOMS:
        return _ATOMS[kind](value)
    parts = [_decode(item) for item in value]
    if kind == "dict":
        return dict(zip(parts[::2], parts[1::2], strict=True))
    return FORMS[kind][2](parts)


_ATOMS: Mapping[str, Callable[[str], object]] = {
    "float": float.fromhex,
    "int": lambda text: int(text, 16),
    "text": lambda text: bytes.fromhex(text).decode("utf-8", "surrogatepass"),
}
