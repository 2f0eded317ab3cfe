"""`python -m fakes.pubsub`: serves the stand-in until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import socket
import sys
from typing import TYPE_CHECKING

from cloud_tasks.clock import SystemClock
from cloud_tasks.errors import ConfigurationError, Problem
from fakes.faults import FaultInjector
from fakes.pubsub import PubSubError, PubSubService
from fakes.pubsub.operations import OPERATIONS
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
    from fakes.pubsub.server import PubSubServer

_PORT = 8085


def main() -> int:
    """Serve; returns the exit status."""
    return run(_serve(_parser().parse_args()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fakes.pubsub",
        description="Google Cloud Pub/Sub, in memory: every client works with it that PUBSUB_EMULATOR_HOST "
        "tells where. Prints one line when it listens.",
    )
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
    add_options(parser, port=_PORT, page="docs/pubsub-stand-in.md")
    return parser


def _pair(text: str) -> tuple[str, str]:
    topic, colon, name = text.partition(":")
    if not (topic and colon and name):
        raise argparse.ArgumentTypeError(f"expected TOPIC:NAME, got {text!r}")
    return topic, name


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asked_to_end()
    clock = SystemClock()
    injector = fault_injector(arguments, OPERATIONS, clock)
    server = _server(PubSubService(clock), arguments, injector)
    _create(server.service, arguments)
    try:
        _try(arguments.host, arguments.port)
        await server.start()
    except OSError as error:
        raise cannot_listen(arguments, error) from None
    print(f"listening on {server.address}", flush=True)  # noqa: T201 - what a script waits for
    await ended.wait()
    await server.aclose()
    if injector is not None:
        report(injector)


def _server(
    service: PubSubService, arguments: argparse.Namespace, injector: FaultInjector | None
) -> PubSubServer:
    try:
        from fakes.pubsub.server import PubSubServer
    except ImportError:
        raise library_missing("google-cloud-pubsub") from None
    return PubSubServer(service, host=arguments.host, port=arguments.port, faults=injector)


def _create(service: PubSubService, arguments: argparse.Namespace) -> None:
    from fakes.pubsub.creating import create_subscription, create_topic

    project = f"projects/{arguments.project}"
    topics = dict.fromkeys((*arguments.topic, *(topic for topic, _ in arguments.subscription)))
    for topic in topics:
        try:
            create_topic(service, f"{project}/topics/{topic}")
        except PubSubError as error:
            raise ConfigurationError(Problem(f"topic {topic}: {error.message}")) from None
    for topic, name in dict.fromkeys(arguments.subscription):
        try:
            create_subscription(service, f"{project}/subscriptions/{name}", f"{project}/topics/{topic}")
        except PubSubError as error:
            raise ConfigurationError(Problem(f"subscription {name}: {error.message}")) from None


def _try(host: str, port: int) -> None:
    """See whether the port can be had: gRPC does not say why not, and says it in its own way.

    Raises:
        OSError: It cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, port))


if __name__ == "__main__":
    sys.exit(main())
