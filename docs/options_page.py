"""`options.md`, from the option table."""

from __future__ import annotations

from collections.abc import Iterator

from cloud_tasks.config.durations import SECONDS_PER_UNIT
from cloud_tasks.config.gather import VARIABLE_PREFIX
from cloud_tasks.config.option import Kind, Option
from cloud_tasks.config.settings import WORKER_DATA_SETTINGS
from cloud_tasks.config.table import OPTIONS, SECTIONS
from cloud_tasks.config.values import FALSE_WORDS, TRUE_WORDS
from pieces import NOTICE, code, marked, table


def options_page() -> str:
    """All options, by section."""
    parts = [NOTICE, "# Options", _introduction()]
    for section in SECTIONS:
        rows = (
            (
                code(*_usage(option)),
                code(option.variable),
                marked(option.default_in_words),
                marked(option.help),
            )
            for option in section.options
        )
        parts += [
            f"## {section.title.capitalize()}",
            marked(section.text),
            table(("Flag", "Variable", "Default", "Meaning"), rows),
        ]
    return "\n\n".join([*parts, *_older_variables(), _what_tasks_see()]) + "\n"


def _introduction() -> str:
    return f"""\
Every option has a flag, and most have an environment variable. A flag beats its variable, and a variable
beats the default. `--show-config` prints the value of each setting and where it came from. The program's own
arguments stand next to these on the command line; one with a flag or a name that is listed here is refused.

- A *duration* is a number of seconds, or a number with one of {code(*filter(None, SECONDS_PER_UNIT))} behind
  it: `600`, `600s` and `10m` are the same.
- A *boolean* in a variable is one of {code(*TRUE_WORDS)} or {code(*FALSE_WORDS)}, in any case.
- An empty variable counts as not set. So does `None` where no name or path belongs: managers of machines
  write that for what they do not know.
- A variable that begins with `{VARIABLE_PREFIX}` and is not listed here is a warning.

All that is wrong is told at once, before the first task is taken, and the exit status is 2."""


def _usage(option: Option) -> list[str]:
    """Its flags, each as it is written."""
    if option.kind is Kind.SWITCH:
        value = ""
    else:
        value = f" [{option.metavar}]" if option.kind is Kind.SWITCH_OR_DURATION else f" {option.metavar}"
    takes_value = {option.flag, option.short_flag}
    return [f"{flag}{value if flag in takes_value else ''}" for flag in option.flags]


def _older_variables() -> Iterator[str]:
    yield "## Older variables"
    rows = (
        (code(older.name), f"`{option.flag} {older.if_true}`", f"`{option.flag} {older.if_false}`")
        for option in OPTIONS
        if (older := option.older_variable)
    )
    yield "Still read, where neither the flag nor its own variable says anything."
    yield table(("Variable", "If true", "If false"), rows)


def _what_tasks_see() -> str:
    return f"## What tasks see\n\nAs attributes of `WorkerData`: {code(*WORKER_DATA_SETTINGS)}."
