"""The program's arguments as JSON, for task processes that are not forked from the program itself.

What JSON has no word for (a path, a date, a set) travels as `{"$kind": ...}`. Nothing here runs code that
came over the wire: an enumeration is looked up by name, everything else is built from plain values.
"""

from __future__ import annotations

import sys
from importlib import import_module

from cloud_tasks.errors import Problem, ProgramError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping

_TAG = "$kind"
_DEPTH_MAX = 50
FORK_HELP = "`--start-method fork` runs tasks as forks of the program itself, where anything can be used"


def encode_arguments(values: Mapping[str, object]) -> dict[str, object]:
    """The arguments as a JSON mapping.

    Raises:
        ProgramError: Some of them cannot cross; names each with its type.
    """
    encoded: dict[str, object] = {}
    problems: list[Problem] = []
    for name, value in values.items():
        try:
            encoded[name] = _encode(value, 0)
        except TypeError as error:
            message = f"argument `{name}` cannot be handed to task processes: {error}"
            problems.append(Problem(message, helps=(FORK_HELP,)))
    if problems:
        raise ProgramError(*problems)
    return encoded


def decode_arguments(encoded: Mapping[str, object]) -> argparse.Namespace:
    """The namespace that `encode_arguments` was given."""
    from argparse import Namespace

    return Namespace(**{name: _decode(value) for name, value in encoded.items()})


def _encode(value: object, depth: int) -> object:
    if value is None or type(value) in {bool, int, str}:
        return value
    if depth > _DEPTH_MAX:
        message = f"it is nested more than {_DEPTH_MAX} levels deep"
        raise TypeError(message)
    if type(value) is float:
        return {_TAG: "float", "value": value.hex()}
    if type(value) is list:
        return [_encode(item, depth + 1) for item in value]
    if type(value) is dict:
        return {_TAG: "dict", "value": _encode_all((i for pair in value.items() for i in pair), depth)}
    for kind, (matches, dump, _load) in _KINDS.items():
        if matches(value):
            return {_TAG: kind, "value": _encode_all(dump(value), depth)}
    kind_name = type(value).__qualname__
    message = f"a value of type {type(value).__module__}.{kind_name} has no form in JSON"
    raise TypeError(message)


def _encode_all(values: Iterable[object], depth: int) -> list[object]:
    return [_encode(value, depth + 1) for value in values]


def _decode(encoded: object) -> object:
    if isinstance(encoded, list):
        return [_decode(item) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    kind, value = encoded[_TAG], encoded["value"]
    if kind == "float":
        return float.fromhex(value)
    parts = [_decode(item) for item in value]
    if kind == "dict":
        return dict(zip(parts[::2], parts[1::2], strict=True))
    return _KINDS[kind][2](parts)


def _is(module: str, name: str) -> Callable[[object], bool]:
    """Whether a value is exactly of that type; a type whose module nobody imported cannot have values."""

    def matches(value: object) -> bool:
        found = getattr(sys.modules.get(module), name, None)
        return found is not None and type(value) is found

    return matches


def _build(module: str, name: str, method: str = "") -> Callable[[list[object]], object]:
    def load(parts: list[object]) -> object:
        found = getattr(import_module(module), name)
        return (getattr(found, method) if method else found)(*parts)

    return load


def _text(value: object) -> list[object]:
    return [str(value)]


def _iso(value: object) -> list[object]:
    return [value.isoformat()]  # type: ignore[attr-defined] # only ever given what has it


def _timedelta_parts(value: object) -> list[object]:
    return [value.days, value.seconds, value.microseconds]  # type: ignore[attr-defined] # only ever given what has them


def _is_path(value: object) -> bool:
    pure = getattr(sys.modules.get("pathlib"), "PurePath", None)
    return pure is not None and isinstance(value, pure)


def _is_enum(value: object) -> bool:
    base = getattr(sys.modules.get("enum"), "Enum", None)
    return base is not None and isinstance(value, base) and "<locals>" not in type(value).__qualname__


def _dump_enum(value: object) -> list[object]:
    return [type(value).__module__, type(value).__qualname__, value.name]  # type: ignore[attr-defined] # an Enum


def _load_enum(parts: list[object]) -> object:
    found: object = import_module(str(parts[0]))
    for name in [*str(parts[1]).split("."), str(parts[2])]:
        found = getattr(found, name)
    return found


def _items(value: object) -> list[object]:
    return list(value)  # type: ignore[call-overload, no-any-return] # only ever given what can be iterated


def _sorted_items(value: object) -> list[object]:
    return sorted(_items(value), key=repr)


def _hex(value: object) -> list[object]:
    return [value.hex()]  # type: ignore[attr-defined] # only ever given bytes


_KINDS: dict[
    str,
    tuple[
        Callable[[object], bool],
        Callable[[object], Iterable[object]],
        Callable[[list[object]], object],
    ],
] = {
    "tuple": (_is("builtins", "tuple"), _items, tuple),
    "set": (_is("builtins", "set"), _sorted_items, set),
    "frozenset": (_is("builtins", "frozenset"), _sorted_items, frozenset),
    "bytes": (_is("builtins", "bytes"), _hex, lambda parts: bytes.fromhex(str(parts[0]))),
    "path": (_is_path, _text, _build("pathlib", "Path")),
    "fcpath": (_is("filecache.file_cache_path", "FCPath"), _text, _build("filecache", "FCPath")),
    "datetime": (_is("datetime", "datetime"), _iso, _build("datetime", "datetime", "fromisoformat")),
    "date": (_is("datetime", "date"), _iso, _build("datetime", "date", "fromisoformat")),
    "time": (_is("datetime", "time"), _iso, _build("datetime", "time", "fromisoformat")),
    "timedelta": (_is("datetime", "timedelta"), _timedelta_parts, _build("datetime", "timedelta")),
    "decimal": (_is("decimal", "Decimal"), _text, _build("decimal", "Decimal")),
    "enum": (_is_enum, _dump_enum, _load_enum),
}
"""For each kind: whether a value is of it, the plain parts of one, and one from its parts."""
