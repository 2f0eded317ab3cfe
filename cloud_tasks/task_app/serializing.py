"""A serializer of the user's own for arguments, in place of JSON with the types of the annotations."""

from __future__ import annotations

import base64
import binascii
import importlib
from typing import Protocol, runtime_checkable

from cloud_tasks.errors import ConfigurationError, Problem


@runtime_checkable
class Serializer(Protocol):
    """Turns arguments into bytes and back. Made anew, without arguments, in every process that needs it."""

    def serialize(self, value: object) -> bytes:
        """The bytes for a list of two: the positional arguments, and those with names."""
        ...

    def deserialize(self, data: bytes) -> object:
        """The same again."""
        ...


_serializers: dict[str, Serializer] = {}


def path_of(serializer: Serializer) -> str:
    """Under which name other processes find its class: "module:Class".

    Raises:
        ConfigurationError: They cannot.
    """
    kind = type(serializer)
    path = f"{kind.__module__}:{kind.__qualname__}"
    if "<locals>" in path or kind.__module__ == "__main__":
        raise ConfigurationError(
            Problem(
                f"the serializer {kind.__qualname__} cannot be found by other processes",
                helps=("define its class at the top level of a module that can be imported",),
            )
        )
    return path


def serializer_of(path: str) -> Serializer | None:
    """The serializer of that name; None for "".

    Raises:
        ConfigurationError: There is none.
    """
    if not path:
        return None
    if path not in _serializers:
        _serializers[path] = _load(path)
    return _serializers[path]


def _load(path: str) -> Serializer:
    module, _, name = path.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)()
    except Exception as error:
        message = f"the serializer {path!r} cannot be made: {type(error).__name__}: {error}"
        raise ConfigurationError(Problem(message, helps=("write module:Class",))) from error
    if not isinstance(made, Serializer):
        raise ConfigurationError(
            Problem(f"{path!r} is no serializer", helps=("it needs `serialize` and `deserialize`",))
        )
    return made


def pack(serializer: Serializer, args: list[object], kwargs: dict[str, object]) -> str:
    """Arguments as text.

    Raises:
        TypeError: What the serializer makes is not bytes.
    """
    data = serializer.serialize([args, kwargs])
    if not isinstance(data, bytes):
        raise TypeError(f"{type(serializer).__name__}.serialize() returned {type(data).__name__}, not bytes")
    return base64.b64encode(data).decode()


def unpack(serializer: Serializer, text: str) -> tuple[list[object], dict[str, object]]:
    """Arguments out of text.

    Raises:
        TypeError: It does not hold them.
    """
    try:
        value = serializer.deserialize(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise TypeError(f"the packed arguments are not base64: {error}") from None
    if isinstance(value, list | tuple) and len(value) == 2:  # noqa: PLR2004 - a pair
        args, kwargs = value
        if isinstance(args, list | tuple) and isinstance(kwargs, dict):
            return list(args), {str(name): one for name, one in kwargs.items()}
    raise TypeError(f"{type(serializer).__name__}.deserialize() did not return the two kinds of arguments")
