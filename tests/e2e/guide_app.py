"""The application of the guide's commands: functions that leave a line behind, each run in its own way."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from cloud_tasks.tasks import current_worker_data, task


def note(file: str, text: str) -> None:
    """Append a line, whole even if others do so too."""
    with Path(file).open("a") as out:
        out.write(text + "\n")


@task
async def remember(file: str, text: str) -> str:
    """On the loop."""
    await asyncio.sleep(0)
    note(file, text)
    return text


@task
def in_thread(file: str, text: str, seconds: float = 0.0) -> None:
    """In a thread."""
    time.sleep(seconds)
    note(file, f"{text} in process {os.getpid()}")


@task(process=True)
def in_pool(file: str, text: str) -> None:
    """In a warm process."""
    note(file, f"{text} in process {os.getpid()}")


@task(mode="process")
def in_process(file: str, text: str) -> None:
    """In a process of its own."""
    note(file, f"{text} in process {os.getpid()}")


@task(mode="pool")
async def in_pool_on_a_loop(file: str, text: str) -> None:
    """A coroutine in a warm process; it dispatches another task."""
    await remember.dispatch(file, f"{text}, and what it dispatched")
    note(file, text)


@task
def in_thread_and_on(file: str, text: str) -> None:
    """In a thread; it dispatches another task."""
    remember.dispatch_sync(file, f"{text}, and what it dispatched")
    note(file, text)


@task(process=True)
def in_pool_and_on(file: str, text: str) -> None:
    """In a warm process; it dispatches another task."""
    remember.dispatch_sync(file, f"{text}, and what it dispatched")
    note(file, text)


@task(max_attempts=3, retry_delay=0.2, retry_strategy="fixed")
async def fail(file: str) -> None:
    """Fails each time."""
    note(file, f"attempt {current_worker_data().attempt}")
    raise ValueError("it cannot be done")


@task(max_attempts=2, retry_delay=0.1, timeout=0.5)
async def hang(file: str) -> None:
    """Takes longer than it may, each time."""
    note(file, f"attempt {current_worker_data().attempt}")
    await asyncio.sleep(60)


@task
async def slow(file: str, text: str, seconds: float) -> None:
    """Takes its time."""
    note(file, f"{text} began")
    await asyncio.sleep(seconds)
    note(file, f"{text} ended")


@task(max_attempts=1000, retry_delay=0)
async def mark(file: str, name: str, seconds: float) -> None:
    """Leave a mark with the worker's number, on the loop."""
    await asyncio.sleep(seconds)
    note(file, f"{name} {os.environ['SOAK_WORKER']} {os.getpid()}")


@task(max_attempts=1000, retry_delay=0, mode="pool")
def mark_in_pool(file: str, name: str, seconds: float) -> None:
    """The same in a warm process."""
    time.sleep(seconds)
    note(file, f"{name} {os.environ['SOAK_WORKER']} {os.getpid()}")
