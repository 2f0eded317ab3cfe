"""`cloud_tasks dead`: the dead letters of queues, listed, shown, retried and purged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

from cloud_tasks.cli.confirm import confirm
from cloud_tasks.cli.dead_view import described, plain, table
from cloud_tasks.cli.queue_call import QueueCall
from cloud_tasks.compose.sources import in_thread
from cloud_tasks.compose.task_program import create_driver
from cloud_tasks.diagnostics import visible
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import DeadLetter, DeadLetterBox, QueueDriver

Boxes: TypeAlias = Mapping[str, DeadLetterBox]
_NOTHING = ("nothing was touched",)


def run(call: QueueCall) -> int:
    """Do what the topic says.

    Returns:
        0; 1 where a key was named that is not there.

    Raises:
        ConfigurationError: What was asked for makes no sense.
        DeclinedError: The user did not confirm.
    """
    _check(call)
    return asyncio.run(_run(call))


def _check(call: QueueCall) -> None:
    problems = [*_about_queues(call), *_about_keys(call)]
    if problems:
        raise ConfigurationError(*problems)


def _about_queues(call: QueueCall) -> list[Problem]:
    if call.queues:
        return []
    return [Problem("`dead` needs the name of a queue", helps=("`--queues NAME` names one",), notes=_NOTHING)]


def _about_keys(call: QueueCall) -> list[Problem]:
    named, everything = bool(call.names), call.switch("all")
    listed = ("`dead list` lists the keys",)
    if call.topic in ("list", "show") and everything:
        return [Problem(f"`dead {call.topic}` takes no --all", helps=listed)]
    if call.topic == "list" and named:
        return [Problem("`dead list` takes no key", helps=("`dead show KEY` shows one",))]
    if call.topic == "show" and not named:
        return [Problem("`dead show` needs a key", helps=listed)]
    if call.topic in ("retry", "purge") and named is everything:
        what = "takes keys or --all, not both" if named else "needs keys, or --all"
        return [Problem(f"`dead {call.topic}` {what}", helps=listed, notes=_NOTHING)]
    return []


async def _run(call: QueueCall) -> int:
    driver = create_driver(call.config)
    try:
        await driver.connect()
        boxes = {name: driver.dead_letters(name) for name in call.queues}
        if call.topic == "list":
            return await _list(call, driver, boxes)
        if call.topic == "show":
            return await _show(call, boxes)
        if call.switch("all"):
            return await _act_on_all(call, driver, boxes)
        return await _act_on_named(call, boxes)
    finally:
        await driver.disconnect()


async def _list(call: QueueCall, driver: QueueDriver, boxes: Boxes) -> int:
    limit = call.count("limit") or 1
    letters: list[DeadLetter] = []
    for name, box in boxes.items():
        found = await box.oldest(limit)
        letters += found
        total = await _count(driver, name) if len(found) == limit else 0
        if total > limit:
            call.say(f"note: {limit:,} of the {total:,} dead letters of {visible(name)}; --limit lists more")
    if call.switch("json"):
        call.print_json([plain(letter) for letter in letters])
    elif letters:
        call.print(*table(letters))
    else:
        call.say(f"no dead letters in {_in_words(boxes)}")
    return 0


async def _show(call: QueueCall, boxes: Boxes) -> int:
    missing = []
    for key in dict.fromkeys(call.names):
        found = [letter for box in boxes.values() if (letter := await box.find(key)) is not None]
        for letter in found:
            if call.switch("json"):
                call.print_json(plain(letter))
            else:
                call.print(*described(letter))
        if not found:
            missing.append(key)
    return _status(call, boxes, missing)


async def _act_on_all(call: QueueCall, driver: QueueDriver, boxes: Boxes) -> int:
    if call.topic == "purge":
        for name in boxes:
            count = await _count(driver, name)
            what = f"This removes all dead letters of {name} for good: {count:,}."
            await in_thread(partial(confirm, call, f"PURGE {name}", what))
    return _told(call, sum([await _act(call, box, None) for box in boxes.values()]))


async def _act_on_named(call: QueueCall, boxes: Boxes) -> int:
    done, missing = 0, []
    for key in dict.fromkeys(call.names):
        # One by one, so that it can be said which of them were not there.
        count = sum([await _act(call, box, (key,)) for box in boxes.values()])
        done += count
        if not count:
            missing.append(key)
    _told(call, done)
    return _status(call, boxes, missing)


async def _act(call: QueueCall, box: DeadLetterBox, keys: Sequence[str] | None) -> int:
    return await (box.retry(keys) if call.topic == "retry" else box.purge(keys))


async def _count(driver: QueueDriver, queue: str) -> int:
    return (await driver.inspector(queue).depth()).get("dead", 0)


def _told(call: QueueCall, count: int) -> int:
    if call.switch("json"):
        call.print_json({call.topic: count})
    else:
        done = "put back" if call.topic == "retry" else "removed"
        call.print(f"{count:,} dead letter{'' if count == 1 else 's'} {done}")
    return 0


def _status(call: QueueCall, boxes: Boxes, missing: Sequence[str]) -> int:
    for key in missing:
        call.say(f"no dead letter {visible(key)} in {_in_words(boxes)}")
    return 1 if missing else 0


def _in_words(boxes: Boxes) -> str:
    return ", ".join(map(visible, boxes))
