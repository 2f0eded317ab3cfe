"""A census of the Python standard library: every module is a task, the answers become a report.

    python examples/stdlib_census/run.py [--limit N] [--stdlib DIRECTORY] [--report-dir DIRECTORY]

All options of the worker work as well; see --help.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import report
import summary
from census_tasks import make_tasks, measure_file, source_files, standard_library
from cloud_tasks.worker import Worker
from findings import Findings, gather, last_run

_HERE = Path(__file__).resolve().parent
_BAD_USAGE = 2


def own_options(*, add_help: bool = True) -> argparse.ArgumentParser:
    """The options of the census; the worker adds its own to them."""
    parser = argparse.ArgumentParser(
        description="Measure every module of Python's standard library, one task per file.",
        add_help=add_help,
        allow_abbrev=False,
    )
    parser.add_argument("--report-dir", type=Path, default=_HERE / "output", help="where the report goes")
    parser.add_argument("--stdlib", type=Path, default=standard_library(), help="directory to measure")
    parser.add_argument("--limit", type=int, help="measure only the first N files")
    return parser


def defaults(log: Path) -> list[str]:
    """Arguments that stand before those of the user, who may overrule them."""
    arguments = ["--event-log-to-file", "--event-log-file", str(log)]
    if "RMS_CLOUD_TASKS_NUM_TASKS_PER_INSTANCE" not in os.environ:
        arguments += ["--num-simultaneous-tasks", str(os.cpu_count() or 1)]
    return arguments


def write_report(findings: Findings, stdlib: Path, report_dir: Path) -> Path:
    """Write the page, and return where it is."""
    context = report.Context(
        python=platform.python_version(),
        directory=str(stdlib),
        machine=f"{platform.system()} {platform.machine()} with {os.cpu_count()} CPUs",
    )
    page = report_dir / "index.html"
    page.write_text(report.page(findings, context), encoding="utf-8")
    return page


def main(arguments: list[str]) -> int:
    """Run the census, and return the exit status."""
    own, _ = own_options(add_help=False).parse_known_args(arguments)
    files = source_files(own.stdlib)[: own.limit]
    if not files:
        print(f"error: no Python files in {own.stdlib}", file=sys.stderr)
        return _BAD_USAGE

    def tasks() -> Iterator[dict[str, Any]]:
        return make_tasks(own.stdlib, files)

    own.report_dir.mkdir(parents=True, exist_ok=True)
    own_log = own.report_dir / "events.jsonl"
    own_log.unlink(missing_ok=True)
    worker = Worker(
        measure_file, task_source=tasks, args=[*defaults(own_log), *arguments], argparser=own_options()
    )
    status = worker.run()
    log = Path(worker.worker_data.event_log_file or own_log)
    if not log.exists():
        return status
    with log.open(encoding="utf-8") as lines:
        findings = gather(last_run(lines))
    if findings.files:
        columns = shutil.get_terminal_size(fallback=(120, 24)).columns
        print(f"\nCensus of {own.stdlib}\n{summary.terminal(findings, columns)}")
        print(f"\nReport: {write_report(findings, own.stdlib, own.report_dir)}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
