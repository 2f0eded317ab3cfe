"""What a queue of Conductor tasks is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from cloud_tasks.config.conductor_table import DEFAULT_API_URL
from cloud_tasks.core.arguments import check_positive

DEFAULT_POLLING_INTERVAL_S = 0.1


class ConductorSettings(Struct, frozen=True, kw_only=True):
    """Which server, which tasks, and where results wait that it could not be told.

    Attributes:
        task_types: Names of the task definitions; several are asked for in turn.
        api_url: Address of the API, with its path; "http://localhost:8080/api" for instance.
        worker_id: What the server is told of who has a task.
        domains: Domain of each type that has one.
        polling_interval_s: Longest pause between two polls that bring nothing, in seconds.
        layout: "swift": paths in the singular; "oss": in the plural; None: found out at the first poll.
        results_dir: Directory of results that the server could not be told; None: one of the user's, by the
            address of the server.
        headers: Sent with every request.
        batch_size_max: Most tasks of one poll.
    """

    task_types: tuple[str, ...]
    api_url: str = DEFAULT_API_URL
    worker_id: str = "worker"
    domains: Mapping[str, str] = msgspec.field(default_factory=dict)
    polling_interval_s: float = DEFAULT_POLLING_INTERVAL_S
    layout: Literal["swift", "oss"] | None = None
    results_dir: str | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    batch_size_max: int = 100

    def __post_init__(self) -> None:
        """Refuse what no queue could do.

        Raises:
            ValueError: A value is out of range.
        """
        check_positive("polling_interval_s", self.polling_interval_s)
        if not self.task_types or not all(self.task_types):
            raise ValueError("task_types needs at least one name")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError(f"api_url is {self.api_url!r}, and must begin with http:// or https://")

    def __repr__(self) -> str:
        """Without the headers, which may be credentials."""
        return f"ConductorSettings(task_types={self.task_types!r}, api_url={self.api_url!r})"
