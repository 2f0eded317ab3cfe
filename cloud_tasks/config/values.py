"""Reading the text of a flag or a variable by the kind of its option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cloud_tasks.config.durations import HOW_TO_WRITE, parse_duration
from cloud_tasks.config.numbers import parse_integer, parse_number
from cloud_tasks.config.option import Kind, Option, Value
from cloud_tasks.config.table import COUNT_MAX, DURATION_S_MAX

TRUE_WORDS = ("1", "true", "yes", "on")
FALSE_WORDS = ("0", "false", "no", "off")

_PARSERS: Mapping[Kind, Callable[[str], float]] = MappingProxyType(
    {Kind.INTEGER: parse_integer, Kind.NUMBER: parse_number, Kind.DURATION: parse_duration}
)
_NOUNS: Mapping[Kind, str] = MappingProxyType(
    {Kind.INTEGER: "an integer", Kind.NUMBER: "a number", Kind.DURATION: "a duration"}
)
_UPPER_BOUNDS: Mapping[Kind, float] = MappingProxyType(
    {Kind.INTEGER: COUNT_MAX, Kind.NUMBER: float(COUNT_MAX), Kind.DURATION: DURATION_S_MAX}
)


class BadValueError(ValueError):
    """A text is not what its option takes.

    Attributes:
        expected: What it takes, "an integer >= 1" for instance.
        helps: How to write it, a line each.
    """

    def __init__(self, expected: str, *helps: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.helps = helps


def read_flag(option: Option, text: str) -> Value:
    """The value of a flag's text.

    Raises:
        BadValueError: The option does not take it.
    """
    kind = Kind.DURATION if option.kind is Kind.SWITCH_OR_DURATION else option.kind
    return _read(option, kind, text)


def read_variable(option: Option, text: str) -> Value:
    """The value of a variable's text.

    Raises:
        BadValueError: The option does not take it.
    """
    if option.kind is not Kind.SWITCH_OR_DURATION:
        return _read(option, option.kind, text)
    truth = _truth(text)
    if truth is not None:
        return 0 if truth else False
    try:
        return _read(option, Kind.DURATION, text)
    except BadValueError as error:
        raise BadValueError(f"a boolean or {error.expected}", *error.helps) from None


def read_switch(text: str) -> bool:
    """The value of a boolean's text: 1, true, yes, on or 0, false, no, off, in any case.

    Raises:
        BadValueError: It is none of these words.
    """
    truth = _truth(text)
    if truth is None:
        raise BadValueError("a boolean", f"write {', '.join(TRUE_WORDS)} or {', '.join(FALSE_WORDS)}")
    return truth


def _truth(text: str) -> bool | None:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    return False if word in FALSE_WORDS else None


def _read(option: Option, kind: Kind, text: str) -> Value:
    if kind in _PARSERS:
        return _read_quantity(option, kind, text)
    if kind is Kind.SWITCH:
        return read_switch(text)
    if kind is Kind.CHOICE:
        return _read_choice(option, text)
    return _read_text(kind, text)


def _read_quantity(option: Option, kind: Kind, text: str) -> float:
    maximum = _UPPER_BOUNDS[kind] if option.maximum is None else option.maximum
    helps = (HOW_TO_WRITE,) if kind is Kind.DURATION else ()
    try:
        quantity = _PARSERS[kind](text)
    except ValueError:
        raise BadValueError(f"{_NOUNS[kind]}{_lower_bound(option)}", *helps) from None
    if quantity > maximum:
        bound = f"{maximum / 86_400:.0f}d" if kind is Kind.DURATION else f"{maximum:.0f}"
        raise BadValueError(f"{_NOUNS[kind]} <= {bound}")
    if (option.minimum is not None and quantity < option.minimum) or (
        option.above is not None and quantity <= option.above
    ):
        raise BadValueError(f"{_NOUNS[kind]}{_lower_bound(option)}")
    return quantity


def _lower_bound(option: Option) -> str:
    if option.above is not None:
        return f" > {option.above:g}"
    return "" if option.minimum is None else f" >= {option.minimum:g}"


def _read_choice(option: Option, text: str) -> str:
    word = text.strip().lower()
    for choice in option.choices:
        if choice.lower() == word:
            return choice
    raise BadValueError(" or ".join((", ".join(option.choices[:-1]), option.choices[-1])))


def _read_text(kind: Kind, text: str) -> str:
    noun = "a path" if kind is Kind.PATH else "a name"
    if not text.strip():
        raise BadValueError(noun)
    if "\0" in text:
        raise BadValueError(f"{noun} without NUL characters")
    return text
