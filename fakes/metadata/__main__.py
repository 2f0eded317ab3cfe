"""`python -m fakes.metadata`: serves a script until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from cloud_tasks.clock import SystemClock
from fakes.listening import LOOPBACK
from fakes.metadata import CLOUDS, ProcessGroup, Script, Step, read_script, shipped_scripts
from fakes.serving import add_port, asked_to_end, cannot_listen, library_missing, run

if TYPE_CHECKING:
    from fakes.metadata.server import MetadataServer


def main() -> int:
    """Serve; returns the exit status."""
    return run(_serve(_parser().parse_args()))


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
    add_port(parser, 0)
    parser.set_defaults(host=LOOPBACK)  # nobody else is to ask for the fate of this machine
    parser.add_argument("--cloud", choices=CLOUDS, help="serve this one alone, instead of all three")
    parser.add_argument(
        "--instance-pgid",
        type=int,
        metavar="N",
        help="the process group that `kill` and `soft-off` end; without it they end nothing",
    )
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asked_to_end()
    loop = asyncio.get_running_loop()
    began = loop.time()

    def tell(step: Step) -> None:
        print(f"{loop.time() - began:.1f} s: {step.word}", file=sys.stderr, flush=True)  # noqa: T201

    script = read_script(arguments.script)
    server = _server(arguments, script, tell)
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(arguments, error) from None
    print(f"listening on {server.url}", flush=True)  # noqa: T201
    began = loop.time()
    playing = asyncio.ensure_future(server.play(script))
    try:
        await _wait(ended, playing)
    finally:
        playing.cancel()
        await server.aclose()


async def _wait(ended: asyncio.Event, playing: asyncio.Task[None]) -> None:
    """Wait until the end, or until a step of the script fails: those after it would never be taken."""
    waiting = asyncio.ensure_future(ended.wait())
    await asyncio.wait({waiting, playing}, return_when=asyncio.FIRST_COMPLETED)
    if playing.done():
        playing.result()
    await waiting


def _server(arguments: argparse.Namespace, script: Script, on_step: Callable[[Step], None]) -> MetadataServer:
    group = None if arguments.instance_pgid is None else ProcessGroup(arguments.instance_pgid)
    try:
        from fakes.metadata.server import MetadataServer
    except ImportError:
        raise library_missing("aiohttp") from None
    return MetadataServer(
        SystemClock(),
        instance=script.instance,
        clouds=CLOUDS if arguments.cloud is None else (arguments.cloud,),
        group=group,
        on_step=on_step,
        port=arguments.port,
    )


if __name__ == "__main__":
    sys.exit(main())
