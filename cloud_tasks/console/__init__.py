"""The displays: a bar on a terminal, lines elsewhere, JSON for machines."""

from cloud_tasks.console.choose import choose_console
from cloud_tasks.console.output import Output
from cloud_tasks.console.plain import PlainConsole
from cloud_tasks.console.protocol import Console, Level, Stream

__all__ = ["Console", "Level", "Output", "PlainConsole", "Stream", "choose_console"]
