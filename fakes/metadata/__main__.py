"""`python -m fakes.metadata`: serves a script until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from cloud_tasks.clock import SystemClock
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError, Problem
from fakes.metadata import CLOUDS, ProcessGroup, Script, Step, read_script, shipped_scripts

if TYPE_CHECKING:
    from fakes.metadata.server import MetadataServer

_USAGE = 2
_PORT_MAX = 65_535


def main() -> int:
    """Serve; returns the exit status."""
    arguments = _parser().parse_args()
    try:
        return asyncio.run(_serve(arguments))
    except ConfigurationError as error:
        return _refuse(*error.problems)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fakes.metadata",
        description="The metadata services of AWS, GCP and Azure on 127.0.0.1, for one machine whose fate a "
        "script tells. Prints one line when it listens; the script begins then.",
    )
    parser.add_argument(
        "--script",
        default="no-notice",
        metavar="NAME",
        help=f"a YAML file, or one of: {', '.join(shipped_scripts())} (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="where to listen; 0, the default: on a free port"
    )
    parser.add_argument("--cloud", choices=CLOUDS, help="serve this one alone, instead of all three")
    parser.add_argument(
        "--instance-pgid",
        type=int,
        metavar="N",
        help="the process group that `kill` and `soft-off` end; without it they end nothing",
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
    began = loop.time()

    def tell(step: Step) -> None:
        print(f"{loop.time() - began:.1f} s: {step.word}", file=sys.stderr, flush=True)  # noqa: T201

    script = read_script(arguments.script)
    server = _server(arguments, script, tell)
    await _listen(server, arguments.port)
    print(f"listening on {server.url}", flush=True)  # noqa: T201
    began = loop.time()
    playing = asyncio.ensure_future(server.play(script))
    await ended.wait()
    playing.cancel()
    await server.aclose()
    return 0


def _server(arguments: argparse.Namespace, script: Script, on_step: Callable[[Step], None]) -> MetadataServer:
    group = None if arguments.instance_pgid is None else ProcessGroup(arguments.instance_pgid)
    try:
        from fakes.metadata.server import MetadataServer
    except ImportError:
        raise ConfigurationError(
            Problem(
                "the stand-in needs the package aiohttp, which is not installed",
                helps=("pip install 'cloud-tasks[fakes]'",),
            )
        ) from None
    return MetadataServer(
        SystemClock(),
        instance=script.instance,
        clouds=CLOUDS if arguments.cloud is None else (arguments.cloud,),
        group=group,
        on_step=on_step,
    )


async def _listen(server: MetadataServer, port: int) -> None:
    try:
        await server.start(port)
    except OSError as error:
        raise ConfigurationError(
            Problem(
                f"cannot listen on port {port}: {error.strerror}",
                helps=("choose another, or 0 for a free one",),
            )
        ) from None


def _refuse(*problems: Problem) -> int:
    print(render(problems), file=sys.stderr)  # noqa: T201
    return _USAGE


if __name__ == "__main__":
    sys.exit(main())
