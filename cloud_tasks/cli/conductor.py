"""`cloud_tasks conductor`: runs the Conductor workers of a module."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cloud_tasks.cli.output import write
from cloud_tasks.cli.parser import Line
from cloud_tasks.compose.conductor_app import find_workers
from cloud_tasks.compose.conductor_host import WorkerHost
from cloud_tasks.conductor_app.configuration import (
    CONFIG_FILE,
    Configuration,
    MetricsSettings,
    Setting,
    WorkerSettings,
)
from cloud_tasks.config.conductor_table import OWN
from cloud_tasks.config.gather import Gathered, gather
from cloud_tasks.config.show import show_rows, table_of
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.summary import Summary
from cloud_tasks.summary.values import status_of_workers


def run(line: Line) -> int:
    """Work until a signal comes, or the options say that it is enough.

    Returns:
        0 when it ended in good order, whatever became of its tasks: the server knows. 130 or 143 when tasks
        had to be left behind after SIGINT or SIGTERM.
    """
    gathered = _gathered(line)
    values = gathered.values
    workers = find_workers(_text(gathered, "app"), Path.cwd())
    configuration = Configuration(
        server_api_url=_text(gathered, "server_api_url"),
        debug=bool(values["verbose"]),
        layout=values["layout"],  # type: ignore[arg-type] # one of the two, or None
        results_dir=_text(gathered, "results_dir"),
    )
    logging.basicConfig(format="%(asctime)s %(levelname)-8s %(message)s")
    host = WorkerHost(
        workers,
        configuration,
        _metrics(_text(gathered, "metrics_file")),
        config_file=_text(gathered, "config_file") or _beside(Path.cwd()),
        shutdown_grace_period=float(values["shutdown_grace_period"] or 0.0),
        provider=_text(gathered, "provider"),
        event_log_file=_text(gathered, "event_log_file"),
        exit_when_empty=None if values["exit_when_empty"] is None else float(values["exit_when_empty"]),
    )
    if values["show_config"]:
        write(sys.stdout, show_rows(OWN.options, gathered), "", _of_workers(host.settings))
        return 0
    with host:
        host.start_processes()
    _tell(host.summaries, json=bool(values["json"]))
    return status_of_workers(host.summaries.values())


def _gathered(line: Line) -> Gathered:
    flags: dict[str, object] = {option.dest: line.flags.get(option.name) for option in OWN.options}
    if line.verbosity:
        flags["verbose"] = True
    gathered = gather(flags, os.environ, OWN.options)
    problems = [*line.problems, *gathered.problems]
    if problems:
        raise ConfigurationError(*problems)
    return gathered


def _text(gathered: Gathered, name: str) -> str | None:
    value = gathered.values[name]
    return None if value is None else str(value)


def _beside(directory: Path) -> str | None:
    path = directory / CONFIG_FILE
    return str(path) if path.is_file() else None


def _metrics(path: str | None) -> MetricsSettings | None:
    if path is None:
        return None
    return MetricsSettings(directory=str(Path(path).parent), file_name=Path(path).name)


def _of_workers(each: tuple[WorkerSettings, ...]) -> str:
    """A line for each setting of each task definition."""
    rows = [
        (f"{task_type}.{one.name}", _shown(one), one.origin)
        for settings in each
        for task_type, told in settings.told.items()
        for one in told
    ]
    return table_of(rows)


def _shown(setting: Setting) -> str:
    unit = " ms" if setting.name == "polling_interval" else ""
    return f"{setting.value}{unit}" if setting.value else "-"


def _tell(summaries: Mapping[str, Summary], *, json: bool) -> None:
    for name, summary in summaries.items():
        if json:
            write(sys.stdout, msgspec.json.encode({"worker": name, "summary": summary}).decode())
            continue
        counts = [
            f"{getattr(summary.counts, field)} {field.replace('_', ' ')}"
            for field in summary.counts.__struct_fields__
            if getattr(summary.counts, field)
        ]
        write(sys.stderr, f"{name}: {', '.join(counts) or 'no task'}")
