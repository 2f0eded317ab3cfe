"""Arguments of a task function: JSON on the wire, the types of its annotations on both sides."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TypeAlias

import msgspec

from cloud_tasks.core.task import Json
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_app.registry import place_of

_KINDS_OF_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_COLON = b'":'
_written = msgspec.json.Encoder().encode
Arguments: TypeAlias = tuple[list[Any], dict[str, Any]]
"""Positional and keyword arguments."""


class Parameters:
    """The parameters of one function, as far as they matter on the wire.

    The annotations are looked at when they are first needed, when every module has been imported.
    """

    def __init__(self, function: Callable[..., object], name: str) -> None:
        """Take note of the function, and of its name for messages."""
        self._function = function
        self._name = name
        self._signature = inspect.signature(function)
        self._types: dict[str, Any] | None = None
        parameters = self._signature.parameters.values()
        self._plain = all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in parameters)
        self._names = [one.name for one in parameters]
        self._required = {one.name for one in parameters if one.default is inspect.Parameter.empty}

    def types(self) -> dict[str, Any]:
        """The type of each parameter; `Any` where there is no annotation.

        Raises:
            ConfigurationError: An annotation cannot be resolved, or names a type that JSON cannot carry.
        """
        if self._types is None:
            self._types = self._find_types()
        return self._types

    def _find_types(self) -> dict[str, Any]:
        types: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, parameter in self._signature.parameters.items():
            try:
                types[name] = self._type_of(parameter)
            except ConfigurationError as error:
                problems += error.problems
        if problems:
            raise ConfigurationError(*problems)
        return types

    def _type_of(self, parameter: inspect.Parameter) -> Any:
        """Resolved by itself: what the function returns is annotated for others, and may name anything."""
        name, annotation = parameter.name, parameter.annotation
        if annotation is inspect.Parameter.empty:
            return Any
        one = SimpleNamespace(
            __annotations__={name: annotation},
            __type_params__=getattr(self._function, "__type_params__", ()),
        )
        try:
            kind = typing.get_type_hints(one, getattr(inspect.unwrap(self._function), "__globals__", {}))[
                name
            ]
        except Exception as error:  # noqa: BLE001 - boundary: an annotation is the user's code, and runs here
            raise ConfigurationError(self._unresolved(name, error)) from None
        if kind is object:
            return Any
        self._check(name, kind)
        return kind

    def _check(self, name: str, kind: object) -> None:
        try:
            (info,) = msgspec.inspect.multi_type_info([kind])
        except TypeError as error:
            raise ConfigurationError(self._problem(f"parameter `{name}`: {error}")) from None
        if isinstance(info, msgspec.inspect.CustomType):
            raise ConfigurationError(
                self._problem(
                    f"parameter `{name}` is {_shown(kind)}, which JSON cannot carry",
                    "use plain values, a dataclass, a TypedDict or a msgspec Struct",
                )
            )

    def _unresolved(self, name: str, error: Exception) -> Problem:
        missing = f"`{error.name}`" if isinstance(error, NameError) and error.name else "what it names"
        return self._problem(
            f"the annotation of its parameter `{name}` cannot be resolved: {error}",
            f"import {missing} so that it is there at run time, not under `if TYPE_CHECKING:`",
            "arguments are read by the annotations of parameters; `object` takes whatever JSON can carry",
        )

    def _problem(self, what: str, *helps: str) -> Problem:
        return Problem(
            f"the task function `{self._name}` ({place_of(self._function)}): {what}",
            helps=helps,
        )

    def check(self, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """See that the function can be called so, types apart.

        Raises:
            TypeError: It cannot.
        """
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._name}(): {error}") from None

    def encode(
        self, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> tuple[list[Json], dict[str, Json]]:
        """Arguments as JSON values.

        Raises:
            TypeError: They do not fit the function's parameters, or JSON cannot carry one.
        """
        listed = [self._encoded(value, f"argument {number}") for number, value in enumerate(args, 1)]
        named = {name: self._encoded(value, f"`{name}`") for name, value in kwargs.items()}
        self.decode(listed, named)
        return listed, named

    def _encoded(self, value: object, what: str) -> Json:
        try:
            return as_json(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"{self._name}(): {what} cannot be written as JSON: {error}") from None

    def decode(self, args: Sequence[Json], kwargs: Mapping[str, Json]) -> Arguments:
        """Arguments with the types of the annotations.

        Raises:
            TypeError: They do not fit the function's parameters or their types.
        """
        types = self.types()
        if self._plain and self._fits(args, kwargs):
            listed = [
                self._converted(name, value, types[name])
                for name, value in zip(self._names, args, strict=False)
            ]
            return listed, {name: self._converted(name, value, types[name]) for name, value in kwargs.items()}
        try:
            bound = self._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self._name}(): {error}") from None
        for name, value in bound.items():
            bound[name] = self._decoded(name, value, types[name])
        call = inspect.BoundArguments(self._signature, bound)
        return list(call.args), dict(call.kwargs)

    def _fits(self, args: Sequence[Json], kwargs: Mapping[str, Json]) -> bool:
        """Whether the call can be made, told in a tenth of the time that a full binding takes."""
        given = self._names[: len(args)]
        if len(given) < len(args):
            return False
        named = kwargs.keys()
        if named:
            rest = self._names[len(args) :]
            return all(name in rest for name in named) and self._required <= {*given, *named}
        return self._required.issubset(given)

    def _decoded(self, name: str, value: Any, kind: Any) -> Any:
        parameter = self._signature.parameters[name]
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            return tuple(self._converted(name, one, kind) for one in value)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            return {key: self._converted(key, one, kind) for key, one in value.items()}
        return self._converted(name, value, kind)

    def _converted(self, name: str, value: Any, kind: Any) -> Any:
        if kind is Any:
            return value
        try:
            return msgspec.convert(value, kind, str_keys=True)
        except msgspec.ValidationError as error:
            raise TypeError(f"{self._name}(): `{name}`: {error}") from None


def as_json(value: object) -> Json:
    """A value as JSON has it.

    Raises:
        TypeError: JSON cannot carry it.
        ValueError: Likewise; or keys of a mapping, as 1 and "1", would be one, and a value would be lost.
        RecursionError: It is too deep, or holds itself.
    """
    found: Json = msgspec.to_builtins(value, str_keys=True)
    # Written as it is, a value has both keys; numbers may look different, so that lengths say nothing.
    if isinstance(found, dict | list) and _written(value).count(_COLON) != _written(found).count(_COLON):
        raise ValueError("it has keys of which JSON makes one")
    return found


def _shown(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
