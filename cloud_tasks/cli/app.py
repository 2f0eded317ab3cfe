"""`main`: from a command line to an exit status. Whatever goes wrong is told in words.

What a command needs is imported when there is one, so that help and version come at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from cloud_tasks.cli.output import OutputError, write
from cloud_tasks.cli.parser import Line, Parser, make_parser, parse
from cloud_tasks.compose.backends import BackendSettings, open_backend
from cloud_tasks.compose.telling import FAILED_STATUS, USAGE_STATUS, tell
from cloud_tasks.config.printing import write_no_more
from cloud_tasks.errors import CloudTasksError, ConfigurationError, Problem, ProblemsError, ServerAwayError
from cloud_tasks.interfaces import QueueBackend
from cloud_tasks.version import __version__

INTERRUPTED_STATUS = 130


def main(
    argv: Sequence[str] | None = None,
    *,
    open_backend: Callable[[BackendSettings], QueueBackend] = open_backend,
) -> int:
    """Carry out one command line.

    Args:
        argv: The arguments; None for those of this process.
        open_backend: Opens the queues of a job.

    Returns:
        0: all well; 1: something failed; 2: a mistake in options, configuration or task file; 130, 143:
        ended by SIGINT, SIGTERM.
    """
    try:
        return _main(sys.argv[1:] if argv is None else argv, open_backend)
    except ProblemsError as error:
        tell(error.problems)
        return USAGE_STATUS
    except OutputError as error:
        write_no_more()
        tell([Problem(str(error))])
        return FAILED_STATUS
    except CloudTasksError as error:
        tell([error.problem if isinstance(error, ServerAwayError) else Problem(str(error))])
        return FAILED_STATUS
    except KeyboardInterrupt:
        return INTERRUPTED_STATUS
    except BrokenPipeError:
        write_no_more()
        return FAILED_STATUS


def _main(argv: Sequence[str], open_queues: Callable[[BackendSettings], QueueBackend]) -> int:
    parser = make_parser()
    line = parse(argv, parser)
    if line.command is None:
        return _without_command(line, parser)
    if line.command.own_settings:
        return int(import_module(line.command.module).run(line))
    if line.command.by_driver:
        from cloud_tasks.cli.queue_call import QueueCall

        status: int = import_module(line.command.module).run(QueueCall(line.command, line, os.environ))
        return status
    from cloud_tasks.cli.call import Call

    call = Call(line.command, line, os.environ, open_queues)
    tell(call.configuration.warnings, "warning")
    for override in call.configuration.overrides:
        call.say(f"note: {override}")
    status = import_module(line.command.module).run(call)
    return int(status)


def _without_command(line: Line, parser: Parser) -> int:
    """What there is to do where no command was named."""
    if line.problems:
        raise ConfigurationError(*line.problems)
    if "version" in line.flags:
        write(sys.stdout, f"{parser.prog} {__version__}")
        return 0
    if "print_completion" in line.flags:
        from cloud_tasks.cli.completion import completion

        write(sys.stdout, completion(parser, line.flags["print_completion"].text or ""))
        return 0
    parser.print_help(sys.stderr)
    return USAGE_STATUS
