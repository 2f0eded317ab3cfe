"""The metadata services of AWS, GCP and Azure, for one machine whose fate a script tells.

In a test: `fakes.metadata.server.MetadataServer`, and its `do` for one step at a time. Only that module
needs aiohttp. For a worker: `python -m fakes.metadata`.
"""

from fakes.metadata.process_group import ProcessGroup
from fakes.metadata.script_file import parse_script, read_script, shipped_scripts
from fakes.metadata.steps import (
    CancelNotice,
    Drop,
    EndMaintenance,
    ExpireTokens,
    Fail,
    Fault,
    Hang,
    Heal,
    Kill,
    Maintenance,
    Moment,
    Notice,
    Rebalance,
    Script,
    Slow,
    SoftOff,
    Step,
)
from fakes.metadata.wire import CLOUDS, Instance

__all__ = [
    "CLOUDS",
    "CancelNotice",
    "Drop",
    "EndMaintenance",
    "ExpireTokens",
    "Fail",
    "Fault",
    "Hang",
    "Heal",
    "Instance",
    "Kill",
    "Maintenance",
    "Moment",
    "Notice",
    "ProcessGroup",
    "Rebalance",
    "Script",
    "Slow",
    "SoftOff",
    "Step",
    "parse_script",
    "read_script",
    "shipped_scripts",
]
