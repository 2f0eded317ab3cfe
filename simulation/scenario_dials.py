"""Reads values and ranges from YAML: what one key of a scenario is set to, or drawn from."""

from __future__ import annotations

from collections.abc import Iterable

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cloud_tasks.config.option import Kind, Value
from cloud_tasks.config.values import BadValueError, read_flag
from cloud_tasks.config_file.nodes import Entry, has_foreign_tag, is_null, kind_of
from fakes.plan_text import PlanReading
from simulation.scenario import Dial
from simulation.scenario_keys import Key

_QUANTITIES = (Kind.INTEGER, Kind.NUMBER, Kind.DURATION)


class DialReading(PlanReading):
    """One pass over a plan whose keys are dials."""

    def named(self, node: MappingNode, keys: Iterable[Key]) -> dict[str, Entry]:
        """The entries of a mapping, by name."""
        return {entry.name: entry for entry in self.known_entries(node, [key.name for key in keys])}

    def dials(self, given: dict[str, Entry], keys: Iterable[Key]) -> dict[str, Dial]:
        """What some keys are set to, by field; without those that are not set."""
        found = {key.field: self.dial(key, given.get(key.name)) for key in keys}
        return {field: dial for field, dial in found.items() if dial is not None}

    def items(self, entry: Entry | None) -> list[Node]:
        """The items of a list; [] where there is none."""
        if entry is None or is_null(entry.value):
            return []
        if isinstance(entry.value, SequenceNode):
            return list(entry.value.value)
        self.tell(f"`{entry.name}`: expected a list, got {kind_of(entry.value)}", entry.value)
        return []

    def dial(self, key: Key, entry: Entry | None, *, one: bool = False) -> Dial | None:
        """What a key is set to; None where it is not, or wrongly, which is told."""
        if entry is None or is_null(entry.value):
            return None
        node, kind = entry.value, key.option.kind
        if isinstance(node, SequenceNode) and not one:
            return self._drawn(key, node)
        value = self._value(key, node)
        return None if value is None else Dial((value,), whole=kind is Kind.INTEGER)

    def _drawn(self, key: Key, node: SequenceNode) -> Dial | None:
        values = tuple(value for item in node.value if (value := self._value(key, item)) is not None)
        if len(values) < len(node.value):
            return None
        if key.option.kind not in _QUANTITIES:
            if not values:
                self.tell(f"`{key.name}`: there is nothing to choose from", node)
            return Dial(values)
        match values:
            case (int() | float() as low, int() | float() as high) if low <= high:
                return Dial(values, spread=True, whole=key.option.kind is Kind.INTEGER)
        self.tell(f"`{key.name}`: expected the two ends of a range, the lower one first", node)
        return None

    def _value(self, key: Key, node: Node) -> Value:
        if has_foreign_tag(node) or not isinstance(node, ScalarNode) or is_null(node):
            self.tell(f"`{key.name}`: expected one value, got {kind_of(node)}", node)
            return None
        text = str(node.value)
        try:
            return read_flag(key.option, text)
        except BadValueError as error:
            message = f"`{key.name}`: expected {error.expected}, got {kind_of(node)}"
            self.tell_unlike(message, node, text, key.option.choices, *error.helps)
            return None
