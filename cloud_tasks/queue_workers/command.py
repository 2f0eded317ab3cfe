"""The worker of schedules with `ctl`: runs command lines."""

from __future__ import annotations

from cloud_tasks.queue_workers.base import AsyncTaskWorker
from cloud_tasks.queue_workers.names import Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LEFT = "left something running that holds its output, which is read no more: send it elsewhere (>/dev/null)"


class CommandFailedError(Exception):
    """A command did not end with status 0, or could not be started."""


class CommandWorker(AsyncTaskWorker):
    """Runs a command line for each payload, without a shell, in the directory of the supervisor.

    What it writes is logged line by line, and a status other than 0 is a failure, as an exception is. It has
    ended when its own process has, whatever that leaves running in the background.
    Payloads say nothing: who can put one into a queue must not be able to run whatever they like.
    """

    name = "ctl"

    def __init__(self, queue: str, *, command: str, **options: Any) -> None:
        """Work on a queue.

        Args:
            queue: Its name.
            command: The command line.
            **options: As every worker takes them.
        """
        super().__init__(queue, **options)
        self._command = command

    def process(self, payload: Payload) -> None:
        """Run the command to its end.

        Raises:
            CommandFailedError: It failed.
        """
        import shlex
        import subprocess

        from cloud_tasks.config.redact import redact_words
        from cloud_tasks.queue_workers.command_output import follow

        words = shlex.split(self._command)
        self.logger.info("Running: %s", shlex.join(redact_words(words)))
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command, from the user's own settings
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise CommandFailedError(f"{words[0]} cannot be run: {error.strerror or error}") from None
        with process:
            held = follow(process, lambda line: self.logger.info("%s: %s", words[0], line))
        if held:
            self.logger.warning("%s %s", words[0], _LEFT)
        if process.returncode:
            raise CommandFailedError(f"{words[0]} {_end(process.returncode)}")


def _end(status: int) -> str:
    return f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"
