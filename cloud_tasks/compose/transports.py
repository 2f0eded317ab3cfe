"""Queues by an address: which backend it names, and how it is opened.

Each backend is imported when it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.compose.memory_place import memory_place
from cloud_tasks.config.problems import nearest, quoted
from cloud_tasks.config.redact import redact
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import Clock, QueueDriver

FILE_NAME = "queues.db"
"""The file in a directory that an address names."""
POLL_S = 0.5
_SQLITE = "sqlite:///"


class Address(Struct, frozen=True):
    """An address, taken apart.

    Attributes:
        url: It, as it is opened.
        scheme: What it begins with.
        query: Its parameters.
        poll_s: Longest pause between two looks, for backends that have to look, in seconds.
    """

    url: str
    scheme: str
    query: Mapping[str, str]
    poll_s: float


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
    address = _address(url, poll_s)
    try:
        return _OPENERS[address.scheme](address, clock)
    except ValueError as error:
        raise _unusable(address.scheme, redact(str(error))) from None


def url_for_children(url: str) -> str:
    """The address by which another process of this machine, with any working directory, opens the same.

    It may hold a password: hand it on where others cannot read it, not on a command line.

    Raises:
        ConfigurationError: The address is none.
    """
    return _address(url, POLL_S).url


def _address(url: str, poll_s: float) -> Address:
    scheme, colon, rest = url.partition(":")
    scheme = _ALIASES.get(scheme.lower(), scheme.lower())
    if not colon or scheme not in _OPENERS:
        raise _unknown(url, scheme if colon else url)
    if scheme == "memory":
        return Address(f"{_SQLITE}{memory_place(rest.strip('/')) / FILE_NAME}", "sqlite", {}, poll_s)
    if scheme in ("file", "sqlite"):
        path = rest.removeprefix("//").removeprefix("/") if scheme == "sqlite" else rest
        return Address(f"{_SQLITE}{_file(path)}", "sqlite", {}, poll_s)
    if not rest.startswith("//") and scheme == "postgresql":
        rest = f"///{rest}"
    parts = _split(f"{scheme}:{rest}", scheme)
    return Address(f"{scheme}:{rest}", scheme, dict(parse_qsl(parts.query)), poll_s)


def _file(path: str) -> Path:
    """The file that is meant, whatever the working directory of who opens it."""
    if not path.strip("/"):
        raise _unusable("sqlite", "it names no file", helps=("sqlite:///path/of/a/file", "file:path"))
    found = Path(path).expanduser().absolute()
    return found / FILE_NAME if found.is_dir() else found


def _split(url: str, scheme: str) -> SplitResult:
    """Its parts. What is wrong with it is not shown: in the place of a port there may be a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _unusable(
            scheme,
            "its host and its port cannot be made out",
            helps=("write / ? # @ : and % in a password as %2F %3F %23 %40 %3A and %25",),
        ) from None
    if scheme in ("redis", "rediss", "amqp", "amqps") and not parts.hostname:
        raise _unusable(scheme, "it names no host", helps=(_EXAMPLES[scheme],))
    return parts


def _without(address: Address, *names: str) -> str:
    """The address without parameters that are ours, and not the library's."""
    query = urlencode({name: value for name, value in address.query.items() if name not in names})
    return urlunsplit(urlsplit(address.url)._replace(query=query))


def _check_names(address: Address, *known: str) -> None:
    wrong = [name for name in address.query if name not in known]
    if wrong:
        raise ConfigurationError(
            *(
                Problem(
                    f"the address of the transport {address.scheme}: has no parameter {quoted(name)}",
                    hint=nearest(name, known),
                    helps=(f"its parameters: {', '.join(known)}",),
                )
                for name in wrong
            )
        )


# --- Backends


def _sql(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.sql import SqlSettings, open_driver

    return open_driver(SqlSettings(dsn=address.url, poll_s=address.poll_s, has_flags=False), clock)


def _redis(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.redis_streams import RedisSettings, open_driver

    _check_names(address, *_OF_REDIS, *(name for name in address.query if name.startswith("ssl_")))
    database = "" if address.scheme == "unix" else urlsplit(address.url).path.strip("/")
    if database and not database.isdecimal():
        raise _unusable(address.scheme, "its path is no number of a database", (_EXAMPLES["redis"],))
    settings = RedisSettings(url=_without(address, "key_prefix"), has_flags=False)
    prefix = address.query.get("key_prefix")
    return open_driver(settings if prefix is None else replace(settings, prefix=prefix), clock)


def _amqp(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.rabbitmq import RabbitSettings, open_driver

    settings = RabbitSettings(url=_without(address, "exchange"), has_flags=False)
    exchange = address.query.get("exchange")
    return open_driver(settings if exchange is None else replace(settings, exchange_name=exchange), clock)


def _sqs(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.sqs import SqsDriverSettings, open_driver

    _check_names(address, "region", "endpoint", "prefix")
    settings = SqsDriverSettings(
        region=address.query.get("region"),
        endpoint_url=address.query.get("endpoint"),
        queue_url_prefix=address.query.get("prefix"),
    )
    return open_driver(settings, clock)


def _pubsub(address: Address, clock: Clock) -> QueueDriver:
    from cloud_tasks.queues.pubsub import PubSubDriverSettings, open_driver

    _check_names(address, "project", "endpoint")
    settings = PubSubDriverSettings(
        project_id=address.query.get("project"), emulator_host=address.query.get("endpoint")
    )
    return open_driver(settings, clock)


_OPENERS: Mapping[str, Callable[[Address, Clock], QueueDriver]] = {
    "memory": _sql,
    "file": _sql,
    "sqlite": _sql,
    "postgresql": _sql,
    "mysql": _sql,
    "mariadb": _sql,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
    "amqp": _amqp,
    "amqps": _amqp,
    "sqs": _sqs,
    "pubsub": _pubsub,
}
_ALIASES = {"localmem": "memory", "filesys": "file", "pgsql": "postgresql", "postgres": "postgresql"}
_EXAMPLES = {
    "redis": "redis://host:6379/0?key_prefix=name",
    "rediss": "rediss://host:6379/0?key_prefix=name",
    "amqp": "amqp://user:password@host:5672/",
    "amqps": "amqps://user:password@host:5671/",
}
_OF_REDIS = ("db", "key_prefix", "username", "password", "client_name", "max_connections")
_SCHEMES = (
    "memory://",
    "file:path",
    "sqlite:///path",
    "postgresql://user:password@host/database",
    "mysql://user:password@host:3306/database",
    "redis://host:6379/0",
    "amqp://user:password@host:5672/",
    "sqs:?region=us-east-1",
    "pubsub:?project=name",
)


# --- Problems


def _unknown(url: str, scheme: str) -> ConfigurationError:
    shown = f"{scheme}:" if scheme.isalnum() and scheme != url else redact(url)
    return ConfigurationError(
        Problem(
            f"{quoted(shown)} is the address of no transport that is known",
            hint=nearest(scheme, [*_OPENERS, *_ALIASES]),
            helps=(f"one of: {', '.join(_SCHEMES)}",),
        )
    )


def _unusable(scheme: str, why: str, helps: tuple[str, ...] = ()) -> ConfigurationError:
    return ConfigurationError(
        Problem(f"the address of the transport {scheme}: cannot be used: {why}", helps=helps)
    )
