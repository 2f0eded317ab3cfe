"""What the Pub/Sub backend is told."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.core.arguments import check_positive

DAY_S = 86_400.0


class PubSubSettings(Struct, frozen=True, kw_only=True):
    """Which queues, with what credentials, and how they are made where that is asked for.

    Attributes:
        project_id: The Google Cloud project; None: the one that the credentials name.
        task_queue: Name of the task queue; its topic and subscription are named after it.
        event_queue: Name of the event queue; None: there is none.
        exactly_once: Whether the task queue must have exactly-once delivery, and is created with it. A queue
            that has it is used as such, asked for or not.
        lease_s: How long a lease lasts, in seconds; what Pub/Sub cannot give in one piece (10 to 600) is
            bridged by renewals.
        credentials_file: A service account's key, or any other file that Google's libraries read; None: what
            is found in the environment.
        service_account: Address of a service account to act as; None: as the credentials themselves.
        emulator_host: `host:port` of a stand-in, which is asked without credentials; "": none; None: what the
            variable PUBSUB_EMULATOR_HOST says.
        retention_s: How long a queue that is created keeps what nobody acked, in seconds (10 minutes to 31
            days).
        delivery_attempts_max: After how many deliveries Pub/Sub itself moves a message of a queue that is
            created to the dead-letter queue (5 to 100). Interruptions count as well, so this is no limit for
            attempts but a last resort.
        retry_delay_s: The shortest and the longest time that a queue which is created keeps back a message
            that was handed back or whose lease ended, in seconds (0 to 600); None: it comes again at once.
    """

    project_id: str | None = None
    task_queue: str
    event_queue: str | None = None
    exactly_once: bool = False
    lease_s: float = 60.0
    credentials_file: str | None = None
    service_account: str | None = None
    emulator_host: str | None = None
    retention_s: float = 7 * DAY_S
    delivery_attempts_max: int = 100
    retry_delay_s: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what no queue could do.

        Raises:
            ValueError: A time is out of range.
        """
        check_positive("lease_s", self.lease_s)
        _check_range("retention_s", self.retention_s, 600.0, 31 * DAY_S)
        _check_range("delivery_attempts_max", self.delivery_attempts_max, 5, 100)
        for delay_s in self.retry_delay_s or ():
            _check_range("retry_delay_s", delay_s, 0.0, 600.0)


class PubSubDriverSettings(Struct, frozen=True, kw_only=True):
    """Where the queues are.

    Attributes:
        project_id: The Google Cloud project; None: the one that the credentials name.
        emulator_host: `host:port` of a stand-in, as in `PubSubSettings`.
    """

    project_id: str | None = None
    emulator_host: str | None = None


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}, and must be {least:g} to {most:g}")
