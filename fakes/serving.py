"""What the programs that serve a stand-in have in common: where they listen, their faults, and their end."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

import msgspec

from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import Clock
from fakes.fault_file import read_fault_plan
from fakes.faults import FaultInjector, FaultKind, Struck

_PORT_MAX = 65_535
_USAGE = 2


def run(serving: Coroutine[object, object, None]) -> int:
    """Serve until the end, or tell why not; returns the exit status."""
    try:
        asyncio.run(serving)
    except ConfigurationError as error:
        print(render(error.problems), file=sys.stderr)  # noqa: T201
        return _USAGE
    return 0


def add_options(parser: argparse.ArgumentParser, *, port: int, page: str) -> None:
    """Let a program be told where to listen and what is to go wrong.

    Args:
        parser: Of its options.
        port: Where it listens unless told otherwise.
        page: Where its faults are explained.
    """
    add_port(parser, port)
    parser.add_argument("--host", default="127.0.0.1", help="likewise (default: %(default)s)")
    parser.add_argument(
        "--faults",
        metavar="FILE",
        help=f"a fault plan in YAML: which calls go wrong, and how ({page})",
    )
    parser.add_argument(
        "--fault-log",
        metavar="FILE",
        help="append a line of JSON for every fault that strikes",
    )


def add_port(parser: argparse.ArgumentParser, port: int) -> None:
    """Let a program be told on which port to listen, and no more.

    Args:
        parser: Of its options.
        port: Where it listens unless told otherwise.
    """
    parser.add_argument(
        "--port",
        type=_port,
        default=port,
        help="where to listen; 0: on a free port (default: %(default)s)",
    )


def _port(text: str) -> int:
    if not (
        text.isascii() and text.isdecimal() and len(text) <= len(str(_PORT_MAX)) and int(text) <= _PORT_MAX
    ):
        raise argparse.ArgumentTypeError(f"expected 0 to {_PORT_MAX}, got {text!r}")
    return int(text)


def fault_injector(
    arguments: argparse.Namespace, operations: Sequence[str], clock: Clock
) -> FaultInjector | None:
    """What decides about faults; None if nothing is to go wrong.

    Args:
        arguments: As given; see `add_options`.
        operations: Every operation that the stand-in has.
        clock: Of spans of time and rates.

    Raises:
        ConfigurationError: The plan is none, or the log cannot be written.
    """
    if arguments.faults is None:
        if arguments.fault_log is not None:
            raise ConfigurationError(Problem("--fault-log: there are no faults without --faults"))
        return None
    plan = read_fault_plan(arguments.faults, operations)
    return FaultInjector(plan, clock, None if arguments.fault_log is None else _observer(arguments.fault_log))


def _observer(path: str) -> Callable[[Struck], None]:
    try:
        file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - open as long as the program runs
    except OSError as error:
        raise ConfigurationError(Problem(f"--fault-log: cannot write `{path}`: {error.strerror}")) from None

    def observe(struck: Struck) -> None:
        file.write(msgspec.json.encode(struck) + b"\n")

    return observe


def report(injector: FaultInjector) -> None:
    """Tell on stderr how many faults there were."""
    for kind in FaultKind:
        if injector.injected[kind]:
            told = (
                f"{kind.value}: injected {injector.injected[kind]}, had an effect {injector.effective[kind]}"
            )
            print(told, file=sys.stderr)  # noqa: T201


def asked_to_end() -> asyncio.Event:
    """Set by SIGTERM and by SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended


def cannot_listen(arguments: argparse.Namespace, error: OSError) -> ConfigurationError:
    """The port cannot be had."""
    return ConfigurationError(
        Problem(
            f"cannot listen on {arguments.host}, port {arguments.port}: {error.strerror or error}",
            helps=("choose another with --port, or 0 for a free one",),
        )
    )


def library_missing(name: str) -> ConfigurationError:
    """A library is not installed that the stand-in needs."""
    return ConfigurationError(
        Problem(
            f"the stand-in needs the package {name}, which is not installed",
            helps=("pip install 'cloud-tasks[fakes]'",),
        )
    )
