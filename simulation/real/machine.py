"""The machines that workers run on, as far as the metadata service tells of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path

from simulation.real.processes import Process

AHEAD_S = 6.0
"""How long before its end a machine that is taken away is told so."""
_COMMAND = ("-m", "fakes.metadata", "--cloud", "aws", "--port", "0")


class Machine:
    """One machine, with a metadata service of its own.

    Args:
        name: What its process is called.
        directory: Where it writes.
        environ: Of its process.
        notice_at_s: When it is told that it will be taken away, from its beginning; None: never.

    Attributes:
        noticed: Whether it was told.
    """

    def __init__(
        self, name: str, directory: Path, environ: Mapping[str, str], notice_at_s: float | None
    ) -> None:
        self.noticed = False
        timeline = []
        if notice_at_s is not None:
            timeline.append({"at_s": round(notice_at_s, 3), "do": "notice", "ahead_s": AHEAD_S})
        script = directory / f"{name}.yaml"
        script.write_text(json.dumps({"timeline": timeline}), encoding="utf-8")
        self._process = Process(name, [*_COMMAND, "--script", str(script)], directory, environ)

    def listens(self) -> bool:
        """Whether it can be asked by now.

        Raises:
            ConfigurationError: It never will.
        """
        return self._process.listens()

    @property
    def variables(self) -> dict[str, str]:
        """How a worker finds it; waits until it listens."""
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self._process.address()}

    def hears(self) -> bool:
        """Whether it has been told since this was last asked that it will be taken away."""
        if self.noticed or "notice" not in self._process.stderr_path.read_text(encoding="utf-8"):
            return False
        self.noticed = True
        return True

    def close(self) -> None:
        """Switch it off."""
        if self._process.popen.poll() is None:
            self._process.popen.send_signal(signal.SIGKILL)
        self._process.popen.wait()
