"""A guide, read as what a reader does with it: files that are written, commands that are typed.

The convention of the pages `docs/coming-from-*.md`:

- A block after a line that ends with a name in backquotes and a colon (`` `worker.py`: ``) is that file.
- A block of the language `console` is a session: `$ ` begins a command, which goes on in the next line after
  a backslash; the other lines are what the commands print, on standard output and standard error.
- `...` in those stands for what differs from run to run; on a line of its own, for any number of lines.
- A command ends with status 0, unless the next one is `echo $?`. One with `&` at its end goes on behind the
  others, and what stands under it is waited for.
- There is no other block: nothing is shown that is not tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FILE = re.compile(r"`([\w./-]+)`:$")
OPEN = re.compile(r"```(\w*)$")


class ReadingError(Exception):
    """A block that is neither a file nor a session."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that a guide shows."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a guide tells to type, and what it prints there.

    Attributes:
        text: The command.
        printed: The lines under it.
        line: Where it stands, from 1.
        checks_status: Whether the next command asks how this one ended.
    """

    text: str
    printed: tuple[str, ...]
    line: int
    checks_status: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the shell does not wait for it."""
        return self.text.endswith("&")


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    before: str
    lines: tuple[str, ...]
    line: int


def steps(page: str) -> list[ShownFile | Command]:
    """Files and commands of a page, in their order.

    Raises:
        ReadingError: A block is none of these.
    """
    found: list[ShownFile | Command] = []
    for block in _blocks(page):
        found.extend(_commands(block) if block.language == "console" else [_file(block)])
    return found


def _blocks(page: str) -> Iterator[_Block]:
    before, block = "", None
    inside: list[str] = []
    for number, line in enumerate(page.splitlines(), 1):
        if block is None and line.startswith("```"):
            opened = OPEN.match(line)
            if opened is None:
                raise ReadingError(f"line {number}: {line}")
            block, inside = (opened[1], number), []
        elif block is not None and line == "```":
            yield _Block(block[0], before, tuple(inside), block[1])
            block = None
        elif block is not None:
            inside.append(line)
        elif line:
            before = line
    if block is not None:
        raise ReadingError(f"line {block[1]}: a block that does not end")


def _file(block: _Block) -> ShownFile:
    named = FILE.search(block.before)
    if named is None:
        raise ReadingError(f"line {block.line}: neither a session nor a file with a name before it")
    return ShownFile(named[1], "".join(f"{line}\n" for line in block.lines))


def _commands(block: _Block) -> list[Command]:
    typed: list[tuple[str, list[str], int]] = []
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith("$ "):
            typed.append((line[2:], [], number))
        elif not typed:
            raise ReadingError(f"line {number}: no command before this")
        elif typed[-1][0].endswith("\\") and not typed[-1][1]:
            text, _, where = typed[-1]
            typed[-1] = (f"{text[:-1]}{line.strip()}", [], where)
        else:
            typed[-1][1].append(line)
    if not typed:
        raise ReadingError(f"line {block.line}: a session without a command")
    following = [text for text, _, _ in typed[1:]]
    return [
        Command(text, tuple(printed), where, checks_status=after.startswith("echo $?"))
        for (text, printed, where), after in zip(typed, [*following, ""], strict=True)
    ]


def matches(printed: tuple[str, ...], output: str) -> bool:
    """Whether a command has printed what the page says."""
    parts = [r"(?:.*\n)*?" if line == "..." else f"{_line(line)}\n" for line in printed]
    return re.fullmatch("".join(parts), output) is not None


def _line(line: str) -> str:
    return r".*?".join(re.escape(part) for part in line.split("..."))
