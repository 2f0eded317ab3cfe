"""How problems are shown to a person: named, placed, underlined, and with a way to mend them."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from cloud_tasks.errors import Place, Problem

PROBLEMS_SHOWN_MAX = 25
"""More than these are counted, not shown."""

LINE_COLUMNS_MAX = 100
"""A source line wider than this is shown as a window around its problem."""

_TAB = "    "
_CUT = "…"
_LEAD_COLUMNS = 30
_NEAR_ENOUGH = 0.6
_KIND_COLOURS = {"error": "1;31", "warning": "1;33"}
_FRAME = "1;34"
_BOLD = "1"
_MARKS = frozenset({"Mn", "Me"})

_Paint = Callable[[str, str], str]


def near(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was probably meant to be; None if none is like it."""
    by_fold: dict[str, str] = {}
    for candidate in candidates:
        by_fold.setdefault(candidate.casefold(), candidate)
    found = difflib.get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=_NEAR_ENOUGH)
    return by_fold[found[0]] if found else None


def render(problems: Sequence[Problem], kind: str = "error", *, color: bool = False) -> str:
    """Write problems as text for a terminal, each with its place; no newline at the end.

    Args:
        problems: What to show; of a long list the first `PROBLEMS_SHOWN_MAX`, then how many more there are.
        kind: The word that each begins with: "error" or "warning".
        color: Whether to use ANSI colours; whether the user wants them is for the caller to know.
    """
    paint = _coloured if color else _plain
    lines = [line for problem in problems[:PROBLEMS_SHOWN_MAX] for line in _block(problem, kind, paint)]
    more = len(problems) - PROBLEMS_SHOWN_MAX
    if more > 0:
        lines.append(f"... and {more} more")
    return "\n".join(lines)


def visible(text: str) -> str:
    """`text` with every character that would not show, or would move the cursor, written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _coloured(style: str, text: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def _plain(_style: str, text: str) -> str:
    return text


def _block(problem: Problem, kind: str, paint: _Paint) -> Iterator[str]:
    """The lines of one problem."""
    style = _KIND_COLOURS.get(kind, _BOLD)
    yield paint(style, kind) + paint(_BOLD, f": {visible(problem.message)}")
    if problem.place is not None:
        yield from _excerpt(problem.place, problem.hint, style, paint)
    elif problem.hint:
        yield paint(_FRAME, " hint:") + f" {visible(problem.hint)}"
    for text in problem.helps:
        yield paint(_FRAME, " help:") + f" {visible(text)}"
    for text in problem.notes:
        yield paint(_FRAME, " note:") + f" {visible(text)}"


def _excerpt(place: Place, hint: str, style: str, paint: _Paint) -> Iterator[str]:
    """Where it is: the place, the source line, and carets under what is wrong."""
    number = str(place.line)
    margin = " " * len(number)
    yield f"{margin} {paint(_FRAME, '-->')} {visible(str(place))}"
    if place.text is None:
        if hint:
            yield f" {margin}{paint(_FRAME, ' =')} {visible(hint)}"
        return
    shown, indent, carets = _underlined(place, place.text)
    yield paint(_FRAME, f" {number} |") + f" {shown}".rstrip()
    under = "^" * carets + (f" {visible(hint)}" if hint else "")
    yield paint(_FRAME, f" {margin} |") + f" {' ' * indent}{paint(style, under)}"


def _underlined(place: Place, text: str) -> tuple[str, int, int]:
    """The line as it is shown, how many columns before the carets, and how many carets."""
    at = min(max(place.column - place.text_column, 0), len(text))
    end = at + max(place.width, 1)
    before, marked, after = (
        [_shown(char) for char in part] for part in (text[:at], text[at:end], text[end:])
    )
    head = _CUT if place.text_column > 1 else ""
    tail = ""
    if _columns([*before, *marked, *after]) > LINE_COLUMNS_MAX:
        lead = _fitting(before[::-1], _LEAD_COLUMNS)[::-1]
        head = _CUT if len(lead) < len(before) else head
        room = LINE_COLUMNS_MAX - _columns(lead)
        core = _fitting(marked, room)
        rest = _fitting(after, room - _columns(core))
        tail = _CUT if len(core) + len(rest) < len(marked) + len(after) else ""
        before, marked, after = lead, core, rest
    indent = len(head) + _columns(before)
    return "".join([head, *before, *marked, *after, tail]), indent, max(_columns(marked), 1)


def _fitting(parts: list[str], columns: int) -> list[str]:
    """As many parts from the start as fit into so many columns."""
    used = 0
    for count, part in enumerate(parts):
        used += _columns([part])
        if used > columns:
            return parts[:count]
    return parts


def _shown(char: str) -> str:
    """One character as it is shown."""
    if char == "\t":
        return _TAB
    if char.isprintable():
        return char
    return repr(char)[1:-1]


def _columns(parts: Iterable[str]) -> int:
    """Width on a terminal: two columns for wide characters, none for combining marks."""
    return sum(map(_char_columns, "".join(parts)))


def _char_columns(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
