"""`Schedule`: what is sent when, and what it is called wherever that has to be the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from cloud_tasks.core.task import Json, Task
from cloud_tasks.errors import Place
from cloud_tasks.scheduler.timetable import Timetable

PREFIX = "scheduled_"
COMMAND_WORKER = "ctl"
"""Name of the worker that runs command lines."""
_WORD_CHARACTERS_MAX = 32
_DIGEST_CHARACTERS = 8


class Schedule(Struct, frozen=True, kw_only=True):
    """One schedule, checked.

    Attributes:
        queue: The queue that its tasks go to; no other schedule has it.
        worker: Name of the worker of that queue; `COMMAND_WORKER` for a command line.
        payload: What the worker is given.
        command: The command line that is run, where it is one; "" otherwise. It is no part of the tasks: who
            can put something into a queue must not be able to run whatever they like.
        timetable: When.
        place: Where it stands.
    """

    queue: str
    worker: str
    payload: Mapping[str, Json]
    command: str = ""
    timetable: Timetable
    place: Place

    def key(self, instant: datetime) -> str:
        """What tells this instant from the schedule's others; in the order of time."""
        return key_of(instant)

    def task(self, instant: datetime) -> Task:
        """The task of an instant: the same on every machine."""
        return Task(f"{self.queue}-{key_of(instant)}", self.payload)


def key_of(instant: datetime) -> str:
    """An instant in UTC, as a text that is sorted as time is."""
    return f"{instant:%Y%m%dT%H%M%SZ}"


def beginning_of(moment: datetime) -> str:
    """The key that says from when on instants can be missed.

    It comes right after that of the same instant, and is none: who begins must not shadow what others fire.
    """
    return f"{key_of(moment)}-begin"


def instant_of(key: str) -> datetime:
    """The instant, or the moment, that such a key means."""
    return datetime.strptime(key.partition("-")[0], "%Y%m%dT%H%M%S%z")


def queue_of_name(name: str) -> str:
    """The queue of a schedule that has a name: the same whatever becomes of the schedule."""
    return PREFIX + name


def queue_of_content(worker: str, content: Mapping[str, Json]) -> str:
    """The queue of a schedule that has none: the same as long as the schedule is."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{PREFIX}{_word(worker)}_{digest}"


def _word(text: str) -> str:
    """What may be part of a queue's name and reminds of the text."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return plain[:_WORD_CHARACTERS_MAX].strip("_") or "worker"
