"""Which provider's queues: the one place that knows the adapters of the clouds by name."""

from __future__ import annotations

from importlib.util import find_spec

from msgspec import Struct

from cloud_tasks.config.providers import installed
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import QueueBackend

NOTHING_STARTED = "nothing started; 0 tasks taken"


class BackendSettings(Struct, frozen=True, kw_only=True):
    """The queues of one job.

    Attributes:
        provider: "AWS", "GCP" or "AZURE".
        task_queue: Name of the task queue.
        event_queue: Name of the event queue.
        region: Region of the queues; None: as the provider's own configuration says.
        project_id: Project (GCP); None: the one that the credentials name.
        exactly_once: Whether the queues deliver each message once, where the provider can do that.
        lease_s: Length of a lease.
        access_key: AWS access key; None: as the provider's own configuration says.
        secret_key: AWS secret key; as above.
        credentials_file: GCP credentials; as above.
        service_account: GCP service account to act as; None: as the credentials themselves.
    """

    provider: str
    task_queue: str
    event_queue: str
    region: str | None = None
    project_id: str | None = None
    exactly_once: bool = False
    lease_s: float = 610.0
    access_key: str | None = None
    secret_key: str | None = None
    credentials_file: str | None = None
    service_account: str | None = None


def open_backend(settings: BackendSettings) -> QueueBackend:
    """The pair of queues. Reads no network; addresses of stand-ins come from the provider's own variables.

    Raises:
        ConfigurationError: The provider has no queues here, its package is missing, or a setting is.
    """
    raise ConfigurationError(
        Problem(
            f"this version has no queues of {settings.provider}",
            helps=("AWS and GCP have them: --provider AWS or --provider GCP",),
            notes=(NOTHING_STARTED,),
        )
    )


def _require(package: str, extra: str, provider: str) -> None:
    """See that the package of a provider is installed, without importing it."""
    root = package.partition(".")[0]
    if find_spec(root) is None or find_spec(package) is None:
        raise ConfigurationError(
            Problem(
                f"queues of {provider} need a package that is not installed",
                helps=(f"install the extra `{extra}`: pip install 'cloud-tasks[{extra}]'", *installed()),
                notes=(NOTHING_STARTED,),
            )
        )
