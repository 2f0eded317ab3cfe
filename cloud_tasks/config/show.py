"""`--show-config`: every setting and where it came from."""

from __future__ import annotations

from cloud_tasks.config.option import Kind
from cloud_tasks.config.redact import redact
from cloud_tasks.config.resolve import Resolved
from cloud_tasks.config.settings import Settings
from cloud_tasks.config.table import BY_NAME


def show_config(resolved: Resolved) -> str:
    """A line for each setting: name, value, origin. Credentials in addresses are hidden."""
    rows = [
        (name, _shown(name, getattr(resolved.settings, name)), str(resolved.origins[name]))
        for name in Settings.__struct_fields__
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}" for name, value, origin in rows)


def _shown(name: str, value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return redact(value)
    is_duration = name in BY_NAME and BY_NAME[name].kind in (Kind.DURATION, Kind.SWITCH_OR_DURATION)
    return f"{value:g} s" if is_duration else str(value)
