"""Workers as a user of `conductor-python` writes them; they run until standard input ends.

No `from __future__ import annotations` here: the client looks at annotations, and takes text for no type.

usage: oss_workers.py URL
"""

import asyncio
import sys
import time
from typing import Any

# The client has no types.
from conductor.client.automator.task_handler import TaskHandler  # type: ignore[import-untyped]
from conductor.client.configuration.configuration import Configuration  # type: ignore[import-untyped]
from conductor.client.context.task_context import (  # type: ignore[import-untyped]
    TaskInProgress,
    get_task_context,
)
from conductor.client.http.models.task_def import TaskDef  # type: ignore[import-untyped]
from conductor.client.worker.exception import NonRetryableException  # type: ignore[import-untyped]
from conductor.client.worker.worker_task import worker_task  # type: ignore[import-untyped]


# The decorator has no types either.
@worker_task(task_definition_name="scripted", thread_count=4, lease_extend_enabled=True)  # type: ignore[untyped-decorator]
def scripted(do: str = "", number: int = 0) -> Any:
    """Do what the input says."""
    context = get_task_context()
    if do == "raise once" and not context.get_retry_count():
        raise ValueError("not yet")
    if do == "give up":
        raise NonRetryableException("hopeless")
    if do == "call back" and context.get_poll_count() == 1:
        return TaskInProgress(callback_after_seconds=1, output={"half": True})
    if do == "log":
        context.add_log("a line")
    if do == "take long":
        time.sleep(number)
    return {"number": number}


@worker_task(  # type: ignore[untyped-decorator]
    task_definition_name="in_domain",
    domain="d",
    register_task_def=True,
    task_def=TaskDef(name="in_domain", retry_count=7),
)
async def in_domain(number: int) -> dict[str, int]:
    """A coroutine, in a domain, that defines its type."""
    await asyncio.sleep(0)
    return {"number": number}


def main() -> None:
    """Run them."""
    with TaskHandler(configuration=Configuration(server_api_url=sys.argv[1])) as handler:
        handler.start_processes()
        sys.stdin.read()


if __name__ == "__main__":
    main()
