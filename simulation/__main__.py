"""`python -m simulation`."""

import signal
import sys

_INTERRUPTED = 130
"""As `Status` has it, which is not there yet."""


def begin() -> int:
    """Carry out the command line; a signal is heard from here on, also while everything else is imported."""
    # A soak in the background, whose SIGINT a shell has switched off, is to end as tidily as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from simulation.commands.app import main

        return main()
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(begin())
