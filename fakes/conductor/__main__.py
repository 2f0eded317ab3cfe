"""`python -m fakes.conductor`: serves the stand-in until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cloud_tasks.clock import SystemClock
from cloud_tasks.errors import ConfigurationError, Problem
from fakes.conductor import ConductorError, ConductorService
from fakes.conductor.faulty import Faulty
from fakes.conductor.workflow_operations import OPERATIONS
from fakes.serving import (
    add_options,
    asked_to_end,
    cannot_listen,
    fault_injector,
    library_missing,
    report,
    run,
)

if TYPE_CHECKING:
    from fakes.conductor.server import ConductorServer

_PORT = 8080
_SETTINGS = {
    "--retry-count": ("retry_count", "how often a task of those types is tried again (default: 3)"),
    "--retry-delay": ("retry_delay_seconds", "how long to wait before that, in s (default: 60)"),
    "--response-timeout": (
        "response_timeout_seconds",
        "how long a worker may be silent, in s (default: 3600)",
    ),
}
"""Options, with the fields of a definition that they set, and what they mean."""


def main() -> int:
    """Serve; returns the exit status."""
    return run(_serve(_parser().parse_args()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fakes.conductor",
        description="Conductor, in memory: workers of Swift Conductor and of Conductor OSS work with it. "
        "Prints one line when it listens.",
    )
    parser.add_argument(
        "--task-type",
        action="append",
        default=[],
        metavar="NAME",
        help="a type of task that is to be defined; may be given several times",
    )
    parser.add_argument(
        "--tasks",
        type=_count,
        metavar="N",
        help="start so many tasks of each type, with input {'number': 0} and so on (default: 0)",
    )
    for option, (_, what) in _SETTINGS.items():
        parser.add_argument(option, type=_count, metavar="N", help=what)
    add_options(parser, port=_PORT, page="docs/conductor-stand-in.md")
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


async def _serve(arguments: argparse.Namespace) -> None:
    _refuse_settings_of_nothing(arguments)
    ended = asked_to_end()
    clock = SystemClock()
    service = ConductorService(clock)
    injector = fault_injector(arguments, tuple(OPERATIONS), clock)
    for name in arguments.task_type:
        _define(service, name, arguments)
    server = _server(arguments, service, None if injector is None else Faulty(injector, clock))
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(arguments, error) from None
    print(f"listening on {server.url}", flush=True)  # noqa: T201
    await ended.wait()
    await server.aclose()
    if injector is not None:
        report(injector)


def _refuse_settings_of_nothing(arguments: argparse.Namespace) -> None:
    """Refuse what would be ignored.

    Raises:
        ConfigurationError: Something is said about tasks, and there are none.
    """
    if arguments.task_type:
        return
    for option in ("--tasks", *_SETTINGS):
        if _given(arguments, option) is not None:
            raise ConfigurationError(Problem(f"{option}: there are no tasks without --task-type"))


def _given(arguments: argparse.Namespace, option: str) -> int | None:
    value: int | None = getattr(arguments, option.removeprefix("--").replace("-", "_"))
    return value


def _define(service: ConductorService, name: str, arguments: argparse.Namespace) -> None:
    """Define a type of task, and start tasks of it."""
    given = {
        field: value
        for option, (field, _) in _SETTINGS.items()
        if (value := _given(arguments, option)) is not None
    }
    try:
        service.define_task(name, **given)
    except ConductorError as error:
        broken = "; ".join(each.message for each in error.violations)
        raise ConfigurationError(Problem(f"--task-type {name}: {broken}")) from None
    service.start_tasks(name, ({"number": number} for number in range(arguments.tasks or 0)))


def _server(
    arguments: argparse.Namespace, service: ConductorService, faults: Faulty | None
) -> ConductorServer:
    try:
        from fakes.conductor.server import ConductorServer
    except ImportError:
        raise library_missing("aiohttp") from None
    return ConductorServer(service, host=arguments.host, port=arguments.port, faults=faults)


if __name__ == "__main__":
    sys.exit(main())
