"""Which provider's queues: the one place that knows the adapters of the clouds by name."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.errors import ConfigurationError, Problem, QueueUnavailableError
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
    if settings.provider == "AWS":
        return _aws(settings)
    if settings.provider == "GCP":
        return _gcp(settings)
    raise ConfigurationError(
        Problem(
            f"this version has no queues of {settings.provider}",
            helps=("AWS and GCP have them: --provider AWS or --provider GCP",),
            notes=(NOTHING_STARTED,),
        )
    )


def unreachable(provider: str, error: QueueUnavailableError, notes: tuple[str, ...] = ()) -> Problem:
    """What to say when the queues do not answer."""
    return Problem(
        f"the queues of {provider} cannot be reached: {error}",
        helps=("look at the network and at the address of the service, then start again",),
        notes=notes,
    )


def _aws(settings: BackendSettings) -> QueueBackend:
    from cloud_tasks.clock import SystemClock
    from cloud_tasks.queues.sqs import SqsSettings
    from cloud_tasks.queues.sqs import open_backend as open_sqs

    return open_sqs(
        SqsSettings(
            task_queue=settings.task_queue,
            event_queue=settings.event_queue,
            region=settings.region,
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            exactly_once=settings.exactly_once,
            lease_s=settings.lease_s,
        ),
        SystemClock(),
    )


def _gcp(settings: BackendSettings) -> QueueBackend:
    from cloud_tasks.clock import SystemClock
    from cloud_tasks.queues.pubsub import PubSubSettings
    from cloud_tasks.queues.pubsub import open_backend as open_pubsub

    return open_pubsub(
        PubSubSettings(
            project_id=settings.project_id,
            task_queue=settings.task_queue,
            event_queue=settings.event_queue,
            exactly_once=settings.exactly_once,
            lease_s=settings.lease_s,
            credentials_file=settings.credentials_file,
            service_account=settings.service_account,
        ),
        SystemClock(),
    )
