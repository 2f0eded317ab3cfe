"""RabbitMQ, with a port mapper of its own."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

from tests.services.binaries import RABBITMQ
from tests.services.server import Server, free_port

CONFIG = """\
disk_free_limit.absolute = 1MB
vm_memory_high_watermark.absolute = 1GB
loopback_users.guest = true
"""
# A killed process loses nothing that the system has been given.
ADVANCED = "[{ra, [{wal_sync_method, none}, {segment_max_entries, 4096}]}].\n"
# One scheduler, and none that spins while it waits: the machine belongs to the tests.
ERLANG = "+S 2:1 +sbwt none +sbwtdcpu none +sbwtdio none"


class RabbitmqServer(Server):
    """Has the user that every new one has, guest.

    Args:
        config: Lines for `rabbitmq.conf`.
    """

    service = RABBITMQ

    def __init__(
        self, directory: Path, watch_pid: int, port: int | None = None, *, config: tuple[str, ...] = ()
    ) -> None:
        super().__init__(directory, watch_pid, port)
        self._config = config
        self._mapper_port = free_port()

    @property
    def url(self) -> str:
        """Its address, virtual host "/"."""
        return f"amqp://guest:guest@{self.host}:{self.port}/"

    def prepare(self, programs: list[str]) -> None:
        """Write its files."""
        (self.data / "rabbitmq.conf").write_text(CONFIG + "".join(f"{line}\n" for line in self._config))
        (self.data / "advanced.config").write_text(ADVANCED)
        (self.data / "plugins").write_text("[].\n")

    def command(self, programs: list[str]) -> tuple[list[str], dict[str, str]]:
        """The port mapper ends with the process group; the one that Erlang starts by itself would stay."""
        server, mapper = (shlex.quote(program) for program in programs)
        own_mapper = f"{mapper} -port {self._mapper_port} -address {self.host} &"
        return ["/bin/sh", "-c", f"{own_mapper} exec {server}"], {
            "HOME": str(self.data),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.host,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.data / "log"),
            "RABBITMQ_PID_FILE": str(self.data / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.data / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.data / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
        }

    def is_ready(self) -> bool:
        """It answers the protocol's header with its first method."""
        with socket.create_connection(self.address, 5) as one:
            one.sendall(b"AMQP\x00\x00\x09\x01")
            return one.recv(1) == b"\x01"
