"""`python -m fakes.sqs`: serves the stand-in until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cloud_tasks.clock import SystemClock
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import Clock
from fakes.fault_file import read_fault_plan
from fakes.faults import FaultInjector, FaultKind, Struck
from fakes.sqs import SqsError, SqsService
from fakes.sqs.faulty import Faulty
from fakes.sqs.operations import OPERATIONS

if TYPE_CHECKING:
    from fakes.sqs.server import SqsServer

_PORT = 9324
_PORT_MAX = 65_535
_USAGE = 2


def main() -> int:
    """Serve; returns the exit status."""
    arguments = _parser().parse_args()
    try:
        return asyncio.run(_serve(arguments))
    except ConfigurationError as error:
        print(render(error.problems), file=sys.stderr)  # noqa: T201
        return _USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fakes.sqs",
        description="Amazon SQS, in memory: every SDK and the AWS command line work with it as an endpoint. "
        "Prints one line when it listens.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=_PORT,
        help="where to listen; 0: on a free port (default: %(default)s)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="likewise (default: %(default)s)")
    parser.add_argument(
        "--queue",
        action="append",
        default=[],
        metavar="NAME",
        help="a queue that is to be there; may be given several times; NAME.fifo for a FIFO queue",
    )
    parser.add_argument(
        "--faults",
        metavar="FILE",
        help="a fault plan in YAML: which calls go wrong, and how (docs/sqs-stand-in.md)",
    )
    parser.add_argument(
        "--fault-log",
        metavar="FILE",
        help="append a line of JSON for every fault that strikes",
    )
    return parser


def _port(text: str) -> int:
    if not (
        text.isascii() and text.isdecimal() and len(text) <= len(str(_PORT_MAX)) and int(text) <= _PORT_MAX
    ):
        raise argparse.ArgumentTypeError(f"expected 0 to {_PORT_MAX}, got {text!r}")
    return int(text)


async def _serve(arguments: argparse.Namespace) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    clock = SystemClock()
    service = SqsService(clock)
    injector = _injector(arguments, clock)
    for name in arguments.queue:
        _create(service, name)
    server = _server(arguments, service, None if injector is None else Faulty(injector, clock))
    await _listen(server, arguments)
    print(f"listening on {server.url}", flush=True)  # noqa: T201
    await ended.wait()
    await server.aclose()
    if injector is not None:
        _report(injector)
    return 0


def _injector(arguments: argparse.Namespace, clock: Clock) -> FaultInjector | None:
    if arguments.faults is None:
        if arguments.fault_log is not None:
            raise ConfigurationError(Problem("--fault-log: there are no faults without --faults"))
        return None
    plan = read_fault_plan(arguments.faults, tuple(OPERATIONS))
    return FaultInjector(plan, clock, None if arguments.fault_log is None else _observer(arguments.fault_log))


def _observer(path: str) -> Callable[[Struck], None]:
    try:
        file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - open as long as the program runs
    except OSError as error:
        raise ConfigurationError(Problem(f"--fault-log: cannot write `{path}`: {error.strerror}")) from None

    def observe(struck: Struck) -> None:
        file.write(msgspec.json.encode(struck) + b"\n")

    return observe


def _report(injector: FaultInjector) -> None:
    for kind in FaultKind:
        if injector.injected[kind]:
            told = (
                f"{kind.value}: injected {injector.injected[kind]}, had an effect {injector.effective[kind]}"
            )
            print(told, file=sys.stderr)  # noqa: T201


def _create(service: SqsService, name: str) -> None:
    try:
        service.create_queue(name, {"FifoQueue": "true"} if name.endswith(".fifo") else {})
    except SqsError as error:
        raise ConfigurationError(Problem(f"--queue {name}: {error.message}")) from None


def _server(arguments: argparse.Namespace, service: SqsService, faults: Faulty | None) -> SqsServer:
    try:
        from fakes.sqs.server import SqsServer
    except ImportError:
        raise ConfigurationError(
            Problem(
                "the stand-in needs the package aiohttp, which is not installed",
                helps=("pip install 'cloud-tasks[fakes]'",),
            )
        ) from None
    return SqsServer(service, host=arguments.host, port=arguments.port, faults=faults)


async def _listen(server: SqsServer, arguments: argparse.Namespace) -> None:
    try:
        await server.start()
    except OSError as error:
        raise ConfigurationError(
            Problem(
                f"cannot listen on {arguments.host}, port {arguments.port}: {error.strerror}",
                helps=("choose another with --port, or 0 for a free one",),
            )
        ) from None


if __name__ == "__main__":
    sys.exit(main())
