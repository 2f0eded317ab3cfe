"""`World`: one run of a plan, from the first worker to the last verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import Backoff, RetryPolicy
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock
from cloud_tasks.task_app.options import RETRY_JITTER
from simulation.backends import Site, open_backend
from simulation.clocks import drawn_rate
from simulation.fault_source import FaultSource
from simulation.faults import Chances
from simulation.fleet import RESTART_S, Dwelling, Fleet
from simulation.history import History
from simulation.hosts import Host
from simulation.job.job import JOB_TIMED, Job, open_job
from simulation.link import SLOW_S_MAX
from simulation.loop import STEPS_AT_ONCE_MAX, SimulationLoop, StandstillError
from simulation.plan import RunPlan, WorkerPlan
from simulation.schedule import InTurn, PctSchedule, RandomSchedule, Schedule
from simulation.scripts import SLOW_START_S_MAX, Scripts
from simulation.shares import share_of
from simulation.sink import SLOW_S_MAX as SINK_SLOW_S_MAX
from simulation.sink import SimulatedSink
from simulation.streams import Streams
from simulation.strikes import TIMED, Strikes
from simulation.weather import Weather

_TIMED = {*TIMED, *JOB_TIMED}
_PATIENCE_S = 120.0
"""The longest pauses of the worker between tries, and some slack."""
_END_S = 6.0
"""From the end of the grace period to the last sign of life: five seconds to let go, and some slack."""


class World:
    """Everything there is, for one run.

    Args:
        plan: What the run follows from.
        keep: Whether to keep every happening.
        loop: Time, where there are other worlds beside this one; None: its own.

    Attributes:
        loop: Time.
        faults: What goes wrong.
        history: What can be seen.
        broker: The queue.
        fleet: The workers.
        weather: What lies on the way to the queue.
        job: The event queue, the monitor and the producer; None where the plan has none of them.
        quiet_at: When the faults stopped, on true time; infinite while they have not.
        settled: Whether every task was settled within the bound, once the faults had stopped.
        ended: Whether every worker ended in time when it was asked to.
        cut: Whether the run was cut short, so that nothing can be said of its end.
        standstill: Why it was, where somebody would have gone on for ever without any time going by.
    """

    def __init__(self, plan: RunPlan, *, keep: bool = False, loop: SimulationLoop | None = None) -> None:
        self.plan = plan
        messages = plan.workload.tasks + plan.workload.malformed  # which may all be sent at once, a step each
        self.loop = loop or SimulationLoop(
            _schedule(plan, plan.seed), steps_at_once_max=STEPS_AT_ONCE_MAX + messages
        )
        self.history = History(keep=keep)
        self.faults = FaultSource(
            Chances(plan.seed, plan.odds), tuple(fault for fault in plan.faults if fault.kind not in TIMED)
        )
        self.weather = Weather()
        site = Site(plan, self.loop, self.faults, self.history, self.weather)
        self.broker = open_backend(site)
        self.job = open_job(site, self.broker)
        self.scripts = Scripts(plan, self.faults)
        self.fleet = Fleet(
            self.loop,
            self.history,
            machine_settings(plan.worker),
            self._dwelling,
            self.scripts.script,
            rate=partial(drawn_rate, self.faults),
        )
        self._strikes = Strikes(plan, self.loop, self.faults, self.fleet, self.weather)
        self.quiet_at = math.inf
        self.settled = self.ended = self.cut = False
        self.standstill: StandstillError | None = None
        self._to_send = 0

    # -- the run -----------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Live through the plan; returns whether all tasks were settled in time, and every worker ended."""
        try:
            return self._run()
        except StandstillError as error:
            self.cut, self.standstill = True, error
            return False

    def _run(self) -> bool:
        self.plan_tasks()
        self.plan_strikes()
        if self.job is not None:
            self.job.begin()
            if self.job.producers is not None:
                self.fleet.meant = self.job.producers.twins.tell
        for _ in range(self.plan.worker.workers):
            self.fleet.start()
        if self.plan.redraw is not None:
            self.loop.at(self.loop.world, self.plan.redraw.at_s, self._draw_anew, self.plan.redraw.seed)
        last_s = max((fault.at_s for fault in self.plan.faults if fault.kind in _TIMED), default=0.0)
        # Once all is settled, and nothing that strikes by time is left to come, there is nothing more to see.
        self._run_until(lambda: self.loop.now > last_s and self.all_settled(), self.plan.faults_s)
        return not self.cut and self._come_right()

    def _come_right(self) -> bool:
        """Without faults from now on."""
        self.come_to_rest()
        settled = self._run_until(self.all_settled, self.liveness_bound_s())
        ended = self._end_workers()
        if not self.cut:
            self.loop.run_until(self.loop.now + self.plan.queue.lease_s + _END_S)
        if self.job is not None:
            self.job.followed = self._follow_to_the_end(self.job)
        self.settled, self.ended = settled, ended
        return settled and ended

    def _follow_to_the_end(self, job: Job) -> bool:
        """Whatever was told is taken in, and the monitor ends when it is asked to."""
        job.stay()
        followed = self._run_until(lambda: job.is_followed, job.following_bound_s)
        job.end()
        return self._run_until(lambda: job.is_over, 2 * SLOW_S_MAX) and followed

    def cut_short(self) -> None:
        """Let it be enough after this step: all that was to be seen has been."""
        self.cut = True
        self.loop.stop()

    def close(self) -> None:
        """Forget everything that still waits."""
        self.loop.close()
        self.broker.close()
        if self.job is not None:
            self.job.close()

    def all_settled(self) -> bool:
        """Whether nothing is left of the tasks but what became of them."""
        loaded = self.job is None or self.job.is_loaded
        return loaded and not self._to_send and self.broker.is_empty()

    def liveness_bound_s(self) -> float:
        """How long it may take, from the end of the faults, until every task is settled."""
        plan, worker = self.plan, self.plan.worker
        attempts = worker.max_attempts or 1
        messages = plan.workload.tasks + plan.workload.malformed
        rounds = worker.rounds_of(messages) + 1
        one_s = worker.max_runtime_s + 10.0 + 2 * SLOW_S_MAX
        if worker.leaves_by_itself:
            one_s += RESTART_S
        return (
            plan.queue.lease_s
            + _PATIENCE_S
            + 2 * SLOW_S_MAX
            + SINK_SLOW_S_MAX
            + SLOW_START_S_MAX
            + plan.workload.over_s
            + (0.0 if self.job is None else self.job.loading_bound_s)
            + (attempts + 1) * worker.longest_retry_delay_s
            + rounds * attempts * one_s
        )

    def _run_until(self, done: Callable[[], bool], bound_s: float) -> bool:
        limit = self.loop.now + bound_s
        step_s = 1.0
        while not done():
            if self.cut or self.loop.now >= limit:
                return False
            self.loop.run_until(min(limit, self.loop.now + step_s))
            step_s = min(step_s * 1.5, 30.0)
        return True

    def _end_workers(self) -> bool:
        """Ask all to end, and wait for as long as they may take."""
        self.fleet.restarts = False
        for worker in self.fleet.workers:
            self.fleet.terminate(worker)
        return self._run_until(
            lambda: not any(worker.running for worker in self.fleet.workers),
            self.plan.worker.shutdown_grace_period_s + _END_S,
        )

    def _draw_anew(self, seed: int) -> None:
        """What has been left to chance follows from another seed, from now on."""
        self.faults.draw_anew(seed)
        self.loop.schedule = _schedule(self.plan, seed)

    # -- what is planned ---------------------------------------------------------------------------------

    def plan_tasks(self) -> None:
        """Have the tasks come when they are to."""
        workload = self.plan.workload
        loaded = workload.tasks if self.job is not None and self.job.producers is not None else 0
        self._to_send = workload.tasks + workload.malformed - loaded
        numbers = range(loaded, workload.tasks + workload.malformed)
        if not workload.over_s:
            for number in numbers:
                self.loop.at(self.loop.world, 0.0, self._send, number)
            return
        seed, over_s = self.plan.seed, workload.over_s
        self._await_next(
            iter(sorted((share_of(seed, "arrival", number) * over_s, number) for number in numbers))
        )

    def _await_next(self, arrivals: Iterator[tuple[float, int]]) -> None:
        """One timer for all that are to come: a million of them would be in the way of all others."""
        for moment, number in arrivals:
            self.loop.at(self.loop.world, moment, self._send_and_go_on, number, arrivals)
            return

    def _send_and_go_on(self, number: int, arrivals: Iterator[tuple[float, int]]) -> None:
        self._send(number)
        self._await_next(arrivals)

    def plan_strikes(self) -> None:
        """Have the faults come that strike at a time."""
        self._strikes.plan()

    def _send(self, number: int) -> None:
        self._to_send -= 1
        if number < self.plan.workload.tasks:
            self.broker.put(Task(f"task-{number + 1}", {}))
        else:
            self.broker.put_raw(b"no task at all")

    def come_to_rest(self) -> None:
        """Nothing goes wrong from now on."""
        self.quiet_at = self.loop.now
        self.faults.stop()
        self.weather.clear()
        if self.job is not None:
            self.job.stop_faults()
        for worker in self.fleet.workers:
            self.fleet.go_on(worker)

    # -- what a worker works with ------------------------------------------------------------------------

    def _dwelling(self, host: Host, clock: Clock) -> Dwelling:
        def sink(history: History) -> SimulatedSink:
            return SimulatedSink(
                self.loop,
                host,
                self.faults,
                history,
                full_until=lambda: self.weather.full_until.get(host.name, 0.0),
            )

        events = sink(self.history) if self.job is None else self.job.sink(host, sink)
        return Dwelling(self.broker.queue(host, clock), events)


def machine_settings(worker: WorkerPlan) -> MachineSettings:
    """What the machine of every worker is told."""
    return MachineSettings(
        slots=worker.num_simultaneous_tasks,
        max_runtime_s=worker.max_runtime_s,
        grace_s=worker.shutdown_grace_period_s,
        retry=RetryPolicy(
            on_exit=worker.retry_on_exit,
            on_exception=worker.retry_on_exception,
            on_timeout=worker.retry_on_timeout,
            attempts_max=worker.max_attempts,
            interruptions_max=worker.max_interruptions,
            keep_failed=worker.keep_failed,
            backoff=_retry_backoff(worker),
        ),
        max_num_tasks=worker.max_num_tasks,
        idle_exit_s=worker.exit_when_empty_s,
        unsettled_max=worker.num_simultaneous_tasks + 64,
    )


def _retry_backoff(worker: WorkerPlan) -> Backoff:
    """As workers of task functions have it."""
    return Backoff(
        base_s=worker.retry_delay_s,
        cap_s=worker.longest_retry_delay_s,
        factor=2.0 if worker.retry_strategy == "exponential" else 1.0,
        jitter=RETRY_JITTER,
    )


def _schedule(plan: RunPlan, seed: int) -> Schedule:
    if plan.policy == "random":
        return RandomSchedule(Streams(seed).of("schedule"))
    if plan.policy == "pct":
        return PctSchedule(Streams(seed).of("schedule"))
    return InTurn()
