"""The SQS stand-in in a thread of its own, and boto3 to call it with."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

import boto3
import moto.core.models  # noqa: F401 - first: a session that is older than it goes to the real service
from botocore.config import Config

from cloud_tasks.clock import SystemClock
from fakes.clock import VirtualClock
from fakes.faults import FaultInjector, FaultPlan
from fakes.sqs import SqsService
from fakes.sqs.faulty import Faulty
from fakes.sqs.server import SqsServer

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

C = TypeVar("C", VirtualClock, SystemClock)
T = TypeVar("T")

ANSWER_S = 60
"""Longer than anything takes that is not broken."""
_session = boto3.Session(
    aws_access_key_id="none",
    aws_secret_access_key="none",  # noqa: S106 - a stand-in wants one, and looks at none
    region_name="us-east-1",
)
"""One for all: making a client of a new one takes ten times as long."""


ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=ANSWER_S, max_pool_connections=20)
"""Tries once, and may be called by many at a time."""


def client_of(url: str | None, config: Config = ONCE) -> SQSClient:
    """A client; None: of AWS, for what stands in for it within this process."""
    return _session.client("sqs", endpoint_url=url, config=config)


class ThreadedSqs(Generic[C]):
    """A stand-in that serves in a thread, and belongs to nobody's loop but its own.

    Attributes:
        clock: The clock that it follows; only `run` may move it.
        service: What answers.
        injector: What goes wrong.
        url: Where it is.
    """

    def __init__(self, clock: C, plan: FaultPlan | None = None, **limits: int) -> None:
        self.clock: C = clock
        self.service = SqsService(clock, **limits)
        self.injector = FaultInjector(plan or FaultPlan(), clock)
        self.url = ""
        self._faults = Faulty(self.injector, clock) if plan else None
        self._server = SqsServer(self.service, faults=self._faults)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sqs-stand-in", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self.run(self._server.start())
        self.url = self._server.url

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Do something on its loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S)

    def restart(self, away_s: float) -> None:
        """Hang up on everybody, be away for a while, and answer there again: nothing is lost."""
        self.run(self._server.aclose())
        time.sleep(away_s)
        self._server = SqsServer(self.service, port=self._server.port, faults=self._faults)
        self.run(self._server.start())

    def stop(self) -> None:
        self.run(self._server.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def serving(clock: C, plan: FaultPlan | None = None, **limits: int) -> Iterator[ThreadedSqs[C]]:
    """A stand-in for as long as the block lasts; limits are those of `SqsService`."""
    one = ThreadedSqs(clock, plan, **limits)
    one.start()
    try:
        yield one
    finally:
        one.stop()
