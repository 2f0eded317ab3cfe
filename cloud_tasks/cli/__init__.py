"""The commands: `cloud_tasks load_queue` and the others, one module each."""

from cloud_tasks.cli.app import main as main
