"""`python -m fakes.pubsub`: serves the stand-in until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING

from cloud_tasks.clock import SystemClock
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError, Problem
from fakes.fault_file import read_fault_plan
from fakes.faults import FaultInjector, FaultKind
from fakes.pubsub import PubSubError, PubSubService

if TYPE_CHECKING:
    from fakes.pubsub.server import PubSubServer

_PORT = 8085
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
        prog="python -m fakes.pubsub",
        description="Google Cloud Pub/Sub, in memory: every client works with it that PUBSUB_EMULATOR_HOST "
        "tells where. Prints one line when it listens.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=_PORT,
        help="where to listen; 0: on a free port (default: %(default)s)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="likewise (default: %(default)s)")
    parser.add_argument(
        "--project", default="project", help="of the topics and subscriptions below (default: %(default)s)"
    )
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="NAME",
        help="a topic that is to be there; may be given several times",
    )
    parser.add_argument(
        "--subscription",
        action="append",
        default=[],
        type=_pair,
        metavar="TOPIC:NAME",
        help="a subscription that is to be there, with its topic; may be given several times",
    )
    parser.add_argument(
        "--faults",
        metavar="FILE",
        help="a fault plan in YAML: which calls go wrong, and how (docs/pubsub-stand-in.md)",
    )
    return parser


def _port(text: str) -> int:
    if not (
        text.isascii() and text.isdecimal() and len(text) <= len(str(_PORT_MAX)) and int(text) <= _PORT_MAX
    ):
        raise argparse.ArgumentTypeError(f"expected 0 to {_PORT_MAX}, got {text!r}")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    topic, colon, name = text.partition(":")
    if not (topic and colon and name):
        raise argparse.ArgumentTypeError(f"expected TOPIC:NAME, got {text!r}")
    return topic, name


async def _serve(arguments: argparse.Namespace) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    clock = SystemClock()
    injector = None if arguments.faults is None else FaultInjector(read_fault_plan(arguments.faults), clock)
    server = _server(arguments, PubSubService(clock), injector)
    _create(server.service, arguments)
    await _listen(server, arguments)
    print(f"listening on {server.address}", flush=True)  # noqa: T201
    await ended.wait()
    await server.aclose()
    if injector is not None:
        _report(injector)
    return 0


def _server(
    arguments: argparse.Namespace, service: PubSubService, injector: FaultInjector | None
) -> PubSubServer:
    try:
        from fakes.pubsub.server import PubSubServer
    except ImportError:
        raise ConfigurationError(
            Problem(
                "the stand-in needs the package google-cloud-pubsub, which is not installed",
                helps=("pip install 'cloud-tasks[fakes]'",),
            )
        ) from None
    return PubSubServer(service, host=arguments.host, port=arguments.port, faults=injector)


def _create(service: PubSubService, arguments: argparse.Namespace) -> None:
    from fakes.pubsub.creating import create_subscription, create_topic

    project = arguments.project
    topics = dict.fromkeys((*arguments.topic, *(topic for topic, _ in arguments.subscription)))
    for topic in topics:
        try:
            create_topic(service, f"projects/{project}/topics/{topic}")
        except PubSubError as error:
            raise ConfigurationError(Problem(f"topic {topic}: {error.message}")) from None
    for topic, name in arguments.subscription:
        try:
            create_subscription(
                service, f"projects/{project}/subscriptions/{name}", f"projects/{project}/topics/{topic}"
            )
        except PubSubError as error:
            raise ConfigurationError(Problem(f"subscription {name}: {error.message}")) from None


async def _listen(server: PubSubServer, arguments: argparse.Namespace) -> None:
    try:
        _try(arguments.host, arguments.port)
        await server.start()
    except OSError as error:
        raise ConfigurationError(
            Problem(
                f"cannot listen on {arguments.host}, port {arguments.port}: {error.strerror or error}",
                helps=("choose another with --port, or 0 for a free one",),
            )
        ) from None


def _try(host: str, port: int) -> None:
    """See whether the port can be had: gRPC does not say why not, and says it in its own way.

    Raises:
        OSError: It cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, port))


def _report(injector: FaultInjector) -> None:
    for kind in FaultKind:
        if injector.injected[kind]:
            told = (
                f"{kind.value}: injected {injector.injected[kind]}, had an effect {injector.effective[kind]}"
            )
            print(told, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
