"""Runs in processes of their own, each under a value of `PYTHONHASHSEED`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem

ONE_S = 30.0
"""A run that takes longer hangs."""
BEGIN_S = 60.0


def output_under(
    hash_seed: str, program: str, heard: str, *, timeout_s: float, built: Path | None = None
) -> str:
    """What a program of ours says under a hash seed.

    Args:
        hash_seed: The value of `PYTHONHASHSEED`.
        program: Python code.
        heard: What it reads from standard input.
        timeout_s: How long it may take.
        built: Where our packages are that it is to import; None: where they are in this process.

    Raises:
        ConfigurationError: It fails, or takes longer.
    """
    whose = f"the process under PYTHONHASHSEED={hash_seed}"
    env, options = {**os.environ, "PYTHONHASHSEED": hash_seed}, []
    if built is not None:
        # Before all others, the working directory too.
        env["PYTHONPATH"], options = str(built.resolve()), ["-P"]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, *options, "-c", program],
            input=heard,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(Problem(f"{whose} was not done in {timeout_s:g} s")) from None
    if done.returncode:
        notes = tuple(done.stderr.strip().splitlines()[-3:])
        raise ConfigurationError(Problem(f"{whose} ended with status {done.returncode}", notes=notes))
    return done.stdout
