"""Reads scripts from YAML, and tells every mistake with its place."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cloud_tasks.config_file.nodes import is_null
from cloud_tasks.diagnostics import near
from cloud_tasks.errors import ConfigurationError, Place, Problem
from fakes.metadata.steps import STEPS, Moment, Script, Step
from fakes.metadata.wire import Instance
from fakes.plan_text import PlanReading, parse_plan, read_plan_file

SCRIPTS = Path(__file__).parent / "scripts"

_EXAMPLE = "a step looks like this: `- {at_s: 20, do: notice}`"
_WORDS: dict[str, type[Step]] = {str(kind.__struct_config__.tag): kind for kind in STEPS}
_SECONDS_MAX = 1_000_000_000
"""Some 30 years: a time of day that is further ahead may be none that can be told."""
_STATUS_MIN, _STATUS_MAX = 200, 599
"""Of an answer that is the last one to its request, so that a client does not wait for another."""
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
    if not _is_there(path) and path.parent == Path():
        path = SCRIPTS / f"{name.removesuffix('.yaml')}.yaml"
    if not _is_there(path):
        raise ConfigurationError(_unknown(name))
    return parse_script(read_plan_file(str(path), "the script"), name)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # to read it will say what is wrong


def parse_script(data: bytes, name: str) -> Script:
    """Read a script.

    Args:
        data: The YAML.
        name: What to call it.

    Raises:
        ConfigurationError: It is not a script; carries all that is wrong with it.
    """
    text, root = parse_plan(data, name)
    if not isinstance(root, MappingNode):
        place = Place(name, 1, 1) if root is None else text.place(root)
        problem = Problem("expected a mapping with `timeline`", place=place, helps=(_EXAMPLE,))
        raise ConfigurationError(problem)
    reader = _Reader(text)
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


class _Reader(PlanReading):
    """Turns nodes into values; what cannot be turned is a problem, and the rest is read all the same."""

    def script(self, root: MappingNode) -> Script:
        """The whole of it."""
        parts = self._values(root, ("about", "instance", "timeline"))
        timeline, instance = parts.get("timeline"), parts.get("instance")
        if timeline is None:
            self.tell("no `timeline`", root, helps=("a script in which nothing happens has `timeline: []`",))
        return Script(
            about=self._value(parts["about"], str, "about") or "" if "about" in parts else "",
            instance=Instance() if instance is None else self._struct(instance, Instance, "instance"),
            timeline=() if timeline is None else tuple(self._timeline(timeline)),
        )

    def _timeline(self, node: Node) -> Iterator[Moment]:
        if not isinstance(node, SequenceNode):
            self.tell("`timeline`: expected a list of steps", node, helps=(_EXAMPLE,))
            return
        last_s = 0.0
        for item in node.value:
            moment = self._moment(item)
            if moment is None:
                continue
            if moment.at_s < last_s:
                self.tell(f"a step at {moment.at_s:g} s after one at {last_s:g} s", item)
            last_s = max(last_s, moment.at_s)
            yield moment

    def _moment(self, node: Node) -> Moment | None:
        if not isinstance(node, MappingNode):
            self.tell("expected a step", node, helps=(_EXAMPLE,))
            return None
        keys = {key.value: value for key, value in node.value if isinstance(key, ScalarNode)}
        missing = [key for key in ("at_s", "do") if key not in keys]
        if missing:
            self.tell(f"a step without `{missing[0]}`", node, helps=(_EXAMPLE,))
            return None
        word = self._value(keys["do"], str, "do")
        if word is None:
            return None
        kind = _WORDS.get(word)
        if kind is None:
            steps = f"steps: {', '.join(_WORDS)}"
            self.tell_unlike(f"unknown step `{word}`", keys["do"], word, tuple(_WORDS), steps)
            return None
        at_s = self._value(keys["at_s"], float, "at_s")
        step = self._struct(node, kind, f"the step `{word}`", ("at_s", "do"))
        return None if at_s is None else Moment(at_s, step)

    def _struct(self, node: Node, kind: type[_S], what: str, besides: tuple[str, ...] = ()) -> _S:
        """A value whose fields are the keys of a mapping; what is bad among them has its default."""
        if not isinstance(node, MappingNode):
            self.tell(f"`{what}`: expected a mapping", node)
            return kind()
        hints = get_type_hints(kind)
        fields = {name: hints[name] for name in kind.__struct_fields__}
        found: dict[str, object] = {}
        for name, value in self._values(node, (*besides, *fields)).items():
            if name in fields:
                converted = self._value(value, fields[name], name)
                if converted is not None:
                    found[name] = converted
        return kind(**found)

    def _values(self, node: MappingNode, known: tuple[str, ...]) -> dict[str, Node]:
        """The values of a mapping by their keys."""
        return {entry.name: entry.value for entry in self.known_entries(node, known)}

    def _value(self, node: Node, kind: Any, name: str) -> Any:
        """A value of a type; None where it is not one, or is null where that is allowed."""
        if get_origin(kind) in (Union, types.UnionType):
            if is_null(node):
                return None
            kind = next(each for each in get_args(kind) if each is not type(None))
        if get_origin(kind) is tuple:
            return self._strings(node, name)
        expected, tags, convert = _FIELDS.get(name) or _KINDS[kind]
        if isinstance(node, ScalarNode) and node.tag.rpartition(":")[2] in tags:
            try:
                return convert(node.value)
            except (ValueError, OverflowError):
                pass
        got = f"`{node.value}`" if isinstance(node, ScalarNode) else "a list or a mapping"
        self.tell(f"`{name}`: expected {expected}, got {got}", node)
        return None

    def _strings(self, node: Node, name: str) -> tuple[str, ...] | None:
        if not isinstance(node, SequenceNode):
            self.tell(f"`{name}`: expected a list of names", node)
            return None
        return tuple(str(self._value(item, str, name)) for item in node.value)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= _SECONDS_MAX:
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _status(text: str) -> int:
    number = int(text)
    if not _STATUS_MIN <= number <= _STATUS_MAX:
        raise ValueError(text)
    return number


_Kind: TypeAlias = tuple[str, tuple[str, ...], Callable[[str], object]]
"""What is expected, the tags of YAML that it may have, and what makes a value of it."""

_KINDS: dict[type, _Kind] = {
    float: (f"a number of seconds from 0 to {_SECONDS_MAX}", ("int", "float"), _seconds),
    int: ("a whole number, at least 0", ("int",), _whole),
    str: ("text", ("str", "int", "float", "bool", "timestamp"), str),
}
_FIELDS: dict[str, _Kind] = {"status": (f"{_STATUS_MIN} to {_STATUS_MAX}", ("int",), _status)}
"""Those that not every value of their type is good for."""
