"""Which peers are there: `make bench-peers` puts them into an environment of their own."""

from __future__ import annotations

import json
import subprocess
from typing import NamedTuple

from benchmarks.measuring import ROOT

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
_LIST = (
    "import importlib.metadata, json, platform;"
    "found = {each.name.lower(): each.version for each in importlib.metadata.distributions()};"
    "print(json.dumps({**found, 'python': platform.python_version()}))"
)


class Peer(NamedTuple):
    """Another system.

    Attributes:
        package: What it is called, and its package.
        worker: Arguments of Python that start its worker.
        workers: How often, to have two processes that run tasks.
        env: Settings of it in its environment.
    """

    package: str
    worker: tuple[str, ...]
    workers: int = 1
    env: tuple[tuple[str, str], ...] = ()

    @property
    def filler(self) -> tuple[str, ...]:
        """Arguments of Python that fill its queue; the number of tasks is to be added."""
        return ("-m", _RUN, f"on_{self.package}", "fill")


_HERE = "benchmarks.peers.on_"
_RUN = "benchmarks.peers.run"
ON_THE_LOOP = (
    Peer(
        "taskiq",
        (
            *("-m", "taskiq", "worker", f"{_HERE}taskiq:broker", "--workers", "2"),
            *("--max-async-tasks", "100", "--max-prefetch", "100", "--log-level", "WARNING"),
        ),
    ),
    Peer("asynctasq", ("-m", _RUN, "on_asynctasq", "work"), workers=2),
    Peer("saq", ("-m", "saq", f"{_HERE}saq.settings", "--workers", "2", "--quiet")),
    Peer("streaq", ("-m", "streaq", "run", f"{_HERE}streaq:worker", "--workers", "2")),
    Peer("arq", ("-m", _RUN, "on_arq", "work"), workers=2),
)
DRAMATIQ = Peer(
    "dramatiq",
    ("-m", "dramatiq", f"{_HERE}dramatiq", "--processes", "2", "--skip-logging"),
    env=(("dramatiq_queue_prefetch", "100"),),
)
CELERY = Peer(
    "celery",
    (
        *("-m", "celery", "--app", f"{_HERE}celery", "worker", "--pool", "prefork", "--concurrency", "2"),
        *("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    ),
)


def versions() -> dict[str, str]:
    """Of everything that is in their environment, and of its Python; nothing where it has not been made."""
    if not PYTHON.exists():
        return {}
    done = subprocess.run([PYTHON, "-c", _LIST], capture_output=True, check=True)  # noqa: S603 - made by make
    found: dict[str, str] = json.loads(done.stdout)
    return found
