"""What the SQS backend is told."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.core.arguments import check_positive

DAY_S = 86_400


class SqsSettings(Struct, frozen=True, kw_only=True):
    """Which queues, with what credentials, and how they are made where that is asked for.

    Attributes:
        task_queue: Name of the task queue, without `.fifo`.
        event_queue: Name of the event queue, as above; None: there is none.
        region: Region of the queues; None: as the variables and files of AWS say.
        endpoint_url: Address of the service; None: as above (AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL).
        profile: Profile in the files of AWS; None: as above (AWS_PROFILE).
        access_key: Access key; None: as above.
        secret_key: Secret key of that access key.
        exactly_once: Whether the queues are FIFO queues.
        lease_s: Visibility timeout: how long a lease lasts, in seconds.
        retention_s: How long a queue that is created keeps a message, in seconds (a minute to 14 days).
        receives_max: After how many deliveries SQS itself moves a message of a queue that is created to the
            dead-letter queue (1 to 1,000). Interruptions count as well, so this is no limit for attempts but
            a last resort.
    """

    task_queue: str
    event_queue: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    exactly_once: bool = False
    lease_s: float = 60.0
    retention_s: int = 14 * DAY_S
    receives_max: int = 100

    def __post_init__(self) -> None:
        """Refuse what no queue could do.

        Raises:
            ValueError: A number is out of range.
        """
        check_positive("lease_s", self.lease_s)
        _check_range("retention_s", self.retention_s, 60, 14 * DAY_S)
        _check_range("receives_max", self.receives_max, 1, 1000)

    def __repr__(self) -> str:
        """Without the keys."""
        return f"SqsSettings(task_queue={self.task_queue!r}, event_queue={self.event_queue!r})"


class SqsDriverSettings(Struct, frozen=True, kw_only=True):
    """Where the queues are.

    Attributes:
        region: Region; None: as the variables and files of AWS say.
        queue_url_prefix: What the address of a queue begins with; None: SQS is asked for it.
        endpoint_url: Address of the service; None: as the variables and files of AWS say.
        access_key: Access key; None: as above.
        secret_key: Secret key of that access key.
    """

    region: str | None = None
    queue_url_prefix: str | None = None
    endpoint_url: str | None = None
    access_key: str | None = None
    secret_key: str | None = None

    def __repr__(self) -> str:
        """Without the keys."""
        return f"SqsDriverSettings(region={self.region!r}, queue_url_prefix={self.queue_url_prefix!r})"


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}, and must be {least:g} to {most:g}")
