"""What the workers say of themselves, before they are put to work."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from cloud_tasks.compose.queue_workers_table import Assignment
from cloud_tasks.config.problems import nearest
from cloud_tasks.config.redact import redact
from cloud_tasks.config.table import DURATION_S_MAX
from cloud_tasks.core.task import EndKind, Json
from cloud_tasks.errors import ConfigurationError, Problem, ProgramError
from cloud_tasks.queues.rate_limit import RateLimit
from cloud_tasks.runners.asking import ask
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.output import Output

POLL_INTERVAL_MS_MAX = DURATION_S_MAX * 1000


class Terms(Struct, frozen=True):
    """What holds for the worker of one queue.

    Attributes:
        worker: The worker's name.
        options: What its object is made with.
        poll_interval_ms: How long its queue may stay unobserved.
        limit: How many payloads it may be given in a while; None: any number.
    """

    worker: str
    options: Mapping[str, Json]
    poll_interval_ms: int
    limit: RateLimit | None


class _Said(Struct):
    """The answer for one queue."""

    missing: bool = False
    failed: str = ""
    poll_interval_ms: int = 0
    limit: tuple[int, float] | None = None


class _Answer(Struct):
    known: list[str]
    queues: dict[str, _Said]


async def ask_workers(
    host: Host, assignments: Mapping[str, Assignment], poll_interval_ms: int, output: Output
) -> dict[str, Terms]:
    """Ask all workers, in a process of their own.

    Raises:
        ConfigurationError: There is no such worker, or what it says of itself cannot be used.
        ProgramError: The process that was asked died.
    """
    options = {queue: _options(one, poll_interval_ms) for queue, one in assignments.items()}
    rows: dict[str, Json] = {
        queue: {"worker": one.worker, **options[queue]} for queue, one in assignments.items()
    }
    end = await ask(host, {"describe": {"queues": rows}}, output)
    if end.kind is not EndKind.RETURNED:
        why = redact(str(end.exception or end.signal))
        raise ProgramError(Problem(f"the workers could not be asked: {why}"))
    answer = msgspec.convert(_plain(end.result), _Answer)
    terms: dict[str, Terms] = {}
    problems: list[Problem] = []
    for queue, one in assignments.items():
        said = answer.queues[queue]
        problem = _problem(one, said, answer.known)
        if problem is not None:
            problems.append(problem)
            continue
        limit = None if said.limit is None else RateLimit(*said.limit)
        terms[queue] = Terms(one.worker, options[queue], said.poll_interval_ms, limit)
    if problems:
        raise ConfigurationError(*problems)
    return terms


def _options(one: Assignment, poll_interval_ms: int) -> dict[str, Json]:
    limit: Json = None if one.limit is None else list(one.limit)
    options: dict[str, Json] = {"poll_interval_ms": poll_interval_ms, "limit": limit}
    return {**options, "command": one.command} if one.command else options


def _plain(result: Json | msgspec.Raw) -> object:
    return msgspec.json.decode(result) if isinstance(result, msgspec.Raw) else result


def _problem(one: Assignment, said: _Said, known: list[str]) -> Problem | None:
    if said.missing:
        near = nearest(one.worker, known)
        hint = f"did you mean `{near}`?" if near else ""
        helps = (f"workers that were imported: {', '.join(known) or 'none'}", "--require imports more")
        return Problem(f"there is no worker `{one.worker}`", place=one.place, hint=hint, helps=helps)
    if said.failed:
        message = f"the worker `{one.worker}` cannot be made: {redact(said.failed)}"
        return Problem(message, place=one.place)
    if not 1 <= said.poll_interval_ms <= POLL_INTERVAL_MS_MAX:
        message = f"the worker `{one.worker}` has a poll interval of {said.poll_interval_ms} ms"
        return Problem(message, place=one.place, helps=(f"from 1 ms to {POLL_INTERVAL_MS_MAX} ms",))
    return None
