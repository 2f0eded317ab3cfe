"""A stand-in as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class Program:
    """A stand-in as a process; none outlives its test."""

    def __init__(self, module: str, directory: Path) -> None:
        self._module = module
        self._directory = directory
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", self._module, *arguments],
            cwd=self._directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def serve(self, *arguments: str) -> tuple[subprocess.Popen[str], str]:
        """The process and where it listens."""
        process = self.start("--port", "0", *arguments)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), process.communicate()
        return process, line.split()[-1]

    def refused(self, *arguments: str) -> str:
        stdout, stderr = self.start(*arguments).communicate(timeout=60)
        assert (self._processes[-1].returncode, stdout) == (2, "")
        assert "Traceback" not in stderr
        return stderr

    def end(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
