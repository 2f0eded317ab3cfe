"""The examples are programs, not packages: their modules are found as Python finds them when they run."""

from __future__ import annotations

import sys

from .places import EXAMPLES

for _name in ("stdlib_census", "chaos", "parallel_addition"):
    sys.path.append(str(EXAMPLES / _name))
