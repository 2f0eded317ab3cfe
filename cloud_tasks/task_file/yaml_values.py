"""What a YAML scalar means, for those that JSON has too."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from cloud_tasks.core.task import Json

PREFIX = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(PREFIX + name for name in ("str", "int", "float", "bool", "null"))
_MERGE_TAG, _VALUE_TAG = PREFIX + "merge", PREFIX + "value"

MERGE: Final = object()
"""What the plain scalar `<<` stands for: a key that merges."""


class ValueFaultError(Exception):
    """A value that a task cannot hold; carries what it is and how to mend it."""

    def __init__(self, message: str, help_line: str = "") -> None:
        self.message = message
        self.help_line = help_line
        super().__init__(message)


class _Constructor(SafeConstructor):
    pass


class _Resolver(Resolver):
    pass


_constructor = _Constructor()
_resolver = _Resolver()


@lru_cache(maxsize=4096)
def plain(text: str) -> Any:
    """The value of a plain scalar, by the rules of YAML 1.1 as PyYAML applies them.

    Raises:
        ValueFaultError: It is a date, or a number that JSON cannot hold.
    """
    tag = str(_resolver.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]
    if tag == _MERGE_TAG:
        return MERGE
    return tagged(tag, text)


def tagged(tag: str, text: str) -> Json:
    """The value of a scalar with a tag.

    Raises:
        ValueFaultError: It is none that a task can hold.
    """
    if tag in {PREFIX + "str", "!", _VALUE_TAG}:
        return text
    if tag == PREFIX + "timestamp":
        raise ValueFaultError(f"{text} is a date in YAML, and JSON has none", f'quote it: "{text}"')
    if tag not in _SCALAR_TAGS:
        raise ValueFaultError(f"the YAML tag `{short_tag(tag)}` is refused", DATA_ONLY)
    return _number_or_word(tag, text)


DATA_ONLY = "task files hold data only: mappings, lists, strings, numbers, true, false and null"


def short_tag(tag: str) -> str:
    """A tag as people write it."""
    return "!!" + tag.removeprefix(PREFIX) if tag.startswith(PREFIX) else tag


def _number_or_word(tag: str, text: str) -> Json:
    construct = _constructor.yaml_constructors[tag]
    try:
        value: Json = construct(_constructor, yaml.ScalarNode(tag, text))
    except (ValueError, KeyError, IndexError, OverflowError, yaml.YAMLError):
        digits = sum(char.isdigit() for char in text)
        if tag == PREFIX + "int" and digits > _DIGITS_SHOWN_MAX:
            raise ValueFaultError(
                f"an integer of {digits} digits is too long", "write it as a string"
            ) from None
        raise ValueFaultError(f"`{text}` is no {short_tag(tag)}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueFaultError(
            f"{text} has no place in JSON", "write null for a value that is not there, or a string"
        )
    return value


_DIGITS_SHOWN_MAX = 100
