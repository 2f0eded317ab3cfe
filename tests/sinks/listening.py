"""Somebody who listens to a channel of a real Redis."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.services.redis import RedisServer

LIMIT_S = 30.0


class Listener:
    """Everything that was published on a channel since it was there, in a thread of its own."""

    def __init__(self, server: RedisServer, channel: str) -> None:
        self.bodies: list[bytes] = []
        self._client = Redis(host=server.host, port=server.port)
        self._subscription = self._client.pubsub()  # type: ignore[no-untyped-call] # no types in redis-py
        self._subscription.subscribe(channel)
        assert self._subscription.get_message(timeout=LIMIT_S)
        self._ended = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in list(self.bodies)]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event_type"] == kind]

    def wait_for(self, condition: Callable[[Listener], bool], limit_s: float = LIMIT_S) -> None:
        deadline = time.monotonic() + limit_s
        while not condition(self):
            assert time.monotonic() < deadline, self.bodies[-20:]
            time.sleep(0.01)

    def _listen(self) -> None:
        while not self._ended:
            try:
                message = self._subscription.get_message(ignore_subscribe_messages=True, timeout=0.05)
            except (RedisError, OSError):
                time.sleep(0.02)  # it subscribes again by itself
                continue
            if message is not None:
                self.bodies.append(message["data"])

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._subscription.close()
        self._client.close()


@contextmanager
def listening(server: RedisServer, channel: str) -> Iterator[Listener]:
    listener = Listener(server, channel)
    try:
        yield listener
    finally:
        listener.close()
