"""Call a function of a module beside this: `python -m benchmarks.peers.run MODULE FUNCTION ARGUMENT ...`.

The module is imported as its workers import it: names on the wire have the module's name in them.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys


def main() -> None:
    """Call it, and await it if it is a coroutine function; arguments are numbers."""
    module, function, *numbers = sys.argv[1:]
    outcome = getattr(importlib.import_module(f"benchmarks.peers.{module}"), function)(*map(int, numbers))
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


if __name__ == "__main__":
    main()
