"""What is said about text that is not JSON."""

from __future__ import annotations

import itertools
import json
import re

from cloud_tasks.errors import Problem
from cloud_tasks.task_file.items import shortened
from cloud_tasks.task_file.json_tokens import tokens
from cloud_tasks.task_file.window import Window

EXAMPLE = '[{"task_id": "first", "data": {}}, ...]'

_LONGEST_SPLIT = 16
"""No literal and no escape is longer, so that a fault before the last so many characters is a real one."""

_UNFINISHED = re.compile(r'[A-Za-z0-9\\".+-]{0,12}\s*\Z')
_WORD = re.compile(r"[A-Za-z]+")
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null", "nan": "null", "undefined": "null"}


def may_be_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Whether reading on may mend the error."""
    return error.pos >= len(text) - _LONGEST_SPLIT or error.msg.startswith("Unterminated string")


def is_unfinished(text: str, error: json.JSONDecodeError) -> bool:
    """Whether the error is that the text ends too early."""
    return error.msg.startswith("Unterminated string") or _UNFINISHED.match(text, error.pos) is not None


def item_syntax(window: Window, start: int, error: json.JSONDecodeError, number: int) -> Problem:
    """The problem of an item whose text is not JSON."""
    return Problem(
        f"task {number}{id_in(window, start)} is not valid JSON: {_lowered(error.msg)}",
        place=window.place(error.pos),
        hint=_hint(window.text, error.pos),
    )


def cut_short(window: Window, where: str) -> Problem:
    """The problem of a file that ends before its list does."""
    return Problem(
        f"the file is cut short: it ends {where}",
        place=window.place(max(len(window.text.rstrip()) - 1, 0)),
        hint="the file ends here",
    )


def byte_order_mark(window: Window) -> Problem:
    """The problem of a file that begins with U+FEFF."""
    name = window.place(0).source
    return Problem(
        "the file begins with a byte order mark (bytes EF BB BF at byte offset 0), which JSON does not allow",
        place=window.place(0),
        helps=(
            'save it as "UTF-8", not "UTF-8 with BOM"',
            f"or take the mark away: tail -c +4 {name} > mended-{name}",
        ),
    )


def empty(window: Window) -> Problem:
    """The problem of a file without anything in it."""
    return Problem(
        "expected a list of tasks, but the file is empty",
        place=window.place(0),
        helps=("a file without tasks holds an empty list: []",),
    )


def not_a_list(window: Window, position: int) -> Problem:
    """The problem of a file that begins with anything but a list."""
    helps: tuple[str, ...] = (
        f"a JSON task file looks like this: {EXAMPLE}",
        "one task a line goes into a .jsonl file",
    )
    found = list(itertools.islice(tokens(window.text, position), 2))
    if window.text[position] == "{":
        if len(found) > 1:
            key = window.text[found[1].start : found[1].end].strip('"')
            return Problem(
                f"expected a list of tasks, found the key `{shortened(key)}` of a mapping",
                place=window.place(found[1].start, found[1].end - found[1].start),
                helps=helps,
            )
        return Problem("expected a list of tasks, found a mapping", place=window.place(position), helps=helps)
    width = found[0].end - found[0].start if found else 1
    what = shortened(window.text[position : position + width])
    if window.text.startswith("- ", position) or window.text.startswith("---", position):
        helps = ("this looks like YAML: name the file .yaml", *helps)
    return Problem(
        f"expected a list of tasks, found `{what}`", place=window.place(position, width), helps=helps
    )


def id_in(window: Window, start: int) -> str:
    """The id of an item that cannot be decoded as a whole, as far as it can be seen."""
    for token in tokens(window.text, start):
        if token.path == ("task_id",) and not token.is_key:
            return f" ({shortened(window.text[token.start : token.end])})"
    return ""


def _lowered(message: str) -> str:
    return message.removesuffix(" at")[:1].lower() + message.removesuffix(" at")[1:]


def _hint(text: str, position: int) -> str:
    word = _WORD.match(text, position)
    if word is not None and word.group() in _PYTHON_WORDS:
        return f"`{word.group()}` is Python; JSON says `{_PYTHON_WORDS[word.group()]}`"
    if text.startswith("'", position):
        return 'JSON quotes with "'
    if text.startswith(("#", "//", "/*"), position):
        return "JSON has no comments"
    if text.startswith(("}", "]"), position):
        return "is the comma before this one too many?"
    return ""
