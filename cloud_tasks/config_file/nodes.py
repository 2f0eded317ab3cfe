"""YAML text as nodes that know their places."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from cloud_tasks.errors import Place, Problem

_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "null", "bool", "int", "float", "map", "seq", "timestamp", "value", "merge")
)
_NULL_TAG = "tag:yaml.org,2002:null"


class Text:
    """The text of one file, and where in it things stand.

    Attributes:
        source: The file as the user named it.
    """

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self._text = text
        self._lines = text.splitlines()

    def root(self) -> Node | None:
        """The one document of the file; None if it is empty.

        Raises:
            yaml.MarkedYAMLError: It is no YAML, or more than one document.
        """
        return yaml.compose(self._text, Loader=yaml.SafeLoader)

    def place(self, node: Node) -> Place:
        """Where a node stands: its first line, underlined as far as it goes there."""
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return self._place(start.line, start.column, max(width, 1))

    def place_of_error(self, error: yaml.MarkedYAMLError) -> Place | None:
        """Where the parser gave up."""
        mark = error.problem_mark or error.context_mark
        return None if mark is None else self._place(mark.line, mark.column, 1)

    def _place(self, line: int, column: int, width: int) -> Place:
        text = self._lines[line] if line < len(self._lines) else None
        return Place(self.source, line + 1, column + 1, text, width)


class Entry:
    """One key of a mapping with its value."""

    __slots__ = ("key", "name", "value")

    def __init__(self, key: ScalarNode, value: Node) -> None:
        self.name: str = key.value
        self.key = key
        self.value = value


def entries(text: Text, mapping: MappingNode, problems: list[Problem]) -> Iterator[Entry]:
    """The entries of a mapping, each key once; what is wrong with the others goes to `problems`."""
    first: dict[str, ScalarNode] = {}
    for key, value in mapping.value:
        if not isinstance(key, ScalarNode):
            problems.append(Problem("expected a key, got a list or a mapping", place=text.place(key)))
        elif key.value in first:
            before = text.place(first[key.value])
            problems.append(
                Problem(
                    f"the key `{key.value}` is there twice",
                    place=text.place(key),
                    hint=f"first at {before.line}:{before.column}",
                )
            )
        else:
            first[key.value] = key
            yield Entry(key, value)


def is_null(node: Node) -> bool:
    """Whether it says nothing: `null`, `~`, or nothing at all."""
    return isinstance(node, ScalarNode) and node.tag == _NULL_TAG


def has_foreign_tag(node: Node) -> bool:
    """Whether it has a tag that says more than what kind of data it is."""
    return node.tag not in _PLAIN_TAGS


def kind_of(node: Node) -> str:
    """What it is, for people."""
    if isinstance(node, ScalarNode):
        return f'"{node.value}"' if len(node.value) <= _SHOWN_MAX else "a long text"
    return "a mapping" if isinstance(node, MappingNode) else "a list"


_SHOWN_MAX = 40
