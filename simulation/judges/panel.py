"""Which invariant is watched over by which judge, and all judges together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.task import MalformedTask
from simulation.judges.accounts import AccountsJudge
from simulation.judges.attempts import AttemptsJudge
from simulation.judges.books import Books
from simulation.judges.ending import EndingJudge
from simulation.judges.events import EventsJudge
from simulation.judges.following import FollowingJudge
from simulation.judges.judge import Bench, Judge
from simulation.judges.leaving import LeavingJudge
from simulation.judges.liveness import Closing, LivenessJudge
from simulation.judges.loading import LoadingJudge
from simulation.judges.outcomes import OutcomesJudge
from simulation.judges.overlap import OverlapJudge
from simulation.judges.rates import RatesJudge
from simulation.judges.residue import ResidueJudge
from simulation.judges.results import ResultsJudge
from simulation.judges.runs import RunsJudge
from simulation.judges.settling import SettlingJudge
from simulation.loop import SimulationLoop

if TYPE_CHECKING:
    from simulation.job.job import Job
    from simulation.world import World


class Invariant(Struct, frozen=True):
    """A promise, and who watches over it.

    Attributes:
        name: S1 to S21, L1 to L7.
        judges: Names of the classes that look at it.
        says: What it says, in a sentence.
    """

    name: str
    judges: tuple[str, ...]
    says: str


def _row(name: str, judges: str, says: str) -> tuple[str, Invariant]:
    return name, Invariant(name, tuple(judges.split()), says)


INVARIANTS: dict[str, Invariant] = dict(
    (
        _row(
            "S1",
            "OutcomesJudge FollowingJudge",
            "what is settled was durable before: outcomes, and stored events",
        ),
        _row("S2", "OutcomesJudge", "a run that a signal, a time-out or a status ended is no success"),
        _row(
            "S3",
            "AccountsJudge LoadingJudge",
            "every accepted message is settled, dead, expired or still in the queue",
        ),
        _row(
            "S4",
            "OutcomesJudge SettlingJudge AttemptsJudge ResultsJudge",
            "outcome, receipt and message belong together",
        ),
        _row("S5", "OverlapJudge", "a worker has one run of a task at most, even while an older one dies"),
        _row(
            "S6", "OverlapJudge RunsJudge", "two workers run a task at a time only outside the earlier lease"
        ),
        _row("S7", "AttemptsJudge", "each further run and each hand-back has an excuse"),
        _row(
            "S8",
            "AttemptsJudge OutcomesJudge SettlingJudge",
            "attempts keep to their budget, and pauses to their bounds; interruptions are counted apart",
        ),
        _row(
            "S9",
            "AttemptsJudge OutcomesJudge SettlingJudge FollowingJudge",
            "what is hopeless is put with the dead letters, with a reason, and nothing else; none is dropped",
        ),
        _row(
            "S10",
            "SettlingJudge AttemptsJudge",
            "a lease is extended in time, or cites an excuse; within the limits, and not after its end",
        ),
        _row("S11", "SettlingJudge", "the newest receipt is shown, and none once the lease is lost"),
        _row("S12", "SettlingJudge", "there is one verdict on a delivery, and a retry repeats it"),
        _row(
            "S13",
            "EndingJudge LeavingJudge",
            "no more is taken than there is room for, or is to be started; nothing after a notice",
        ),
        _row("S14", "EndingJudge", "a worker ends within its grace period, and hands back what it has"),
        _row(
            "S15",
            "RunsJudge EndingJudge",
            "nothing of a run is left when its worker ends, or its slot is used again",
        ),
        _row("S16", "RunsJudge", "a run ends at its deadline: SIGTERM, then SIGKILL; and not before"),
        _row(
            "S17",
            "EventsJudge FollowingJudge",
            "events follow their grammar, one for an attempt, and counters agree",
        ),
        _row("S18", "RatesJudge", "what failed or brought nothing is not asked for again at once"),
        _row(
            "S19",
            "ResidueJudge EventsJudge FollowingJudge",
            "no exception goes unseen, and no coroutine is left",
        ),
        _row("S20", "AccountsJudge", "only the holder of a lease changes what becomes of the message"),
        _row(
            "S21",
            "ResultsJudge",
            "a result that was acked is told to the server as soon as it can be, or waits for that on disk",
        ),
        _row("L1", "LivenessJudge FollowingJudge", "the queue drains"),
        _row("L2", "LivenessJudge LoadingJudge", "every accepted task is settled"),
        _row(
            "L3",
            "LivenessJudge LeavingJudge",
            "there is progress while there is work; who ends by itself is idle, or has had its number",
        ),
        _row(
            "L4",
            "RatesJudge LivenessJudge",
            "work goes on soon after an outage: who could not ask for tasks asks again within a pause",
        ),
        _row("L5", "LivenessJudge", "no task is delivered again and again"),
        _row("L6", "LivenessJudge", "every worker ends when asked to"),
        _row("L7", "LivenessJudge", "no task waits for ever behind others; a part of L1, within its bound"),
    )
)
"""Every invariant, by name."""


class Surroundings(Struct, frozen=True):
    """What judges know beside the history.

    Attributes:
        settings: What every worker is told.
        counts: How many messages are in each place, as the queue says at the end.
        is_malformed: Whether the message of that key holds no task.
        loop: Where everything ran; None where that cannot be looked at.
        closing: How the run comes to its end.
        job: The monitor and the producer; None where there are none.
    """

    settings: MachineSettings
    counts: Callable[[], Mapping[str, int]]
    is_malformed: Callable[[str], bool]
    loop: SimulationLoop | None
    closing: Closing
    job: Job | None = None


def all_judges(bench: Bench, world: World) -> list[Judge]:
    """Every judge there is."""
    tasks = world.broker.tasks
    surroundings = Surroundings(
        settings=world.fleet.settings,
        counts=world.broker.counts,
        is_malformed=lambda key: isinstance(tasks[key], MalformedTask),
        loop=world.loop,
        closing=world,
        job=world.job,
    )
    return panel(bench, surroundings)


def panel(bench: Bench, surroundings: Surroundings) -> list[Judge]:
    """Every judge; the books come first, because the others read in them."""
    queue, settings = bench.plan.queue, surroundings.settings
    books = Books(settings.starts_max)
    judges: list[Judge] = [
        books,
        AccountsJudge(bench, books, surroundings.counts),
        AttemptsJudge(bench, books, settings, queue, surroundings.is_malformed),
        OverlapJudge(bench, books, settings.stop_s),
        OutcomesJudge(bench, books, settings),
        SettlingJudge(bench, books, queue, settings),
        RunsJudge(bench, books, settings),
        EndingJudge(bench, books, settings),
        LeavingJudge(bench, books, settings),
        EventsJudge(bench, books),
        RatesJudge(bench, books, settings),
        LivenessJudge(bench, books, surroundings.closing),
    ]
    if bench.plan.backend.decides_retries:
        judges.append(ResultsJudge(bench, books, surroundings.closing))
    if surroundings.loop is not None:
        left_of_job = list if surroundings.job is None else surroundings.job.left_behind
        judges.append(ResidueJudge(bench, books, surroundings.loop, left_of_job))
    if surroundings.job is not None:
        judges += _of_job(bench, surroundings.job)
    return judges


def _of_job(bench: Bench, job: Job) -> list[Judge]:
    """Those that read the task database."""
    judges: list[Judge] = []
    plan, setting = bench.plan.monitor, job.setting
    if plan is not None:
        output = setting.output if plan.output_file else None
        judges.append(FollowingJudge(bench, setting.database, output, lambda: job.followed))
    if job.producers is not None:
        judges.append(LoadingJudge(bench, setting.database))
    return judges
