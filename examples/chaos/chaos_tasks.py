"""The tasks of the chaos example: which are drawn, and the one function that runs them all."""

from __future__ import annotations

import ctypes
import dataclasses
import random
import sys
from collections.abc import Iterable, Sequence
from typing import Any

# These fill the register.
import dying
import good
import hanging
import mischief
import raising
import rubbish
from cloud_tasks.worker import WorkerData
from kinds import GROUPS, KINDS, Answer, Kind

_PR_SET_NAME = 15
_FILLED_BY = (good, rubbish, raising, dying, hanging, mischief)


class UnknownKindError(ValueError):
    """A name is neither that of a kind nor that of a group."""


def choose(names: Iterable[str]) -> list[Kind]:
    """The kinds that some names stand for, "all" and names of groups among them.

    Raises:
        UnknownKindError: A name stands for nothing.
    """
    chosen: dict[str, Kind] = {}
    for name in names:
        matching = [kind for kind in KINDS.values() if name in {kind.name, kind.group, "all"}]
        if not matching:
            known = ", ".join([*GROUPS, *KINDS])
            raise UnknownKindError(f"unknown kind {name!r}; there are: all, {known}")
        chosen.update((kind.name, kind) for kind in matching)
    return list(chosen.values())


def draw(count: int, seed: int, kinds: Sequence[Kind]) -> list[dict[str, Any]]:
    """`count` tasks of these kinds, by their weights; the same seed draws the same tasks."""
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    drawn = dice.choices(kinds, weights=[kind.weight for kind in kinds], k=count)
    return _number(drawn)


def each(seed: int, kinds: Sequence[Kind]) -> list[dict[str, Any]]:
    """One task of each kind, shuffled."""
    shuffled = list(kinds)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - reproducible, not secret
    return _number(shuffled)


def _number(kinds: Iterable[Kind]) -> list[dict[str, Any]]:
    return [
        {
            "task_id": f"{number:04d}-{kind.name}",
            "data": {"kind": kind.name, "expected": dataclasses.asdict(kind.expectation)},
        }
        for number, kind in enumerate(kinds, 1)
    ]


def misbehave(
    task_id: str,
    task_data: dict[str, Any],
    worker_data: WorkerData,
) -> Answer:
    """Do what the task's kind does. Only ever to be run in a process of its own."""
    # The process, and whatever it leaves behind, shows up in lists of processes under the name of the kind.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, task_data["kind"].encode(), 0, 0, 0)
    return KINDS[task_data["kind"]].run(worker_data)
