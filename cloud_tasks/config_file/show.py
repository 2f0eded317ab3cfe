"""`config show`: the value of each key, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cloud_tasks.config.option import Kind
from cloud_tasks.config.redact import HIDDEN, redact
from cloud_tasks.config_file.keys import KEYS, Key
from cloud_tasks.config_file.merge import Configuration
from cloud_tasks.config_file.read import FileValue


class ConfigRow(Struct, frozen=True):
    """One key, for people and for machines.

    Attributes:
        key: The key.
        value: Its value; hidden where it is a secret.
        shown: The value in words.
        origin: Where it came from, in words.
    """

    key: str
    value: FileValue
    shown: str
    origin: str


def config_rows(configuration: Configuration) -> Iterator[ConfigRow]:
    """A row for each key, in the order of the table."""
    for key in KEYS:
        value = configuration.values[key.name]
        if key.secret and value is not None:
            value = HIDDEN
        yield ConfigRow(key.name, value, _shown(key, value), str(configuration.origins[key.name]))


def _shown(key: Key, value: FileValue) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, str):
        return redact(value)
    return f"{value:g} s" if key.option.kind is Kind.DURATION else f"{value:g}"
