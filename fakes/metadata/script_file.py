"""Reads scripts from YAML, and tells every mistake with its place."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cloud_tasks.diagnostics import near
from cloud_tasks.errors import ConfigurationError, Place, Problem
from fakes.metadata.steps import STEPS, Moment, Script, Step
from fakes.metadata.wire import Instance

SCRIPTS = Path(__file__).parent / "scripts"
SCRIPT_SIZE_BYTES_MAX = 1_000_000

_EXAMPLE = "a step looks like this: `- {at_s: 20, do: notice}`"
_WORDS: dict[str, type[Step]] = {str(kind.__struct_config__.tag): kind for kind in STEPS}
_S = TypeVar("_S", bound=Struct)


def shipped_scripts() -> list[str]:
    """The names of the scripts that come with the package."""
    return sorted(path.stem for path in SCRIPTS.glob("*.yaml"))


def read_script(name: str) -> Script:
    """Read a script: a file, or one that comes with the package, by its name.

    Raises:
        ConfigurationError: It is not there, or not a script; carries all that is wrong with it.
    """
    path = Path(name)
    if not path.exists() and path.parent == Path():
        path = SCRIPTS / f"{name.removesuffix('.yaml')}.yaml"
    try:
        with path.open("rb") as file:
            data = file.read(SCRIPT_SIZE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise ConfigurationError(_unknown(name)) from None
    except OSError as error:
        raise ConfigurationError(Problem(f"cannot read `{name}`: {error.strerror}")) from None
    if len(data) > SCRIPT_SIZE_BYTES_MAX:
        raise ConfigurationError(Problem(f"`{name}` is larger than {SCRIPT_SIZE_BYTES_MAX} bytes"))
    return parse_script(data, name)


def parse_script(data: bytes, name: str) -> Script:
    """Read a script.

    Args:
        data: The YAML.
        name: What to call it.

    Raises:
        ConfigurationError: It is not a script; carries all that is wrong with it.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(Problem(f"`{name}` is not UTF-8: byte {error.start}")) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = None if mark is None else _place(name, text.splitlines(), mark.line, mark.column, 1)
        raise ConfigurationError(Problem(f"not valid YAML: {error.problem}", place=place)) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(Problem(f"`{name}` is not valid YAML: {error}")) from None
    reader = _Reader(name, text.splitlines())
    script = reader.script(root)
    if reader.problems:
        raise ConfigurationError(*reader.problems)
    return script


def _unknown(name: str) -> Problem:
    like = near(name.removesuffix(".yaml"), shipped_scripts())
    return Problem(
        f"there is no script `{name}`",
        hint=f"did you mean `{like}`?" if like else "",
        helps=(f"a file, or one of: {', '.join(shipped_scripts())}",),
        notes=(f"looked in {Path.cwd()} and among those that come with the package",),
    )


class _Reader:
    """Turns nodes into values; what cannot be turned is a problem, and the rest is read all the same."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self.problems: list[Problem] = []
        self._name = name
        self._lines = lines

    def script(self, root: Node | None) -> Script:
        """The whole of it."""
        if not isinstance(root, MappingNode):
            self._tell("expected a mapping with `timeline`", root, (_EXAMPLE,))
            return Script()
        parts = self._entries(root, ("about", "instance", "timeline"))
        timeline = parts.get("timeline")
        if timeline is None:
            self._tell("no `timeline`", root, ("a script in which nothing happens has `timeline: []`",))
        instance = parts.get("instance")
        return Script(
            about=self._value(parts["about"], str, "about") or "" if "about" in parts else "",
            instance=Instance() if instance is None else self._struct(instance, Instance, "instance"),
            timeline=() if timeline is None else tuple(self._timeline(timeline)),
        )

    def _timeline(self, node: Node) -> Iterator[Moment]:
        if not isinstance(node, SequenceNode):
            self._tell("`timeline`: expected a list of steps", node, (_EXAMPLE,))
            return
        last_s = 0.0
        for item in node.value:
            moment = self._moment(item)
            if moment is None:
                continue
            if moment.at_s < last_s:
                self._tell(f"a step at {moment.at_s:g} s after one at {last_s:g} s", item)
            last_s = max(last_s, moment.at_s)
            yield moment

    def _moment(self, node: Node) -> Moment | None:
        if not isinstance(node, MappingNode):
            self._tell("expected a step", node, (_EXAMPLE,))
            return None
        keys = {key.value: value for key, value in node.value if isinstance(key, ScalarNode)}
        missing = [key for key in ("at_s", "do") if key not in keys]
        if missing:
            self._tell(f"a step without `{missing[0]}`", node, (_EXAMPLE,))
            return None
        word = self._value(keys["do"], str, "do")
        kind = _WORDS.get(str(word))
        if kind is None:
            like = near(str(word), _WORDS)
            hint = f"did you mean `{like}`?" if like else ""
            self._tell(f"unknown step `{word}`", keys["do"], (f"steps: {', '.join(_WORDS)}",), hint)
            return None
        at_s = self._value(keys["at_s"], float, "at_s")
        step = self._struct(node, kind, f"the step `{word}`", ("at_s", "do"))
        return None if at_s is None else Moment(at_s, step)

    def _struct(self, node: Node, kind: type[_S], what: str, besides: tuple[str, ...] = ()) -> _S:
        """A value whose fields are the keys of a mapping; what is bad among them has its default."""
        if not isinstance(node, MappingNode):
            self._tell(f"`{what}`: expected a mapping", node)
            return kind()
        hints = get_type_hints(kind)
        fields = {name: hints[name] for name in kind.__struct_fields__}
        found: dict[str, object] = {}
        for name, value in self._entries(node, (*besides, *fields)).items():
            if name in fields:
                converted = self._value(value, fields[name], name)
                if converted is not None:
                    found[name] = converted
        return kind(**found)

    def _entries(self, node: MappingNode, known: tuple[str, ...]) -> dict[str, Node]:
        """The values by their keys, each of which is known and there once."""
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else "?"
            if name not in known:
                like = near(name, known)
                self._tell(
                    f"unknown key `{name}`",
                    key,
                    (f"keys here: {', '.join(known)}",),
                    f"did you mean `{like}`?" if like else "",
                )
            elif name in found:
                self._tell(f"the key `{name}` is there twice", key)
            else:
                found[name] = value
        return found

    def _value(self, node: Node, kind: Any, name: str) -> Any:
        """A value of a type; None where it is not one, or is null where that is allowed."""
        if get_origin(kind) in (Union, types.UnionType):
            if node.tag.endswith(":null"):
                return None
            kind = next(each for each in get_args(kind) if each is not type(None))
        if get_origin(kind) is tuple:
            return self._strings(node, name)
        expected, tags, convert = _KINDS[kind]
        if isinstance(node, ScalarNode) and node.tag.rpartition(":")[2] in tags:
            try:
                return convert(node.value)
            except (ValueError, OverflowError):
                pass
        got = f"`{node.value}`" if isinstance(node, ScalarNode) else "a list or a mapping"
        self._tell(f"`{name}`: expected {expected}, got {got}", node)
        return None

    def _strings(self, node: Node, name: str) -> tuple[str, ...] | None:
        if not isinstance(node, SequenceNode):
            self._tell(f"`{name}`: expected a list of names", node)
            return None
        return tuple(str(self._value(item, str, name)) for item in node.value)

    def _tell(self, message: str, node: Node | None, helps: tuple[str, ...] = (), hint: str = "") -> None:
        place = Place(self._name, 1, 1)
        if node is not None and node.start_mark is not None:
            begin, end = node.start_mark, node.end_mark
            width = end.column - begin.column if end is not None and end.line == begin.line else 1
            place = _place(self._name, self._lines, begin.line, begin.column, width)
        self.problems.append(Problem(message, place=place, hint=hint, helps=helps))


def _place(name: str, lines: list[str], line: int, column: int, width: int) -> Place:
    text = lines[line] if line < len(lines) else None
    return Place(name, line + 1, column + 1, text, max(width, 1))


def _at_least_0(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


_KINDS: dict[type, tuple[str, tuple[str, ...], Callable[[str], object]]] = {
    float: ("a number of seconds, at least 0", ("int", "float"), _at_least_0),
    int: ("a whole number, at least 0", ("int",), _whole),
    str: ("text", ("str", "int", "float", "bool", "timestamp"), str),
}
