"""`python -m fakes.sqs`: serves the stand-in until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_tasks.clock import SystemClock
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import Clock
from fakes.serving import (
    add_options,
    asked_to_end,
    cannot_listen,
    fault_injector,
    library_missing,
    report,
    run,
)
from fakes.sqs import SqsError, SqsService
from fakes.sqs.faulty import Faulty
from fakes.sqs.operations import OPERATIONS
from fakes.sqs.recording import CarryOut, Recorder, TurnClock

if TYPE_CHECKING:
    from fakes.sqs.server import SqsServer

_PORT = 9324


def main() -> int:
    """Serve; returns the exit status."""
    return run(_serve(_parser().parse_args()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fakes.sqs",
        description="Amazon SQS, in memory: every SDK and the AWS command line work with it as an endpoint. "
        "Prints one line when it listens.",
    )
    parser.add_argument(
        "--queue",
        action="append",
        default=[],
        metavar="NAME",
        help="a queue that is to be there; may be given several times; NAME.fifo for a FIFO queue",
    )
    parser.add_argument(
        "--record",
        metavar="FILE",
        help="append a line of JSON for every call, with its answer",
    )
    add_options(parser, port=_PORT, page="docs/sqs-stand-in.md")
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asked_to_end()
    clock = TurnClock(SystemClock())
    service = SqsService(clock)
    injector = fault_injector(arguments, tuple(OPERATIONS), clock)
    for name in arguments.queue:
        _create(service, name)
    server = _server(arguments, service, None if injector is None else Faulty(injector, clock), clock)
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(arguments, error) from None
    print(f"listening on {server.url}", flush=True)  # noqa: T201
    await ended.wait()
    await server.aclose()
    if injector is not None:
        report(injector)


def _create(service: SqsService, name: str) -> None:
    try:
        service.create_queue(name, {"FifoQueue": "true"} if name.endswith(".fifo") else {})
    except SqsError as error:
        raise ConfigurationError(Problem(f"--queue {name}: {error.message}")) from None


def _server(
    arguments: argparse.Namespace, service: SqsService, faults: Faulty | None, clock: Clock
) -> SqsServer:
    try:
        from fakes.sqs.server import SqsServer
    except ImportError:
        raise library_missing("aiohttp") from None
    return SqsServer(
        service,
        host=arguments.host,
        port=arguments.port,
        faults=faults,
        around=None if arguments.record is None else _recording(arguments.record, clock),
    )


def _recording(path: str, clock: Clock) -> Callable[[CarryOut], CarryOut]:
    try:
        file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - open as long as the program runs
    except OSError as error:
        raise ConfigurationError(Problem(f"--record: cannot write `{path}`: {error.strerror}")) from None
    return lambda carry_out: Recorder(carry_out, clock, file.write).carry_out


if __name__ == "__main__":
    sys.exit(main())
