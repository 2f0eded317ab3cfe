"""The processes of the "instance"."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem


class ProcessGroup:
    """A process group that somebody named, and that may be ended.

    Raises:
        ConfigurationError: There is no such group, or it is our own, or that of the system.
    """

    def __init__(self, pgid: int) -> None:
        if pgid <= 1:
            raise ConfigurationError(Problem(f"process group {pgid} is none that may be ended"))
        if pgid == os.getpgrp():
            raise ConfigurationError(
                Problem(
                    f"process group {pgid} is that of the stand-in itself",
                    helps=("start the worker in a group of its own: `setsid`, or `set -m` in a shell",),
                )
            )
        try:
            os.killpg(pgid, 0)
        except OSError as error:
            raise ConfigurationError(Problem(f"process group {pgid}: {error.strerror}")) from None
        except OverflowError:
            raise ConfigurationError(Problem(f"process group {pgid}: there is no such number")) from None
        self.pgid = pgid
        self._leader_began = _began(pgid)

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to all of it; returns whether anybody was there.

        A group that ended, and whose number somebody else has by now, is left alone.
        """
        began = _began(self.pgid)
        if began is not None and began != self._leader_began:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pgid, number)
            return True
        return False


def _began(pid: int) -> str | None:
    """When a process began, in the kernel's ticks; None where it is gone, or the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return None
