"""`cloud_tasks monitor`: follows the events of workers of task functions, live."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from cloud_tasks.cli.queue_call import QueueCall
from cloud_tasks.compose.task_events import events_url
from cloud_tasks.config.redact import redact
from cloud_tasks.diagnostics import visible
from cloud_tasks.errors import ConfigurationError, Problem

_AGAIN_S = 1.0
_TIME = slice(11, 23)


def run(call: QueueCall) -> int:
    """Print events until interrupted."""
    try:
        import redis.asyncio  # noqa: F401 - only whether it is there
    except ImportError:
        raise ConfigurationError(
            Problem("`monitor` needs the package redis", helps=("pip install 'cloud-tasks[redis]'",))
        ) from None
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_follow(call))
    return 0


async def _follow(call: QueueCall) -> None:
    """Listen, and listen again when the connection is lost; what happens meanwhile is not heard of."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    url, channel = events_url(call.config), call.config.events.channel
    try:
        client = Redis.from_url(url)
    except ValueError as error:
        raise ConfigurationError(Problem(f"the address of Redis is none: {error}")) from None
    call.say(f"listening to {visible(channel)} at {redact(url)}; Ctrl-C ends it")
    try:
        while True:
            try:
                await _listen(call, client, channel)
            except (RedisError, OSError) as error:
                call.say(f"the connection is lost, and is tried again: {visible(str(error))}")
            await asyncio.sleep(_AGAIN_S)
    finally:
        await client.aclose()


async def _listen(call: QueueCall, client: Any, channel: str) -> None:
    async with client.pubsub() as subscription:
        await subscription.subscribe(channel)
        async for message in subscription.listen():
            if message["type"] == "message":
                call.print(
                    message["data"].decode(errors="replace") if call.switch("json") else line(message["data"])
                )


def line(body: bytes) -> str:
    """An event in a line, for people."""
    try:
        event = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return f"not an event: {visible(body.decode(errors='replace'))}"
    kind = str(event.get("event_type", "?"))
    words = _of_worker(event) if kind.startswith("worker_") else _of_task(event)
    return visible(f"{str(event.get('timestamp', ''))[_TIME]}  {kind:<16}  {words}")


def _of_worker(event: Mapping[str, Any]) -> str:
    queues = ",".join(map(str, event.get("queues") or ()))
    counts = f"active {event.get('active')}, processed {event.get('processed')}"
    return f"{event.get('worker_id')}  {counts}  {queues}"


def _of_task(event: Mapping[str, Any]) -> str:
    took = event.get("duration_ms")
    parts = [
        f"{event.get('task_name')} {event.get('task_id')}  {event.get('queue')}",
        f"attempt {event['attempt']}" if event.get("attempt") else "",
        f"{took} ms" if took is not None else "",
        str(event.get("error") or ""),
    ]
    return "  ".join(filter(None, parts))
