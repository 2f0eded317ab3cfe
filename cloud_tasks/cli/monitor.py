"""`cloud_tasks monitor`: follows the events of workers of task functions, live."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from cloud_tasks.cli.event_line import NotAnEventError, json_line, line, read_event
from cloud_tasks.cli.queue_call import QueueCall
from cloud_tasks.cli.running import SIGNAL_STATUS
from cloud_tasks.compose.signals import SignalWatch
from cloud_tasks.compose.task_events import events_server
from cloud_tasks.diagnostics import visible
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.sinks.redis_server import RedisServer, open_client

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

_AGAIN_S = 1.0
_ASK_S = 2.0
"""When nothing was heard for so long, the server is asked whether it is still there."""
_SILENCE_S = 5.0
"""When it has said nothing for so long, it is taken for gone."""


def run(call: QueueCall) -> int:
    """Print events until a signal comes; its status.

    Raises:
        ConfigurationError: There is no such address, or the server refuses us.
    """
    return asyncio.run(_follow(call))


async def _follow(call: QueueCall) -> int:
    server, channel = events_server(call.config), call.config.events.channel
    client = open_client(server, "`monitor` and the events that it shows")
    came: list[str] = []
    following = asyncio.ensure_future(_Following(call, client, server, channel).run())

    def end(name: str) -> None:
        came.append(name)
        following.cancel()

    try:
        with SignalWatch(end):
            await following
    except asyncio.CancelledError:
        if not came:
            raise
    finally:
        await client.aclose()
    return SIGNAL_STATUS[came[0]] if came else 0


class _Following:
    """Listens, and listens again when the connection is lost; what happens meanwhile is not heard of."""

    def __init__(self, call: QueueCall, client: Redis, server: RedisServer, channel: str) -> None:
        self._call = call
        self._client = client
        self._server = server
        self._channel = channel
        self._lost = False
        self._heard_at = 0.0

    async def run(self) -> None:
        from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

        while True:
            try:
                await self._listen()
            except (AuthenticationError, NoPermissionError) as error:
                raise ConfigurationError(self._refused(error)) from None
            except BrokenPipeError:
                raise  # nobody reads what we print
            except (RedisError, OSError, TimeoutError) as error:
                self._say_lost(error)
            await asyncio.sleep(_AGAIN_S)

    async def _listen(self) -> None:
        subscription = self._client.pubsub()
        async with subscription:
            async with asyncio.timeout(_SILENCE_S):
                await subscription.subscribe(self._channel)
            self._heard_at = time.monotonic()
            while True:
                await self._hear(subscription)

    async def _hear(self, subscription: PubSub) -> None:
        message = await subscription.get_message(timeout=_ASK_S)
        if message is None:
            if time.monotonic() - self._heard_at > _SILENCE_S:
                raise TimeoutError("it does not answer")
            async with asyncio.timeout(_SILENCE_S):
                await subscription.ping()
            return
        self._heard_at = time.monotonic()
        if message["type"] == "message":
            self._show(message["data"])
        elif message["type"] == "subscribe":
            self._say_there()

    def _show(self, body: bytes) -> None:
        try:
            event = read_event(body)
        except NotAnEventError as error:
            self._call.say(f"not an event: {error}")
            return
        self._call.print(json_line(event) if self._call.switch("json") else line(event))

    def _say_there(self) -> None:
        again = " again" if self._lost else ""
        self._lost = False
        where = f"{visible(self._channel)} at {visible(str(self._server))}"
        self._call.say(f"listening{again} to {where}; Ctrl-C ends it")

    def _say_lost(self, error: Exception) -> None:
        if not self._lost:
            why = visible(str(error)) or "it does not answer"
            self._call.say(f"no connection to {visible(str(self._server))}; trying again: {why}")
        self._lost = True

    def _refused(self, error: Exception) -> Problem:
        return Problem(
            f"Redis at {self._server} refuses us: {visible(str(error))}",
            helps=(
                "give user and password in the address: `--events-redis-url redis://USER:PASSWORD@HOST:PORT`",
            ),
        )
