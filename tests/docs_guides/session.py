"""The shell that a guide's commands are typed into."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

TIMEOUT_S = 40.0
"""Longer than any command takes that is not broken."""

LOOP = r"""
status=0
while IFS= read -r -d "" -u 3 command; do
    eval "(exit $status)
$command" 3<&- </dev/null
    status=$?
    printf '\0%s\0' "$status"
done
"""
"""Reads commands, and says with which status each has ended, in NUL characters, which nothing else prints."""

ENDED = re.compile(rb"\0(\d+)\0")


class Session:
    """A bash with a directory of its own; commands share their variables, directory and jobs."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        commands, self._commands = os.pipe()
        taken = "" if commands == 3 else f"exec 3<&{commands} {commands}<&-"
        self._shell = subprocess.Popen(  # noqa: S603 - what our own pages say
            ["/bin/bash", "-c", f"{taken}\n{LOOP}"],
            cwd=directory,
            env=environ,
            pass_fds=(commands,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(commands)
        self._output = b""
        self._came = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._shell.stdout is not None
        while data := os.read(self._shell.stdout.fileno(), 65_536):
            with self._came:
                self._output += data
                self._came.notify_all()

    def enter(self, command: str, *, until: Callable[[str], bool] | None = None) -> tuple[int, str]:
        """Type a command, and wait for its end.

        Args:
            command: The command.
            until: What is waited for as well, about the output; for commands that go on behind.

        Returns:
            Its status, and what was printed meanwhile.

        Raises:
            TimeoutError: It does not end.
        """
        os.write(self._commands, command.encode() + b"\0")
        with self._came:
            if not self._came.wait_for(lambda: ENDED.search(self._output), TIMEOUT_S):
                raise TimeoutError(f"`{command}` does not end; it has printed:\n{self._output.decode()}")
            if until is not None:
                self._came.wait_for(lambda: until(ENDED.sub(b"", self._output).decode()), TIMEOUT_S)
            ended = ENDED.search(self._output)
            assert ended is not None
            output, self._output = ENDED.sub(b"", self._output).decode(), b""
        return int(ended[1]), output

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._commands)
        try:
            os.killpg(self._shell.pid, signal.SIGTERM)
            self._wait_for_the_group()
            os.killpg(self._shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._shell.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        assert self._shell.stdout is not None
        self._shell.stdout.close()

    def _wait_for_the_group(self) -> None:
        until = time.monotonic() + 5.0
        while time.monotonic() < until:
            self._shell.poll()
            os.killpg(self._shell.pid, 0)
            time.sleep(0.02)
