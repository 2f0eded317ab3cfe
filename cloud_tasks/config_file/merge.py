"""Which value counts: command line before provider section before `run` before default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from cloud_tasks.config.checks import CLOUD_NAME
from cloud_tasks.config.gather import Flag, Origin
from cloud_tasks.config.problems import bad_value, quoted, unknown_provider
from cloud_tasks.config.redact import HIDDEN
from cloud_tasks.config.values import BadValueError, read_flag
from cloud_tasks.config_file.keys import KEYS, Key
from cloud_tasks.config_file.read import ConfigFile, FileValue, Found
from cloud_tasks.errors import ConfigurationError, Problem

_ZONE_OF_GCP = re.compile(r"(?P<region>[a-z]+-[a-z]+\d+)-[a-z]")
_ZONE_OF_AWS = re.compile(r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d+)[a-z]")


class Configuration(Struct, frozen=True):
    """The value of every key, settled.

    Attributes:
        values: By key; None where nobody set it.
        origins: Where each value came from.
        overrides: What was set in several places to different values, a line each.
        warnings: What is odd but no error.
    """

    values: dict[str, FileValue]
    origins: dict[str, Origin]
    overrides: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def text(self, name: str) -> str | None:
        """The value of a key that holds text."""
        value = self.values[name]
        return None if value is None else str(value)

    def seconds(self, name: str) -> float:
        """The value of a key that holds a duration with a default."""
        value = self.values[name]
        return value if isinstance(value, int | float) else 0.0


def merge(file: ConfigFile | None, flags: Mapping[str, Flag]) -> Configuration:
    """Settle every key.

    Args:
        file: What the configuration file says; None without one.
        flags: What the command line says, by key.

    Raises:
        ConfigurationError: The command line holds bad values; with all of them.
    """
    return _Merge(file, flags).done()


class _Merge:
    def __init__(self, file: ConfigFile | None, flags: Mapping[str, Flag]) -> None:
        self._file = file
        self._flags = flags
        self._values: dict[str, FileValue] = {}
        self._origins: dict[str, Origin] = {}
        self._overrides: list[str] = []
        self._problems: list[Problem] = []

    def done(self) -> Configuration:
        for key in KEYS:
            # The provider comes first in the table: it says which section is read.
            self._settle(key)
        if self._problems:
            raise ConfigurationError(*self._problems)
        self._derive()
        warnings = self._file.warnings if self._file else ()
        return Configuration(self._values, self._origins, tuple(self._overrides), warnings)

    def _settle(self, key: Key) -> None:
        candidates = [*self._from_flag(key), *self._from_file(key)]
        if not candidates:
            self._values[key.name], self._origins[key.name] = key.option.default, Origin("default")
            return
        (value, origin), *beaten = candidates
        self._values[key.name], self._origins[key.name] = value, origin
        for other, other_origin in beaten:
            if other != value:
                was, now = (HIDDEN, HIDDEN) if key.secret else (_written(other), _written(value))
                self._overrides.append(f"{key.name}: {now} ({origin}) overrides {was} ({other_origin})")

    def _from_flag(self, key: Key) -> Iterator[tuple[FileValue, Origin]]:
        given = self._flags.get(key.name)
        if given is None:
            return
        try:
            value = _value_of(key, given)
        except BadValueError as error:
            words = unknown_provider if key.name == "provider" else bad_value
            self._problems.append(words(given.flag, HIDDEN if key.secret else given.text or "", error))
            return
        if key.name in ("job_id", "queue_name") and CLOUD_NAME.fullmatch(str(value)) is None:
            message = f"{given.flag}: expected a name that every cloud takes, got {quoted(value)}"
            helps = ("up to 24 of a-z, 0-9 and -, the first a letter",)
            self._problems.append(Problem(message, helps=helps))
        yield value, Origin("flag", given.flag)

    def _from_file(self, key: Key) -> Iterator[tuple[FileValue, Origin]]:
        provider = self._values.get("provider")
        sections = ("",) if not key.sections else (str(provider).lower(), "run")
        for section in sections:
            found = self._found(section, key.name)
            if found is not None:
                yield found.value, Origin("file", str(found.place), f"`{section}`" if section else "")

    def _found(self, section: str, name: str) -> Found | None:
        return self._file.sections.get(section, {}).get(name) if self._file else None

    def _derive(self) -> None:
        job_id, zone = self._values["job_id"], self._values["zone"]
        if job_id is not None:
            self._derived("queue_name", str(job_id), "job_id")
            self._derived("db_file", f"{job_id}.db", "job_id")
        if zone is not None:
            first = zone[0] if isinstance(zone, tuple) else str(zone)
            match = _ZONE_OF_GCP.fullmatch(first) or _ZONE_OF_AWS.fullmatch(first)
            if match:
                self._derived("region", match["region"], "zone")

    def _derived(self, name: str, value: str, source: str) -> None:
        if self._values[name] is None:
            self._values[name], self._origins[name] = value, Origin("derived", source)


def _value_of(key: Key, given: Flag) -> FileValue:
    if given.text is None:
        return given.on
    if key.many and "," in given.text:
        return tuple(str(read_flag(key.option, text)) for text in given.text.split(","))
    return read_flag(key.option, given.text)


def _written(value: FileValue) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
