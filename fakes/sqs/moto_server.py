"""moto's SQS, mended, as a library and as a server; `python -m fakes.sqs.moto_server` runs the server.

For what our own server does not do, and to see the same behaviour in two ways; slower by far.
"""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

from moto import mock_aws
from moto.server import ThreadedMotoServer
from moto.sqs import models

from cloud_tasks.clock import SystemClock
from cloud_tasks.interfaces import Clock
from fakes.sqs.moto_backend import MendedSqs
from fakes.sqs.queue import IN_FLIGHT_MAX

_PORT = 9325


@contextmanager
def mended_moto(clock: Clock | None = None, *, in_flight_max: int = IN_FLIGHT_MAX) -> Iterator[None]:
    """Let boto3 in this process talk to moto; queues live as long as the block.

    Args:
        clock: Its time of day is what leases and all the rest follow; None: the machine's.
        in_flight_max: How many messages of a queue may be in flight.
    """
    with mended_models(clock or SystemClock(), in_flight_max), mock_aws():
        yield


class MotoServer:
    """moto on a socket of this process, in threads of its own.

    One at a time: moto keeps its queues in one place.

    Args:
        host: Where to listen.
        port: Likewise; 0: on a free one.
        clock: As for `mended_moto`.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None) -> None:
        self._host = host
        self._port = port
        self._server = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
        self._mended = mended_models(clock or SystemClock())

    @property
    def url(self) -> str:
        """Where it listens, as an address without a path."""
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port cannot be had.
        """
        socket.create_server((self._host, self._port)).close()  # moto's own attempt would wait for ever
        self._mended.__enter__()
        self._server.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()
        self._mended.__exit__(None, None, None)


@contextmanager
def mended_models(clock: Clock, in_flight_max: int = IN_FLIGHT_MAX) -> Iterator[None]:
    """Have moto make our backends instead of its own, and look at our clock. Sends it nothing."""

    def now_s() -> float:
        return clock.utc_now().timestamp()

    def now_ms() -> float:
        return now_s() * 1000

    with (
        mock.patch.object(models.sqs_backends, "backend", partial(MendedSqs, in_flight_max=in_flight_max)),
        mock.patch.object(models, "unix_time", now_s),
        mock.patch.object(models, "unix_time_millis", now_ms),
    ):
        models.sqs_backends.clear()
        try:
            yield
        finally:
            models.sqs_backends.clear()


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fakes.sqs.moto_server",
        description="Amazon SQS by moto, mended. Prints one line when it listens.",
    )
    parser.add_argument("--port", type=int, default=_PORT, help="0: a free one (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    arguments = parser.parse_args()
    ends = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # for moto's threads too
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it would print a line for each request
    server = MotoServer(arguments.host, arguments.port)
    try:
        server.start()
    except (OSError, OverflowError) as error:
        parser.error(f"cannot listen on {arguments.host}, port {arguments.port}: {error}")
    print(f"listening on {server.url}", flush=True)  # noqa: T201
    signal.sigwait(ends)
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
