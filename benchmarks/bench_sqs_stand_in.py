"""The stand-in for SQS beside moto, and few messages beside many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from benchmarks.measuring import Finding, at_least, at_most, figure, interleaved, python, stand_in
from benchmarks.thin_sqs import ThinQueue

_DEEP = 500
_DEEPEST = 100_000
_SERVERS = {"wire": "fakes.sqs", "moto": "benchmarks.programs.plain_moto", "mended": "fakes.sqs.moto_server"}
_COUNTS = {"wire": 2000, "moto": 30, "mended": 50}
"""As many messages as take a second or a few."""
_RUNS = 3
_LEVEL_RUNS = 51
_LEVEL_COUNT = 400
"""Many short turns, as the two are close to each other."""


def sqs_servers(_scratch: Path) -> Iterator[Finding]:
    """Our own server and moto's, with a thin client, in a queue that is always so deep."""
    with ExitStack() as stack:
        rates: dict[str, Callable[[], float]] = {
            name: partial(_filled(stack, module, _DEEP).rate, _COUNTS[name])
            for name, module in _SERVERS.items()
        }
        seen = interleaved(rates, _RUNS)
    detail = ", ".join(f"{name} {value:,.0f}/s" for name, value in seen.items())
    title = f"messages/s {_DEEP} deep, SQS stand-in / moto"
    yield at_least(title, seen["wire"] / seen["moto"], 10, "ratio", detail)
    yield figure(f"{title}, mended", seen["wire"] / seen["mended"], "ratio")


def sqs_depth(_scratch: Path) -> Iterator[Finding]:
    """Our own server with few messages and with many."""
    with ExitStack() as stack:
        few, many = interleaved(
            {
                str(depth): partial(_filled(stack, _SERVERS["wire"], depth).rate, _LEVEL_COUNT)
                for depth in (100, _DEEPEST)
            },
            _LEVEL_RUNS,
        ).values()
    title = f"cost of a message, SQS stand-in {_DEEPEST:,} / 100 deep"
    yield at_most(title, few / many, 1.2, "ratio", f"{many:,.0f}/s and {few:,.0f}/s")


def _filled(stack: ExitStack, module: str, depth: int) -> ThinQueue:
    """A queue so deep, of a server of its own."""
    queue = stack.enter_context(closing(ThinQueue(stack.enter_context(stand_in(module)), "q")))
    queue.fill(depth)
    return queue


def models(_scratch: Path) -> Iterator[Finding]:
    """The models themselves."""
    for name, title, depth in (
        ("memory", "in-memory queue", 1_000_000),
        ("sqs", "model of SQS", 1_000_000),
        ("conductor", "model of Conductor", 100_000),
    ):
        printed = python("-m", "benchmarks.programs.model_cost", name)
        few_us, many_us = map(float, printed.split())
        detail = f"{many_us:.1f} and {few_us:.1f} us of CPU"
        yield at_most(f"cost of a call, {title} {depth:,} / 100 deep", many_us / few_us, 1.2, "ratio", detail)
