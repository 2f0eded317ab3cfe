"""Picks the display that fits where the output goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from cloud_tasks.console.output import Output
from cloud_tasks.console.plain import PlainConsole
from cloud_tasks.console.protocol import Console
from cloud_tasks.console.writer import LINGER_S


def choose_console(
    stdout: TextIO | None,
    stderr: TextIO | None,
    environ: Mapping[str, str],
    *,
    json: bool = False,
    verbose: bool = False,
    linger_s: float = LINGER_S,
) -> Console:
    """A bar if the worker's own output (`stderr`) goes to a terminal that can show one, lines otherwise.

    What tasks print stays on the stream that they printed it to; everything of the worker's goes to `stderr`.

    Args:
        stdout: The program's standard output.
        stderr: Its standard error.
        environ: Environment variables: `TERM`, `NO_COLOR`, `COLORTERM`.
        json: Whether `stdout` gets the summary as one JSON object and nothing else; the tasks' standard
            output goes to `stderr` then.
        verbose: Whether every task and the worker's own doings are told.
        linger_s: Seconds to wait at the end for a reader that takes nothing.
    """
    out, err = Output(stdout), Output(stderr)
    if not err.is_terminal or environ.get("TERM", "dumb") == "dumb":
        return PlainConsole(out, err, json=json, verbose=verbose, linger_s=linger_s)
    # Loading what draws bars takes time, and is in vain in a pipe.
    from cloud_tasks.console.terminal import TerminalConsole

    return TerminalConsole(out, err, environ, json=json, verbose=verbose, linger_s=linger_s)
