"""`--show-config`: every setting and where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloud_tasks.config.gather import Gathered
from cloud_tasks.config.option import Kind, Option
from cloud_tasks.config.redact import redact
from cloud_tasks.config.resolve import Resolved
from cloud_tasks.config.settings import Settings
from cloud_tasks.config.table import BY_NAME


def show_config(resolved: Resolved) -> str:
    """A line for each setting: name, value, origin. Credentials in addresses are hidden."""
    rows = [
        (name, _shown(BY_NAME.get(name), getattr(resolved.settings, name)), str(resolved.origins[name]))
        for name in Settings.__struct_fields__
    ]
    return table_of(rows)


def table_of(rows: Sequence[tuple[str, str, str]]) -> str:
    """Name, value and origin in columns."""
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}" for name, value, origin in rows)


def show_rows(options: Iterable[Option], gathered: Gathered) -> str:
    """As `show_config`, for any options. Passwords and the like are hidden."""
    rows = [
        (option.name, _shown_of(option, gathered.values[option.name]), str(gathered.origins[option.name]))
        for option in options
    ]
    return table_of(rows)


def _shown_of(option: Option, value: object) -> str:
    if value is not None and option.metavar in ("PASSWORD", "KEY"):
        return "***"
    return _shown(option, value)


def _shown(option: Option | None, value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return redact(value)
    is_duration = option is not None and option.kind in (Kind.DURATION, Kind.SWITCH_OR_DURATION)
    return f"{value:g} s" if is_duration else str(value)
