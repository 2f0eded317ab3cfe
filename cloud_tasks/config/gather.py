"""Finding the value of each option: flag beats variable beats default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from msgspec import Struct

from cloud_tasks.config.option import Kind, Option, Value
from cloud_tasks.config.problems import bad_value, nearest, unknown_provider
from cloud_tasks.config.table import OPTIONS
from cloud_tasks.config.values import BadValueError, read_flag, read_switch, read_variable
from cloud_tasks.errors import Problem

VARIABLE_PREFIX = "RMS_CLOUD_TASKS_"

NOT_SET = ("", "None")
"""Texts of a variable that count as not set. Managers of the published package write None for a setting that
they do not have; names and paths may be called that."""


class Origin(Struct, frozen=True):
    """Where a value came from.

    Attributes:
        kind: "flag", "variable", "program" (a default that it gave its parser), "derived" or "default".
        name: The flag, the variable, or what it was derived from; "" for a default.
        note: What else there is to say; "" if nothing.
    """

    kind: str
    name: str = ""
    note: str = ""

    def __str__(self) -> str:
        text = {"program": "set by the program", "derived": f"derived from {self.name}"}.get(
            self.kind, self.name or "default"
        )
        return f"{text} ({self.note})" if self.note else text


class Flag(Struct, frozen=True):
    """What the command line says about one option.

    Attributes:
        flag: The flag as the table spells it.
        text: Its value; None for a switch, and where an optional value was left out.
        on: False for a "--no-" flag.
        texts: All values of one that may be given several times, in their order.
    """

    flag: str
    text: str | None = None
    on: bool = True
    texts: tuple[str, ...] = ()


class Gathered(Struct):
    """What was found: one value and one origin for each option, but for those with a bad value.

    Attributes:
        values: The value of each option by name.
        origins: Where each came from.
        bad: Names of the options whose value cannot be used.
        problems: What is wrong with them.
    """

    values: dict[str, Value]
    origins: dict[str, Origin]
    bad: set[str]
    problems: list[Problem]


def gather(
    arguments: Mapping[str, object], environ: Mapping[str, str], options: Iterable[Option] = OPTIONS
) -> Gathered:
    """Find the value of each option.

    Args:
        arguments: What the command line says, by dest: a `Flag`, a default of the program's, or None.
        environ: The environment.
        options: The options.
    """
    gathered = Gathered({}, {}, set(), [])
    for option in options:
        given = arguments.get(option.dest)
        try:
            value, origin = _find(option, given, environ)
        except _BadSourceError as error:
            gathered.bad.add(option.name)
            gathered.problems.append(error.problem)
            value, origin = option.default, Origin("default")
        gathered.values[option.name] = value
        gathered.origins[option.name] = origin
    return gathered


def unknown_variables(
    environ: Mapping[str, str], options: Iterable[Option] = OPTIONS, prefix: str = VARIABLE_PREFIX
) -> Iterator[Problem]:
    """A warning for each variable that is named like one of ours and is none."""
    known = {name for option in options for name in option.variables}
    for name in sorted(environ):
        if name.startswith(prefix) and name not in known:
            near = nearest(name, known)
            helps = (f"did you mean `{near}`?",) if near else ()
            yield Problem(f"the variable {name} is set, but means nothing to the worker", helps=helps)


class _BadSourceError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _find(option: Option, given: object, environ: Mapping[str, str]) -> tuple[Value, Origin]:
    if isinstance(given, Flag):
        return _from_flag(option, given), Origin("flag", given.flag)
    found = _from_variables(option, environ)
    if found is not None:
        return found
    if given is not None:
        return _from_program(option, given), Origin("program")
    unused = [f"{name} is {environ[name].strip() or 'empty'}" for name in option.variables if name in environ]
    return option.default, Origin("default", note=", ".join(unused))


def _from_flag(option: Option, given: Flag) -> Value:
    if given.text is None:
        return _switched(option, on=given.on)
    try:
        return read_flag(option, given.text)
    except BadValueError as error:
        raise _BadSourceError(_problem(option, given.flag, given.text, error)) from None


def _switched(option: Option, *, on: bool) -> Value:
    """What a switch means; for one that may have a duration, 0 is on."""
    return 0 if on and option.kind is Kind.SWITCH_OR_DURATION else on


def _from_variables(option: Option, environ: Mapping[str, str]) -> tuple[Value, Origin] | None:
    for name, read in _variables(option):
        text = environ.get(name, "")
        if not _is_set(option, text):
            continue
        try:
            return read(text), Origin("variable", name)
        except BadValueError as error:
            raise _BadSourceError(_problem(option, name, text, error)) from None
    return None


def _variables(option: Option) -> Iterator[tuple[str, Callable[[str], Value]]]:
    """Its variables, in the order in which they win, each with the way to read it."""
    if option.variable:
        yield option.variable, partial(read_variable, option)
    older = option.older_variable
    if older is not None:
        yield older.name, lambda text: older.if_true if read_switch(text) else older.if_false


def _is_set(option: Option, text: str) -> bool:
    if option.kind in (Kind.STRING, Kind.PATH):
        return bool(text.strip())
    return text.strip() not in NOT_SET


def _from_program(option: Option, given: object) -> Value:
    if isinstance(given, bool) and option.kind in (Kind.SWITCH, Kind.SWITCH_OR_DURATION):
        return _switched(option, on=given)
    text = str(given)
    try:
        return read_flag(option, text)
    except BadValueError as error:
        source = f"the program's default for {option.flag}"
        raise _BadSourceError(_problem(option, source, text, error)) from None


def _problem(option: Option, source: str, text: str, error: BadValueError) -> Problem:
    words = unknown_provider if option.name == "provider" else bad_value
    return words(source, text, error)
