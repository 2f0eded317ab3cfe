"""Whether the kernel's out-of-memory killer has been at work."""

from __future__ import annotations

from pathlib import Path

_CGROUP_ROOT = Path("/sys/fs/cgroup")


class OomWatch:
    """Compares the kernel's count of processes killed for want of memory with the last one known."""

    def __init__(self) -> None:
        self._files = _counter_files()
        self._known = self._counts()

    def rose(self) -> bool:
        """Whether there were such kills since this was last asked (or since the beginning)."""
        before, self._known = self._known, self._counts()
        return any(new > old for old, new in zip(before, self._known, strict=True))

    def _counts(self) -> list[int]:
        return [_read_count(file, word) for file, word in self._files]


def _counter_files() -> list[tuple[Path, str]]:
    """The counter of our own control group if it has one; of the whole machine otherwise."""
    for file in _cgroup_files():
        if _read_count(file, "oom_kill") >= 0:
            return [(file, "oom_kill")]
    return [(Path("/proc/vmstat"), "oom_kill")]


def _cgroup_files() -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    files: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        name = path.lstrip("/")
        if not controllers:
            files.extend(base / "memory.events" for base in (_CGROUP_ROOT / name, _CGROUP_ROOT))
        elif "memory" in controllers.split(","):
            root = _CGROUP_ROOT / "memory"
            files.extend(base / "memory.oom_control" for base in (root / name, root))
    return files


def _read_count(file: Path, word: str) -> int:
    """The number after a word; -1 if it cannot be read."""
    try:
        text = file.read_text()
    except OSError:
        return -1
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if name == word and number.isdigit():
            return int(number)
    return -1
