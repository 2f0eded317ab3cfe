"""The computation of descriptor limits, and the limit of this very process."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.runners.descriptors import FILES_BESIDE, FILES_PER_SLOT, Limits, Room, check_slots
from cloud_tasks.runners.pool import PoolRunner
from cloud_tasks.runners.process import ProcessRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData

INFINITE = resource.RLIM_INFINITY
SMALL = 300


@pytest.mark.parametrize(
    ("soft", "hard", "slots", "platform", "expected"),
    [
        (1024, 524288, 300, "linux", 2656),
        (1024, 2000, 300, "linux", 2000),
        (1024, 524288, 10, "linux", 1024),  # enough, and never lowered
        (1024, INFINITE, 300, "linux", 2656),
        (INFINITE, INFINITE, 300, "linux", INFINITE),
        (256, INFINITE, 300, "darwin", 2656),
        (256, INFINITE, 5000, "darwin", 10240),
        (256, 20000, 5000, "darwin", 10240),
        (256, 4096, 5000, "darwin", 4096),
        (12000, INFINITE, 5000, "darwin", 12000),
        (INFINITE, INFINITE, 5000, "darwin", INFINITE),
    ],
)
def test_the_soft_limit_rises_as_far_as_is_needed_and_allowed(
    soft: int, hard: int, slots: int, platform: str, expected: int
) -> None:
    assert Limits(soft, hard).soft_for(slots, platform) == expected


def test_slots_that_just_fit_are_not_refused() -> None:
    slots = 20

    check_slots(slots, FILES_BESIDE + FILES_PER_SLOT * slots)
    check_slots(slots, INFINITE)
    with pytest.raises(ConfigurationError, match="20 tasks at a time need 164 descriptors") as caught:
        check_slots(slots, FILES_BESIDE + FILES_PER_SLOT * slots - 1)

    assert caught.value.problems[0].helps[0] == "run at most 19 tasks at a time here"


@pytest.mark.parametrize("soft", [0, 10, FILES_BESIDE, FILES_BESIDE + FILES_PER_SLOT - 1])
def test_where_not_even_one_slot_fits_no_number_is_recommended(soft: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_slots(1, soft)

    assert not any("at most" in text for text in caught.value.problems[0].helps)


@pytest.fixture
def most() -> Iterator[int]:
    """As far as the limit can be raised, while it is small."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SMALL, hard))
    most = Limits(SMALL, hard).most()
    assert most is not None
    yield most
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def soft_now() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_runners_of_one_process_add_up(most: int) -> None:
    room = Room()

    room.take(50)
    assert soft_now() == 656
    room.take(60)
    assert soft_now() == 1136
    room.give_back(50)
    room.take(30)
    assert soft_now() == 1136  # there was room for them


def test_what_was_refused_takes_no_room(most: int) -> None:
    room = Room()

    with pytest.raises(ConfigurationError):
        room.take(most)

    room.take(1)  # would not fit beside them


def test_a_supervisor_is_not_refused(most: int) -> None:
    Room().take(most, refuses=False)

    assert soft_now() == most


async def test_a_runner_that_is_closed_gives_its_room_back(most: int) -> None:
    data = WorkerData()
    data.num_simultaneous_tasks = slots = (most - FILES_BESIDE) // FILES_PER_SLOT - 1
    program = Program(print, data)

    for _ in range(2):  # twice that many would not fit
        runner = ProcessRunner(program, output=lambda *_: True)
        await runner.open()
        await runner.aclose()
        await runner.aclose()

    with pytest.raises(ConfigurationError, match="tasks at a time need"):
        await PoolRunner(program, slots + 2, output=lambda *_: True).open()
