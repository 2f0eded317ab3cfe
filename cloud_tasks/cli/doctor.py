"""`cloud_tasks doctor`: is everything here that commands and workers need?"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from cloud_tasks.cli.backends import backend_settings
from cloud_tasks.cli.call import Call
from cloud_tasks.cli.finding import Finding
from cloud_tasks.cli.machine import look_at_machine
from cloud_tasks.clock import SystemClock
from cloud_tasks.config_file.merge import Configuration
from cloud_tasks.diagnostics import visible
from cloud_tasks.errors import CloudTasksError, Problem, ProblemsError
from cloud_tasks.metadata import open_metadata

_METADATA_S_MAX = 5.0
_QUEUES_S_MAX = 60.0
_COLOURS = {"ok": "32", "warn": "33", "fail": "31"}


def run(call: Call) -> int:
    """Look at everything; status 1 if something will not work."""
    return asyncio.run(_run(call))


async def _run(call: Call) -> int:
    found = [finding async for finding in _findings(call)]
    if call.json:
        call.print(msgspec.json.encode(found).decode())
    else:
        width = max(len(finding.name) for finding in found)
        call.print(*(line for finding in found for line in _lines(finding, width)))
    return 1 if any(finding.verdict == "fail" for finding in found) else 0


async def _findings(call: Call) -> AsyncIterator[Finding]:
    configuration = call.configuration
    provider = configuration.text("provider")
    state = Path(configuration.text("db_file") or ".").parent
    for finding in look_at_machine(provider, state):
        yield finding
    yield _configuration(configuration)
    yield await _queues(call)
    yield await _metadata(provider)


def _configuration(configuration: Configuration) -> Finding:
    names = ("provider", "queue_name", "region", "project_id")
    told = [
        f"{name} {configuration.text(name)} ({configuration.origins[name]})"
        for name in names
        if configuration.values[name] is not None
    ]
    if configuration.values["provider"] is None or configuration.values["queue_name"] is None:
        helps = ("give --provider and --job-id, or --config; `cloud_tasks config show` tells every value",)
        return Finding("configuration", "warn", ", ".join(told) or "names no job", helps)
    return Finding("configuration", "ok", ", ".join(told))


async def _queues(call: Call) -> Finding:
    """Credentials, queues and permissions, in one go: the provider tells which of them is missing."""
    if call.configuration.values["provider"] is None or call.configuration.values["queue_name"] is None:
        return Finding("queues", "warn", "not looked at: no job is named")
    try:
        backend = call.open_backend(backend_settings(call))
        try:
            async with asyncio.timeout(_QUEUES_S_MAX):
                await backend.check(tasks=True, events=True, create=False)
        finally:
            await backend.aclose()
    except ProblemsError as error:
        return Finding("queues", "fail", str(error), _helps(error.problems))
    except TimeoutError:
        return Finding("queues", "fail", f"no answer within {_QUEUES_S_MAX:g} s", ("is there a network?",))
    except CloudTasksError as error:
        return Finding("queues", "fail", str(error))
    return Finding("queues", "ok", "credentials, queues and permissions are there")


def _helps(problems: tuple[Problem, ...]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(line for problem in problems for line in (problem.hint, *problem.helps) if line)
    )


async def _metadata(provider: str | None) -> Finding:
    hostname = socket.gethostname()
    if provider is None:
        return Finding("metadata service", "ok", "not looked at: no provider is named")
    try:
        metadata = open_metadata(provider, hostname=hostname, clock=SystemClock(), environ=os.environ)
    except ProblemsError as error:
        return Finding("metadata service", "fail", str(error), _helps(error.problems))
    try:
        async with asyncio.timeout(_METADATA_S_MAX):
            name = (await metadata.identity()).instance_id
    except TimeoutError:
        name = hostname
    finally:
        await metadata.aclose()
    if name == hostname:
        helps = (f"right off {provider}; on a machine of {provider}, termination notices would be missed",)
        return Finding("metadata service", "warn", f"none answers; this machine is {hostname}", helps)
    return Finding("metadata service", "ok", f"this machine is {name}")


def _lines(finding: Finding, width: int) -> list[str]:
    verdict = f"{finding.verdict:<4}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        verdict = f"\x1b[{_COLOURS[finding.verdict]}m{verdict}\x1b[0m"
    first = f"{verdict}  {finding.name:<{width}}  {visible(finding.text)}"
    return [first, *(f"      {'':<{width}}  help: {visible(text)}" for text in finding.helps)]
