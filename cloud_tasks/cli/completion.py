"""What a shell can offer as the value of an option."""

from __future__ import annotations

from cloud_tasks.cli.options import COMMANDS
from cloud_tasks.cli.parser import Parser
from cloud_tasks.config.completion import completion_script
from cloud_tasks.config.option import Kind
from cloud_tasks.config.parser_actions import actions_of

_OPTIONS = {option.name: option for command in COMMANDS for option in command.options}
_FILE = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
"""As shtab.FILE, without importing it."""


def completion(parser: Parser, shell: str) -> str:
    """The completion script of all commands, which offers files and words where an option takes such.

    Raises:
        ConfigurationError: The shell is none that we know, or shtab is not installed.
    """
    for action in actions_of(parser):
        option = _OPTIONS.get(action.dest)
        if option is not None and option.kind is Kind.PATH:
            action.complete = _FILE  # type: ignore[attr-defined] # what shtab looks at
        elif option is not None and option.choices:
            action.choices = [choice.lower() for choice in option.choices]
    return completion_script(parser, shell)
