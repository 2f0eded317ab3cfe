"""What queues may be called, and what is in them."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from cloud_tasks.core.task import Json

Payload: TypeAlias = "Mapping[str, Json]"
"""What a worker works on: a JSON object."""
QUEUE_NAME = re.compile(r"[a-z](?:[a-z0-9]|_(?!_))*[a-z0-9]", re.ASCII)
HOW_TO_NAME = "a queue's name has two or more of a-z, 0-9 and single _; a letter is first, and no _ is last"


def check_queue_name(queue: str) -> None:
    """See that a queue can be called that.

    Raises:
        ValueError: It cannot.
    """
    if QUEUE_NAME.fullmatch(queue) is None:
        raise ValueError(f"{queue!r} is no name of a queue: {HOW_TO_NAME}")
