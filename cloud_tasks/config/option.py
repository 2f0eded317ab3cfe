"""What an option is: the row type of the option table."""

from __future__ import annotations

import enum
from typing import TypeAlias

from msgspec import Struct

Value: TypeAlias = str | int | float | bool | None
"""What a setting can hold; None where nobody set it."""


class Kind(enum.Enum):
    """How the text of a flag or a variable is read."""

    STRING = "string"
    PATH = "path"
    INTEGER = "integer"
    NUMBER = "number"
    DURATION = "duration"
    SWITCH = "switch"
    CHOICE = "choice"
    SWITCH_OR_DURATION = "switch or duration"


class OlderVariable(Struct, frozen=True):
    """A boolean variable of an older version, which says the same in other words.

    Attributes:
        name: Name of the variable.
        if_true: What the option is set to where the variable says yes.
        if_false: What it is set to where the variable says no.
    """

    name: str
    if_true: str
    if_false: str


class Option(Struct, frozen=True, kw_only=True):
    """One option of the worker.

    Attributes:
        name: Name of the setting: the attribute of `Settings`, and of `WorkerData` where that has one.
        flag: The flag, "--memory" for instance.
        short_flag: A one-letter form of it, or "".
        negatable: Whether there is a "--no-" form.
        older_flag: Another spelling of the flag, or "".
        many: Whether it may be given several times, and each counts.
        variable: The environment variable, or "" where there is none.
        older_variable: A variable of an older version, which the flag and the variable beat.
        kind: How its text is read.
        choices: What a choice may be, in any case; the spelling here is the one that is kept.
        minimum: Smallest value; None: no limit.
        above: A value that it must exceed; None: no limit.
        maximum: Largest value; None: no limit.
        default: The value where nobody sets it and nothing is derived.
        default_text: The default in words, where it is derived or None.
        metavar: What stands for the value in the help.
        help: What it does, in a sentence or two.
    """

    name: str
    flag: str
    kind: Kind
    help: str
    short_flag: str = ""
    negatable: bool = False
    older_flag: str = ""
    many: bool = False
    variable: str = ""
    older_variable: OlderVariable | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    default: Value = None
    default_text: str = ""
    metavar: str = ""

    @property
    def dest(self) -> str:
        """Name of the attribute in the `argparse.Namespace`."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def no_flag(self) -> str:
        """The "--no-" form, or ""."""
        return "--no-" + self.flag.removeprefix("--") if self.negatable else ""

    @property
    def is_plain_switch(self) -> bool:
        """Whether it is a switch that the command line can only turn on."""
        return self.kind is Kind.SWITCH and not self.negatable

    @property
    def flags(self) -> tuple[str, ...]:
        """Every flag that sets it."""
        return tuple(flag for flag in (self.flag, self.short_flag, self.no_flag, self.older_flag) if flag)

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable that sets it, in the order in which they win."""
        older = self.older_variable.name if self.older_variable else ""
        return tuple(name for name in (self.variable, older) if name)

    @property
    def default_in_words(self) -> str:
        """The default, for people."""
        if self.default_text:
            return self.default_text
        if isinstance(self.default, bool):
            return "on" if self.default else "off"
        if self.default is None:
            return "none"
        return f"{self.default} s" if self.kind is Kind.DURATION else str(self.default)


class Section(Struct, frozen=True):
    """Options that belong together, under one heading in the help and in the documentation.

    Attributes:
        title: The heading.
        text: What they have in common.
        options: The options, in the order in which they are shown.
    """

    title: str
    text: str
    options: tuple[Option, ...]
