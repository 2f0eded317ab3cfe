"""What stands behind the queue: the model itself, or a production adapter and a service in this process."""

from __future__ import annotations

from simulation.backends.backend import Backend as Backend
from simulation.backends.backend import Site as Site
from simulation.backends.opening import open_backend as open_backend
from simulation.backends.plans import legal as legal
from simulation.backends.plans import on_backend as on_backend
