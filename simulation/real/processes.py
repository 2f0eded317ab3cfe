"""Starting processes: marked, in sessions of their own, with their output in files, and none left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import simulation
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.runners.prctl import die_with_parent
from simulation.real import marked

LISTENS_S_MAX = 30.0
_LOOK_S = 0.02
_TAIL_LINES = 6
_TAIL_BYTES = 10_000

_TOLD = "RMS_CLOUD_"
"""With this the names of variables begin that tell a worker something."""


class Process:
    """One process.

    Args:
        name: What it is called; its output is in files of that name.
        command: What to run, by this interpreter.
        directory: Where it runs.
        environ: Its environment.

    Attributes:
        name: As given.
        popen: The process.
    """

    def __init__(
        self, name: str, command: Sequence[str], directory: Path, environ: Mapping[str, str]
    ) -> None:
        self.name = name
        self.directory = directory
        self._began_at = time.monotonic()
        with self.stdout_path.open("wb") as out, self.stderr_path.open("wb") as err:
            self.popen = subprocess.Popen(  # noqa: S603 - our own programs, and the one that the user names
                [sys.executable, *command],
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - there is one thread
            )

    @property
    def stdout_path(self) -> Path:
        """What it wrote."""
        return self.directory / f"{self.name}.out"

    @property
    def stderr_path(self) -> Path:
        """What it complained of."""
        return self.directory / f"{self.name}.err"

    def listens(self) -> bool:
        """Whether it has told where.

        Raises:
            ConfigurationError: It has ended, or takes too long.
        """
        if self.stdout_path.read_text(encoding="utf-8").endswith("\n"):
            return True
        if self.popen.poll() is not None or time.monotonic() > self._began_at + LISTENS_S_MAX:
            raise ConfigurationError(
                Problem(f"the stand-in `{self.name}` does not listen", notes=tuple(self.last_words()))
            )
        return False

    def address(self) -> str:
        """Where it listens; waits until it does, and raises as `listens`."""
        while not self.listens():
            time.sleep(_LOOK_S)
        return self.stdout_path.read_text(encoding="utf-8").split()[-1]

    def last_words(self) -> list[str]:
        """The end of what it complained of."""
        with self.stderr_path.open("rb") as file:
            file.seek(max(self.stderr_path.stat().st_size - _TAIL_BYTES, 0))
            return file.read().decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]


def environ_of(mark: str, whose: str, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of ours; of what workers are told, there is in it what `more` says."""
    root = str(Path(simulation.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(_TOLD)},
        "PYTHONPATH": os.pathsep.join(paths),
        **marked.environment(mark, whose),
        **more,
    }
