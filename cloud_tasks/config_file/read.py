"""Reading a configuration file: every value with its place, or every problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cloud_tasks.config.checks import CLOUD_NAME
from cloud_tasks.config.option import Value
from cloud_tasks.config.problems import nearest, quoted
from cloud_tasks.config.providers import installed
from cloud_tasks.config.redact import HIDDEN
from cloud_tasks.config.values import BadValueError, read_flag
from cloud_tasks.config_file.keys import BY_KEY, LATER_KEYS, TOP_LEVEL, Key, keys_of
from cloud_tasks.config_file.nodes import Entry, Text, entries, has_foreign_tag, is_null, kind_of
from cloud_tasks.errors import ConfigurationError, Place, Problem

FileValue: TypeAlias = Value | tuple[str, ...]
"""What a key can hold; the list of a key that may hold several."""

SIZE_BYTES_MAX = 1_048_576
"""Far above any configuration: what is larger is another file."""

HELP = "`cloud_tasks config schema` lists every key"
NOTE = "nothing started; 0 tasks taken"
_NAMES = ("job_id", "queue_name")
_SECRET = re.compile("key|secret|token|password", re.IGNORECASE)
"""Keys whose lines are not shown even where we do not know them: they may be misspelt."""


class Found(Struct, frozen=True):
    """A value of the file.

    Attributes:
        value: The value, read as its key wants it.
        place: Where it stands.
    """

    value: FileValue
    place: Place


class ConfigFile(Struct, frozen=True):
    """What a configuration file says.

    Attributes:
        source: The file as the user named it.
        sections: The values of each section by key; "" is what stands outside of all.
        warnings: What is odd but no error.
    """

    source: str
    sections: dict[str, dict[str, Found]]
    warnings: tuple[Problem, ...] = ()


def read_config_file(path: str) -> ConfigFile:
    """Read a configuration file.

    Raises:
        ConfigurationError: It cannot be read, or holds something that it must not; with every problem.
    """
    text = Text(path, _text_of(path))
    reading = _Reading(text)
    try:
        root = text.root()
    except yaml.MarkedYAMLError as error:
        raise _refused(_syntax(text, error)) from None
    except RecursionError:
        raise _refused(Problem(f"`{path}` is nested too deep")) from None
    except yaml.YAMLError as error:
        raise _refused(Problem(f"`{path}` is not YAML: {error}")) from None
    if root is not None and not is_null(root):
        reading.read(root)
    if reading.problems:
        raise _refused(*reading.problems)
    return ConfigFile(path, reading.sections, tuple(reading.warnings))


class _Reading:
    """One pass over a file."""

    def __init__(self, text: Text) -> None:
        self.sections: dict[str, dict[str, Found]] = {"": {}}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._text = text

    def read(self, root: Node) -> None:
        for entry in self._entries(root, "the file", "sections like `run:`"):
            if entry.name == "provider":
                self._value(BY_KEY["provider"], entry, "")
            elif entry.name in TOP_LEVEL:
                self._section(entry)
            else:
                self.problems.append(self._unknown(entry, "", TOP_LEVEL))

    def _section(self, entry: Entry) -> None:
        name = entry.name
        self.sections[name] = {}
        if is_null(entry.value):
            return
        known = [key.name for key in keys_of(name)]
        for inner in self._entries(entry.value, f"`{name}`", "keys with values"):
            if inner.name in known:
                self._value(BY_KEY[inner.name], inner, name)
            elif inner.name in LATER_KEYS:
                self.warnings.append(
                    Problem(
                        f"`{inner.name}` in `{name}` is left alone: nothing here starts machines",
                        place=self._text.place(inner.key),
                    )
                )
            else:
                self.problems.append(self._unknown(inner, name, known))
        self._together(name)

    def _entries(self, node: Node, what: str, expected: str) -> Iterator[Entry]:
        if has_foreign_tag(node):
            self.problems.append(self._tag(node))
        elif isinstance(node, MappingNode):
            yield from entries(self._text, node, self.problems)
        else:
            message = f"{what}: expected a mapping of {expected}, got {kind_of(node)}"
            self.problems.append(Problem(message, place=self._text.place(node)))

    def _value(self, key: Key, entry: Entry, section: str) -> None:
        node = entry.value
        if is_null(node):
            return
        try:
            value = self._read(key, node)
        except BadValueError as error:
            place = self._text.place(node)
            shown = kind_of(node)
            if key.secret:
                # The line would show it.
                place, shown = Place(place.source, place.line, place.column), f'"{HIDDEN}"'
            helps = installed() if key.name == "provider" else error.helps
            message = f"`{key.name}`: expected {error.expected}, got {shown}"
            self.problems.append(Problem(message, place=place, helps=helps))
        else:
            self.sections[section][key.name] = Found(value, self._text.place(entry.key))

    def _read(self, key: Key, node: Node) -> FileValue:
        if has_foreign_tag(node):
            raise BadValueError("data without YAML tags")
        if isinstance(node, ScalarNode):
            return _checked(key, str(node.value))
        items = node.value if isinstance(node, SequenceNode) and key.many else []
        if items and all(isinstance(item, ScalarNode) and not is_null(item) for item in items):
            return tuple(str(self._read(key, item)) for item in items)
        raise BadValueError("one value or a list of them" if key.many else "one value")

    def _unknown(self, entry: Entry, section: str, known: Iterable[str]) -> Problem:
        near = nearest(entry.name, known)
        elsewhere = BY_KEY[entry.name].sections if entry.name in BY_KEY else ()
        hint = f"did you mean `{near}`?" if near else ""
        if elsewhere:
            hint = f"it belongs into {' or '.join(f'`{name}`' for name in elsewhere)}"
        where = f" in `{section}`" if section else ""
        place = self._text.place(entry.key)
        if _SECRET.search(entry.name):
            shown = f"{entry.name}: {HIDDEN}"
            place = Place(
                place.source, place.line, place.column, shown, place.width, text_column=place.column
            )
        return Problem(f"unknown key `{entry.name}`{where}", place=place, hint=hint, helps=(HELP,))

    def _tag(self, node: Node) -> Problem:
        return Problem(
            f"the YAML tag `{node.tag}` is refused",
            place=self._text.place(node),
            helps=("configuration files hold data only",),
        )

    def _together(self, section: str) -> None:
        found = self.sections[section]
        if "startup_script" in found and "startup_script_file" in found:
            message = f"`startup_script` and `startup_script_file` in `{section}`: only one of them can count"
            self.problems.append(Problem(message, place=found["startup_script_file"].place))
        low, high = found.get("min_tasks_per_instance"), found.get("max_tasks_per_instance")
        if low and high and _number(low) > _number(high):
            message = f"`min_tasks_per_instance` in `{section}` is above `max_tasks_per_instance`"
            self.problems.append(Problem(message, place=low.place))


def _number(found: Found) -> float:
    return found.value if isinstance(found.value, int | float) else 0


def _checked(key: Key, text: str) -> Value:
    value = read_flag(key.option, text)
    if key.name in _NAMES and CLOUD_NAME.fullmatch(str(value)) is None:
        raise BadValueError("a name that every cloud takes", "up to 24 of a-z, 0-9 and -, the first a letter")
    return value


def _text_of(path: str) -> str:
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise _refused(_missing(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(Problem(f"cannot read configuration file {quoted(path)}: {reason}")) from None
    if len(data) > SIZE_BYTES_MAX:
        message = f"`{path}` has {len(data):,} bytes: a configuration file has at most {SIZE_BYTES_MAX:,}"
        raise _refused(Problem(message))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"`{path}` is not UTF-8: byte {error.start} is 0x{data[error.start]:02X}"
        raise _refused(Problem(message, helps=("save it as UTF-8",))) from None


def _missing(path: str) -> Problem:
    folder = Path(path).parent
    notes = () if folder.is_absolute() else (f"the working directory is {Path.cwd()}",)
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        names = []
    likely = nearest(Path(path).name, names)
    hint = f"did you mean `{folder / likely}`?" if likely else ""
    return Problem(f"there is no configuration file {quoted(path)}", hint=hint, notes=notes)


def _syntax(text: Text, error: yaml.MarkedYAMLError) -> Problem:
    what = ", ".join(str(part) for part in (error.context, error.problem) if part)
    return Problem(f"not YAML: {what}", place=text.place_of_error(error))


def _refused(*problems: Problem) -> ConfigurationError:
    """The error for these problems, the last of which says that nothing was done."""
    *others, last = problems
    told = Problem(
        last.message, place=last.place, hint=last.hint, helps=last.helps, notes=(*last.notes, NOTE)
    )
    return ConfigurationError(*others, told)
