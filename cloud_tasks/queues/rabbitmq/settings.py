"""What the RabbitMQ driver is told."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.queues.rabbitmq.names import check_exchange

PREFETCH_MAX = 65_535


class RabbitSettings(Struct, frozen=True, kw_only=True):
    """Which broker, and how it is used.

    Attributes:
        url: Its address: `amqp://user:password@host[:port]/[virtual host]`, or `amqps://` with TLS.
        exchange_name: The exchange that tasks are sent to; made if it is not there.
        prefetch_count: How many messages the broker hands out ahead to a worker that asks for one. 1: none
            beyond what the worker has room for.
        held_s_max: How long the broker lets a message be held, in seconds: its `consumer_timeout`.
        call_s: How long a call may take before the broker is taken for unavailable, in seconds.
        has_flags: Whether all this is said by flags of ours, which errors may name.
    """

    url: str = "amqp://guest:guest@localhost:5672/"
    exchange_name: str = "asynctasq"
    prefetch_count: int = 1
    held_s_max: float = 1800.0
    call_s: float = 10.0
    has_flags: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigurationError: No exchange can have that name.
            ValueError: A number is out of range, or the exchange has no name.
        """
        check_positive("prefetch_count", self.prefetch_count)
        check_positive("held_s_max", self.held_s_max)
        check_positive("call_s", self.call_s)
        if self.prefetch_count > PREFETCH_MAX:
            raise ValueError(f"prefetch_count is {self.prefetch_count}, and the limit is {PREFETCH_MAX}")
        if not self.exchange_name:
            raise ValueError("exchange_name is empty")
        check_exchange(self.exchange_name)

    def __repr__(self) -> str:
        """Without passwords."""
        return f"RabbitSettings(exchange_name={self.exchange_name!r})"
