"""Functions as tasks: `@task`, the list of those that may be run, their arguments on the wire."""

from __future__ import annotations
