"""What `doctor` looks at on this machine: Python, packages, clock, disk."""

from __future__ import annotations

import ctypes
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cloud_tasks.cli.finding import Finding, Verdict
from cloud_tasks.runners.descriptors import Limits
from cloud_tasks.version import __version__

_TESTED_UP_TO = (3, 13)
_BASE = ("msgspec", "pyyaml", "rich", "shtab")
_EXTRAS = {
    "sqs": ("boto3", "aiohttp"),
    "pubsub": ("google-cloud-pubsub", "aiohttp"),
    "azure": ("aiohttp",),
    "remote": ("rms-filecache",),
}
_EXTRA_OF = {"AWS": "sqs", "GCP": "pubsub", "AZURE": "azure"}
_FREE_BYTES_WARN = 1_000_000_000
_FREE_BYTES_FAIL = 50_000_000
_FILES_MIN = 1024
_TIMEX_BYTES = 512
_TIME_ERROR = 5


def look_at_machine(provider: str | None, state_folder: Path) -> Iterator[Finding]:
    """Everything that can be seen without a network.

    Args:
        provider: The provider of the job; None where none is named.
        state_folder: Where the task database is or will be.
    """
    yield _python()
    yield _platform()
    yield from _packages(provider)
    yield _clock()
    yield _disk(state_folder)
    yield look_at_open_files(Limits(*resource.getrlimit(resource.RLIMIT_NOFILE)))


def _python() -> Finding:
    running = f"{platform.python_version()} at {sys.executable}, cloud_tasks {__version__}"
    if sys.version_info[:2] > _TESTED_UP_TO:
        newest = ".".join(map(str, _TESTED_UP_TO))
        return Finding("python", "warn", running, (f"tested up to Python {newest}",))
    return Finding("python", "ok", running)


def _platform() -> Finding:
    text = f"{platform.system()} {platform.release()} on {platform.machine()}"
    if platform.system() == "Linux":
        return Finding("platform", "ok", text)
    if platform.system() == "Darwin":
        helps = ("processes that a killed task leaves behind are found on Linux only",)
        return Finding("platform", "warn", text, helps)
    return Finding("platform", "fail", text, ("workers run on Linux and macOS",))


def _packages(provider: str | None) -> Iterator[Finding]:
    missing = [name for name in _BASE if _version(name) is None]
    found = ", ".join(f"{name} {_version(name)}" for name in _BASE if name not in missing)
    helps = ("install cloud_tasks again: pip install --force-reinstall cloud-tasks",)
    yield Finding("packages", "fail" if missing else "ok", found, helps if missing else ())
    for extra, names in _EXTRAS.items():
        yield _extra(extra, names, needed=_EXTRA_OF.get(provider or "") == extra)


def _extra(extra: str, names: tuple[str, ...], *, needed: bool) -> Finding:
    missing = [name for name in names if _version(name) is None]
    if not missing:
        return Finding(f"extra {extra}", "ok", ", ".join(f"{name} {_version(name)}" for name in names))
    text = f"{' and '.join(missing)} not installed"
    helps = (f"pip install 'cloud-tasks[{extra}]' brings it",)
    if needed:
        return Finding(f"extra {extra}", "fail", text, helps)
    return Finding(f"extra {extra}", "ok", f"{text}; not needed for this job")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _clock() -> Finding:
    """Clouds refuse requests that are minutes off; the kernel knows whether anybody keeps its clock right."""
    if platform.system() != "Linux":
        return Finding("clock", "ok", "not looked at on this platform")
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        return Finding("clock", "ok", "the kernel does not say whether it is kept right")
    if state in (-1, _TIME_ERROR):
        helps = (
            "signatures of requests are refused when it is minutes off: run chrony or systemd-timesyncd",
        )
        return Finding("clock", "warn", "the kernel does not know it to be synchronised", helps)
    return Finding("clock", "ok", "synchronised")


def _disk(folder: Path) -> Finding:
    name = f"disk of {folder}"
    try:
        with tempfile.TemporaryFile(dir=folder):
            free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        helps = ("the task database goes there: name another with --db-file, or make the folder writable",)
        return Finding(name, "fail", f"cannot be written to: {error.strerror}", helps)
    verdict: Verdict = (
        "ok" if free_bytes >= _FREE_BYTES_WARN else "warn" if free_bytes >= _FREE_BYTES_FAIL else "fail"
    )
    mend = ("make room, or name a database elsewhere with --db-file",)
    return Finding(name, verdict, f"{free_bytes / 1e9:,.1f} GB free", () if verdict == "ok" else mend)


def look_at_open_files(limits: Limits) -> Finding:
    """Whether a worker can have the descriptors of many tasks; it raises the soft limit itself."""
    most = limits.most()
    if most is None:
        return Finding("open files", "ok", "as many as are wanted")
    if most < _FILES_MIN:
        helps = ("`ulimit -Hn` tells the hard limit; raise it with `LimitNOFILE=` of a systemd unit, ...",)
        return Finding("open files", "warn", f"at most {most}", helps)
    return Finding("open files", "ok", f"at most {most}")
