"""`python -m simulation`."""

import sys

from simulation.commands.app import main

if __name__ == "__main__":
    sys.exit(main())
