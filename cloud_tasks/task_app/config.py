"""Settings of a program that dispatches tasks or runs them, as one value; names as on the command line."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct, field

from cloud_tasks.task_app.options import TaskDefaults

DRIVERS = ("sqlite", "redis", "postgres", "mysql", "rabbitmq", "sqs")

TaskDefaultsConfig: TypeAlias = TaskDefaults


class SQLiteConfig(Struct, frozen=True, kw_only=True):
    """The embedded driver.

    Attributes:
        path: The database; made if it is not there.
    """

    path: str = "cloud_tasks.db"


class RedisConfig(Struct, frozen=True, kw_only=True):
    """Redis, or Valkey.

    Attributes:
        url: Where it is.
        password: Password; None: the one in the URL, if any.
        db: Number of the database.
        max_connections: Connections at a time.
    """

    url: str = "redis://localhost:6379"
    password: str | None = None
    db: int = 0
    max_connections: int = 100


class PostgresConfig(Struct, frozen=True, kw_only=True):
    """PostgreSQL.

    Attributes:
        dsn: Where it is.
        queue_table: Table of the queues.
        dead_letter_table: Table of the dead letters.
        max_attempts: Attempts of functions that say nothing themselves; None: as `task_defaults` says, which
            this beats.
        min_pool_size: Connections that are kept open.
        max_pool_size: Connections at a time.
    """

    dsn: str = "postgresql://test:test@localhost:5432/test_db"
    queue_table: str = "task_queue"
    dead_letter_table: str = "dead_letter_queue"
    max_attempts: int | None = None
    min_pool_size: int = 10
    max_pool_size: int = 10


class MySQLConfig(PostgresConfig, frozen=True, kw_only=True):
    """MySQL or MariaDB; everything as for PostgreSQL."""

    dsn: str = "mysql://test:test@localhost:3306/test_db"


class RabbitMQConfig(Struct, frozen=True, kw_only=True):
    """RabbitMQ.

    Attributes:
        url: Where it is.
        exchange_name: The exchange that tasks are published to.
        prefetch_count: Messages that the broker hands out ahead.
        consumer_timeout: How long the broker lets a message be held, in seconds, as it is configured there.
    """

    url: str = "amqp://guest:guest@localhost:5672/"
    exchange_name: str = "asynctasq"
    prefetch_count: int = 1
    consumer_timeout: float = 1800.0


class SQSConfig(Struct, frozen=True, kw_only=True):
    """Amazon SQS.

    Attributes:
        region: Region.
        queue_url_prefix: What the address of a queue begins with; None: the queue is looked up by its name.
        endpoint_url: Another address of the service; None: that of the region.
        aws_access_key_id: Access key; None: as the provider's own configuration says.
        aws_secret_access_key: Secret key; as above.
    """

    region: str = "us-east-1"
    queue_url_prefix: str | None = None
    endpoint_url: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None


class EventsConfig(Struct, frozen=True, kw_only=True):
    """What is told to those who watch.

    Attributes:
        enable_event_emitter_redis: Whether events are published on a channel of Redis.
        redis_url: The server; None: that of the driver.
        channel: The channel.
        format: How they are written: "json" or "msgpack".
    """

    enable_event_emitter_redis: bool = False
    redis_url: str | None = None
    channel: str = "asynctasq:events"
    format: str = "json"


class ProcessPoolConfig(Struct, frozen=True, kw_only=True):
    """The pool for functions that compute; what is said to a `Worker` beats it.

    Attributes:
        size: Processes; None: one for each processor.
        max_tasks_per_child: Tasks after which a process is replaced; None: never.
    """

    size: int | None = None
    max_tasks_per_child: int | None = None


class RepositoryConfig(Struct, frozen=True, kw_only=True):
    """What is kept of tasks that are done.

    Attributes:
        keep_completed_tasks: Whether anything is.
    """

    keep_completed_tasks: bool = False


class Config(Struct, frozen=True, kw_only=True):
    """Everything.

    Attributes:
        driver: One of `DRIVERS`.
        serializer: What writes and reads arguments, as "module:Class"; "": JSON, typed by the annotations.
    """

    driver: str = "sqlite"
    serializer: str = ""
    sqlite: SQLiteConfig = field(default_factory=SQLiteConfig)
    redis: RedisConfig = field(default_factory=RedisConfig)
    postgres: PostgresConfig = field(default_factory=PostgresConfig)
    mysql: MySQLConfig = field(default_factory=MySQLConfig)
    rabbitmq: RabbitMQConfig = field(default_factory=RabbitMQConfig)
    sqs: SQSConfig = field(default_factory=SQSConfig)
    task_defaults: TaskDefaults = field(default_factory=TaskDefaults)
    events: EventsConfig = field(default_factory=EventsConfig)
    process_pool: ProcessPoolConfig = field(default_factory=ProcessPoolConfig)
    repository: RepositoryConfig = field(default_factory=RepositoryConfig)
