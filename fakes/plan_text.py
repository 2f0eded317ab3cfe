"""What all plans in YAML are read with: one document, known keys, and every mistake with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node

from cloud_tasks.config_file.nodes import Entry, Text, entries, is_null
from cloud_tasks.diagnostics import near
from cloud_tasks.errors import ConfigurationError, Problem

PLAN_SIZE_BYTES_MAX = 1_000_000


def read_plan_file(path: str, what: str) -> bytes:
    """The content of a plan.

    Args:
        path: The file.
        what: What it is, for people: "the fault plan".

    Raises:
        ConfigurationError: It cannot be read, or is too large.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(PLAN_SIZE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(Problem(f"cannot read {what} `{path}`: {error.strerror}")) from None
    if len(data) > PLAN_SIZE_BYTES_MAX:
        raise ConfigurationError(Problem(f"`{path}` is larger than {PLAN_SIZE_BYTES_MAX} bytes"))
    return data


def parse_plan(data: bytes, name: str) -> tuple[Text, Node | None]:
    """The text of a plan, and its one document; None where that says nothing.

    Args:
        data: The YAML.
        name: What to call it.

    Raises:
        ConfigurationError: It is no YAML.
    """
    try:
        text = Text(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(Problem(f"`{name}` is not UTF-8: byte {error.start}")) from None
    try:
        root = text.root()
    except yaml.MarkedYAMLError as error:
        place = text.place_of_error(error)
        raise ConfigurationError(Problem(f"not YAML: {error.problem}", place=place)) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(Problem(f"`{name}` is not YAML: {error}")) from None
    return text, None if root is None or is_null(root) else root


class PlanReading:
    """One pass over a plan.

    Args:
        text: Its text.

    Attributes:
        problems: All that is wrong with it.
    """

    def __init__(self, text: Text) -> None:
        self.problems: list[Problem] = []
        self._text = text

    def known_entries(self, node: MappingNode, known: Sequence[str]) -> list[Entry]:
        """The entries of a mapping whose keys are known; the others are told."""
        found = []
        for entry in entries(self._text, node, self.problems):
            if entry.name in known:
                found.append(entry)
            else:
                keys = f"keys here: {', '.join(known)}"
                self.tell_unlike(f"unknown key `{entry.name}`", entry.key, entry.name, known, keys)
        return found

    def tell_unlike(self, message: str, node: Node, word: str, known: Sequence[str], *helps: str) -> None:
        """A word is none of those that are known; asks whether one that is like it was meant."""
        like = near(word, known)
        self.tell(message, node, f"did you mean `{like}`?" if like else "", helps)

    def tell(self, message: str, node: Node, hint: str = "", helps: tuple[str, ...] = ()) -> None:
        """Something is wrong at a place."""
        self.problems.append(Problem(message, place=self._text.place(node), hint=hint, helps=helps))
