"""Workers for the tests: they do to themselves and to others what workers must survive."""

# They do what careless users do.
# ruff: noqa: T201

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cloud_tasks.workers import AsyncTaskWorker, Payload, RateLimit


class Clerk(AsyncTaskWorker):
    name = "clerk"

    def process(self, payload: Payload) -> None:
        print(f"{self.queue} begins {payload['id']} in {os.getpid()}")
        getattr(self, f"do_{payload.get('do', 'nothing')}")(payload)
        print(f"{self.queue} did {payload['id']}")
        print(payload.get("last_words", ""), end="", flush=True)

    def do_nothing(self, payload: Payload) -> None:
        pass

    def do_sleep(self, payload: Payload) -> None:
        time.sleep(float(str(payload["for_s"])))

    def do_sleep_once(self, payload: Payload) -> None:
        if not Path("slept").exists():
            Path("slept").touch()
            time.sleep(60)

    def do_stubborn(self, payload: Payload) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "77.7"])  # noqa: S607 - left behind on purpose
        print("stubborn now")
        time.sleep(60)

    def do_exit(self, payload: Payload) -> None:
        sys.exit(0)

    def do_close_and_exit(self, payload: Payload) -> None:
        Path("closed").touch()
        sys.exit(1)

    def do_grow(self, payload: Payload) -> None:
        print(len(bytearray(8 * 2**30)))


class Late(Clerk):
    """Cannot begin while a file says so."""

    name = "late"

    def __init__(self, queue: str, **options: object) -> None:
        super().__init__(queue, **options)  # type: ignore[arg-type] # as they come
        if Path("closed").exists():
            raise RuntimeError("closed")


class Slow(Clerk):
    name = "slow"

    def get_limiter(self) -> RateLimit | None:
        return RateLimit(2, 0.5)
