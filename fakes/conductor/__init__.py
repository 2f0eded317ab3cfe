"""A stand-in for Conductor: a model of its task API and of as many workflows as it takes to start tasks.

`python -m fakes.conductor` serves it; `fakes.conductor.server.ConductorServer` does so inside a program.
"""

from __future__ import annotations

from fakes.conductor.errors import ConductorError as ConductorError
from fakes.conductor.service import ConductorService as ConductorService
