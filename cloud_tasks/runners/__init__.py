"""How attempts are run: `process` (default), `pool`, `inline`; `child` is what runs inside a task process.

This file stays empty: task processes import the package and must stay small.
"""
