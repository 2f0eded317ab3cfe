"""What the Redis driver is told."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.core.arguments import check_not_negative, check_positive


class RedisSettings(Struct, frozen=True, kw_only=True):
    """Which server, and how it is used.

    Attributes:
        url: Its address: `redis://[[user]:password@]host[:port][/db]`, `rediss://` with TLS, or
            `unix:///path`.
        password: Its password; None: the one in the address, if any.
        db: Number of the database; 0: the one in the address, if any.
        max_connections: Most connections for calls at a time; a call for which there is none waits. Those
            that wait for tasks, one for each queue of a worker, come on top.
        prefix: What the names of all keys begin with.
        keep_completed: Whether a record of each completed task is kept.
        call_s: How long a call may take before the server is taken for unavailable, in seconds.
        has_flags: Whether all this is said by flags of ours, which errors may name.
    """

    url: str = "redis://localhost:6379"
    password: str | None = None
    db: int = 0
    max_connections: int = 100
    prefix: str = "cloud_tasks"
    keep_completed: bool = False
    call_s: float = 10.0
    has_flags: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: A number is out of range, or the prefix is empty.
        """
        check_not_negative("db", self.db)
        check_positive("max_connections", self.max_connections)
        check_positive("call_s", self.call_s)
        if not self.prefix:
            raise ValueError("prefix is empty")

    def __repr__(self) -> str:
        """Without passwords."""
        return f"RedisSettings(prefix={self.prefix!r}, db={self.db})"
