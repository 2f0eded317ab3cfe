"""`python -m simulation`."""

import signal
import sys

from simulation.commands.app import main

if __name__ == "__main__":
    # A soak in the background, whose SIGINT a shell has switched off, is to end as tidily as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
