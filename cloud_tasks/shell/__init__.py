"""The asyncio shell around the pure machine: it reports facts and carries out commands, and decides nothing.

`WorkerShell` is what runs in production and, unmodified, in the simulation.
"""

from cloud_tasks.shell.worker_shell import Observer, ShellSettings, WorkerShell

__all__ = ["Observer", "ShellSettings", "WorkerShell"]
