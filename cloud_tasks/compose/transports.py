"""Queues by an address: which backend it names, and how it is opened.

Each backend is imported when it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from msgspec.structs import replace

from cloud_tasks.compose.addresses import Address, read_address, unusable
from cloud_tasks.config.redact import redact
from cloud_tasks.interfaces import Clock, QueueDriver

POLL_S = 0.5
_OF_REDIS = ("db", "key_prefix", "username", "password", "client_name", "max_connections")


def open_transport(url: str, clock: Clock, poll_s: float = POLL_S) -> QueueDriver:
    """The queues at an address. Reads no network.

    Args:
        url: Where they are: see docs/transports.md for the schemes and their parameters.
        clock: Time.
        poll_s: How long a queue that has to be looked at may stay unobserved while somebody waits for it, in
            seconds. SQLite and MySQL have to be; the others tell.

    Raises:
        ConfigurationError: The address is none, or a package is missing.
    """
    address = read_address(url)
    try:
        if address.scheme in _SQL:
            return _sql(address, clock, poll_s)
        return _OPENERS[address.scheme](address, clock)
    except ValueError as error:
        raise unusable(address.scheme, redact(str(error))) from None


def url_for_children(url: str) -> str:
    """The address by which another process of this machine, with any working directory, opens the same.

    It may hold a password: hand it on where others cannot read it, not on a command line.

    Raises:
        ConfigurationError: The address is none.
    """
    return read_address(url).url


def _sql(address: Address, clock: Clock, poll_s: float) -> QueueDriver:
    from cloud_tasks.queues.sql import SqlSettings, open_driver

    return open_driver(SqlSettings(dsn=address.url, poll_s=poll_s, has_flags=False), clock)


def _redis(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.redis_streams import RedisSettings, open_driver

    address.check_names((*_OF_REDIS, *(name for name in address.query if name.startswith("ssl_"))))
    database = "" if address.scheme == "unix" else urlsplit(address.url).path.strip("/")
    if database and not database.isdecimal():
        raise unusable(address.scheme, "its path is no number of a database")
    settings = RedisSettings(url=address.without("key_prefix"), has_flags=False)
    prefix = address.query.get("key_prefix")
    return open_driver(settings if prefix is None else replace(settings, prefix=prefix), clock)


def _amqp(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.rabbitmq import RabbitSettings, open_driver

    settings = RabbitSettings(url=address.without("exchange"), has_flags=False)
    exchange = address.query.get("exchange")
    return open_driver(settings if exchange is None else replace(settings, exchange_name=exchange), clock)


def _sqs(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.sqs import SqsDriverSettings, open_driver

    address.check_names(("region", "endpoint", "prefix"))
    settings = SqsDriverSettings(
        region=address.query.get("region"),
        endpoint_url=address.query.get("endpoint"),
        queue_url_prefix=address.query.get("prefix"),
    )
    return open_driver(settings, clock)


def _pubsub(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.pubsub import PubSubDriverSettings, open_driver

    address.check_names(("project", "endpoint"))
    settings = PubSubDriverSettings(
        project_id=address.query.get("project"), emulator_host=address.query.get("endpoint")
    )
    return open_driver(settings, clock)


_SQL = ("sqlite", "postgresql", "mysql", "mariadb")
_OPENERS: Mapping[str, Callable[[Address, Clock], QueueDriver]] = {
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
    "amqp": _amqp,
    "amqps": _amqp,
    "sqs": _sqs,
    "pubsub": _pubsub,
}
