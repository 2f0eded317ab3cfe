"""Opening the backend of a plan."""

from __future__ import annotations

from cloud_tasks.errors import ConfigurationError, Problem
from simulation.backends.backend import Backend, Site
from simulation.backends.model import ModelBackend


def open_backend(site: Site) -> Backend:
    """The backend that a plan names.

    Raises:
        ConfigurationError: The libraries of that cloud are not there.
    """
    name = site.plan.backend.name
    if name == "model":
        return ModelBackend(site)
    try:
        if name == "sqs":
            from simulation.backends.sqs.backend import SqsBackend

            return SqsBackend(site)
        if name == "conductor":
            from simulation.backends.conductor.backend import ConductorBackend

            return ConductorBackend(site)
        from simulation.backends.pubsub.backend import PubSubBackend

        return PubSubBackend(site)
    except ImportError as error:
        raise ConfigurationError(
            Problem(
                f"--backend {name} needs a library that is missing: {error.name}",
                helps=(f"pip install 'cloud-tasks[{name},fakes]'",),
            )
        ) from error
