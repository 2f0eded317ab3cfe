"""Which driver: the one place that knows the adapters of databases and brokers by name.

Each is imported when it is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cloud_tasks.clock import SystemClock
from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import QueueDriver
from cloud_tasks.task_app.config import DRIVERS, Config, PostgresConfig

if TYPE_CHECKING:
    from cloud_tasks.queues.sql import SqlSettings


def open_driver(config: Config) -> QueueDriver:
    """The driver that the settings name. Reads no network.

    Raises:
        ConfigurationError: There is no such driver, its package is missing, or a setting cannot be used.
    """
    try:
        return _open(config)
    except ValueError as error:
        raise ConfigurationError(Problem(f"the settings of the driver {config.driver}: {error}")) from None


def _open(config: Config) -> QueueDriver:
    if config.driver == "redis":
        return _redis(config)
    if config.driver == "rabbitmq":
        return _rabbitmq(config)
    if config.driver == "sqs":
        return _sqs(config)
    settings = sql_settings(config)
    if settings is None:
        raise ConfigurationError(
            Problem(f"there is no driver {config.driver!r}", helps=(f"one of: {', '.join(DRIVERS)}",))
        )
    from cloud_tasks.queues.sql import open_driver as open_sql

    return open_sql(settings, SystemClock())


def settled(config: Config) -> Config:
    """The settings, with a path that means the same file wherever a process goes."""
    if config.driver != "sqlite":
        return config
    from cloud_tasks.queues.sql.settings import file_of

    return replace(config, sqlite=replace(config.sqlite, path=str(file_of(config.sqlite.path))))


def sql_settings(config: Config) -> SqlSettings | None:
    """The database that the settings name; None where the driver is none."""
    from cloud_tasks.queues.sql import SqlSettings

    keep = config.repository.keep_completed_tasks
    if config.driver == "sqlite":
        return SqlSettings(dsn=config.sqlite.path, kind="SQLite", keep_completed=keep)
    if config.driver not in ("postgres", "mysql"):
        return None
    database: PostgresConfig = config.postgres if config.driver == "postgres" else config.mysql
    return SqlSettings(
        dsn=database.dsn,
        kind="PostgreSQL" if config.driver == "postgres" else "MySQL",
        queue_table=database.queue_table,
        dead_letter_table=database.dead_letter_table,
        pool_size_min=database.min_pool_size,
        pool_size_max=database.max_pool_size,
        keep_completed=keep,
    )


def _redis(config: Config) -> QueueDriver:
    from cloud_tasks.queues.redis_streams import RedisSettings, open_driver

    return open_driver(
        RedisSettings(
            url=config.redis.url,
            password=config.redis.password,
            db=config.redis.db,
            max_connections=config.redis.max_connections,
            keep_completed=config.repository.keep_completed_tasks,
        ),
        SystemClock(),
    )


def _rabbitmq(config: Config) -> QueueDriver:
    from cloud_tasks.queues.rabbitmq import RabbitSettings, open_driver

    return open_driver(
        RabbitSettings(
            url=config.rabbitmq.url,
            exchange_name=config.rabbitmq.exchange_name,
            prefetch_count=config.rabbitmq.prefetch_count,
            held_s_max=config.rabbitmq.consumer_timeout,
        ),
        SystemClock(),
    )


def _sqs(config: Config) -> QueueDriver:
    from cloud_tasks.queues.sqs import SqsDriverSettings, open_driver

    return open_driver(
        SqsDriverSettings(
            region=config.sqs.region,
            queue_url_prefix=config.sqs.queue_url_prefix,
            endpoint_url=config.sqs.endpoint_url,
            access_key=config.sqs.aws_access_key_id,
            secret_key=config.sqs.aws_secret_access_key,
        ),
        SystemClock(),
    )
