"""Reads fault plans from YAML, and tells every mistake with its place."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, TypeAlias, get_type_hints

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from cloud_tasks.config_file.nodes import Entry, Text, is_null, kind_of
from cloud_tasks.errors import ConfigurationError
from fakes.faults import FaultKind, FaultPlan, FaultRule
from fakes.plan_text import PlanReading, parse_plan, read_plan_file

_EXAMPLE = "a rule looks like this: `- {kind: throttle, operation: ReceiveMessage, probability: 0.1}`"
_KINDS = [kind.value for kind in FaultKind]
_FIELDS = get_type_hints(FaultRule)
_PLAN_KEYS = ("seed", "rules")
_Seed: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_NO_VALUE = (ValueError, AttributeError, LookupError, yaml.YAMLError)
"""What PyYAML raises at text that is not what its tag says, as with `!!timestamp x` and `!!bool x`."""


def read_fault_plan(path: str, operations: Sequence[str] = ()) -> FaultPlan:
    """Read a fault plan from a file.

    Args:
        path: The file.
        operations: Every operation that there is; empty: what a rule is about is not looked at.

    Raises:
        ConfigurationError: It cannot be read, or is none; carries all that is wrong with it.
    """
    return parse_fault_plan(read_plan_file(path, "the fault plan"), path, operations)


def parse_fault_plan(data: bytes, name: str, operations: Sequence[str] = ()) -> FaultPlan:
    """Read a fault plan.

    Args:
        data: The YAML.
        name: What to call it.
        operations: As for `read_fault_plan`.

    Raises:
        ConfigurationError: It is none; carries all that is wrong with it.
    """
    text, root = parse_plan(data, name)
    reading = _Reading(text, operations)
    plan = FaultPlan() if root is None else reading.plan(root)
    if reading.problems:
        raise ConfigurationError(*reading.problems)
    return plan


class _Reading(PlanReading):
    def __init__(self, text: Text, operations: Sequence[str]) -> None:
        super().__init__(text)
        self._operations = operations

    def plan(self, root: Node) -> FaultPlan:
        if not isinstance(root, MappingNode):
            self.tell(f"expected `seed:` and `rules:`, got {kind_of(root)}", root, helps=(_EXAMPLE,))
            return FaultPlan()
        seed: object = 0
        rules: list[FaultRule] = []
        for entry in self.known_entries(root, _PLAN_KEYS):
            if entry.name == "seed":
                seed = self._value(entry, _Seed)
            elif isinstance(entry.value, SequenceNode):
                rules = [rule for node in entry.value.value if (rule := self._rule(node)) is not None]
            elif not is_null(entry.value):
                self.tell(f"`rules`: expected a list, got {kind_of(entry.value)}", entry.value)
        return FaultPlan(seed if isinstance(seed, int) else 0, tuple(rules))

    def _rule(self, node: Node) -> FaultRule | None:
        if not isinstance(node, MappingNode):
            self.tell(f"expected a rule, got {kind_of(node)}", node, helps=(_EXAMPLE,))
            return None
        before = len(self.problems)
        given = {entry.name: entry for entry in self.known_entries(node, tuple(_FIELDS))}
        found = {name: self._value(entry, _FIELDS[name]) for name, entry in given.items()}
        if "operation" in given:
            self._check_operation(given["operation"], found["operation"])
        if len(self.problems) > before:
            return None
        if "kind" not in found:
            self.tell("the rule has no `kind`", node, helps=(_EXAMPLE,))
            return None
        try:
            return msgspec.convert(found, FaultRule)
        except msgspec.ValidationError as error:
            # What the rule itself has to say begins with the name of what it is about.
            about = given.get(str(error).split("`")[1])
            self.tell(str(error), about.value if about else node)
            return None

    def _check_operation(self, entry: Entry, pattern: object) -> None:
        """A rule about calls that there are none of would silently do nothing."""
        if not self._operations or not isinstance(pattern, str):
            return
        if not any(fnmatchcase(name, pattern) for name in self._operations):
            there = f"operations: {', '.join(self._operations)}"
            message = f"there is no operation `{pattern}`"
            self.tell_unlike(message, entry.value, pattern, self._operations, there)

    def _value(self, entry: Entry, kind: object) -> object:
        """A value of a type, as plain data; None where it is none, which is told."""
        try:
            value = yaml.SafeLoader("").construct_object(entry.value, deep=True)
            return msgspec.to_builtins(msgspec.convert(value, kind))
        except (msgspec.ValidationError, *_NO_VALUE):
            self._wrong(entry, kind)
            return None

    def _wrong(self, entry: Entry, kind: object) -> None:
        message = f"`{entry.name}`: expected {_WORDS.get(kind, 'a number')}, got {kind_of(entry.value)}"
        if kind is not FaultKind:
            self.tell(message, entry.value)
            return
        there = f"kinds: {', '.join(_KINDS)}"
        self.tell_unlike(message, entry.value, str(entry.value.value), _KINDS, there)


_WORDS: dict[object, str] = {
    FaultKind: "a kind of fault",
    str: "text",
    _Seed: "a whole number of at most 64 bits",
    tuple[int, ...]: "a list of whole numbers",
}
