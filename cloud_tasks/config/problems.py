"""Wording of what can be wrong with a flag or a variable."""

from __future__ import annotations

from collections.abc import Iterable

from cloud_tasks.config.redact import redact
from cloud_tasks.config.values import BadValueError
from cloud_tasks.errors import Problem

SHOWN_CHARACTERS_MAX = 60


def quoted(value: object) -> str:
    """A value as it is shown in a message: quoted, cut short, printable, without credentials."""
    text = redact(str(value))
    if len(text) > SHOWN_CHARACTERS_MAX:
        text = text[:SHOWN_CHARACTERS_MAX] + "..."
    return '"' + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text) + '"'


def bad_value(source: str, text: str, error: BadValueError) -> Problem:
    """A flag or a variable has a value that its option does not take."""
    return Problem(f"{source}: expected {error.expected}, got {quoted(text)}", helps=error.helps)


def unknown_provider(source: str, text: str, error: BadValueError) -> Problem:
    """A provider that there is no adapter for; tells which could be used here."""
    from cloud_tasks.config.providers import installed

    return Problem(f"{source}: expected {error.expected}, got {quoted(text)}", helps=installed())


def unexpected_argument(text: str) -> Problem:
    """An argument that belongs to nothing."""
    return Problem(f"unexpected argument {quoted(text)}")


def unknown_flag(flag: str, known: Iterable[str]) -> Problem:
    """A flag that nobody knows, where it stands."""
    known = list(known)
    if flag in known:
        message = f"the flag {quoted(flag)} is not of the subcommand that it stands after"
        return Problem(message, helps=("put it before the subcommand",))
    near = nearest(flag, known)
    helps = (f"did you mean `{near}`?",) if near else ("--help lists every argument",)
    return Problem(f"unknown flag {quoted(flag)}", helps=helps)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like this one; "" if none is."""
    import difflib

    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.75)), "")
