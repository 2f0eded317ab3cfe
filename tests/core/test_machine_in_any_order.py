"""Whatever happens in any order, the machine keeps its promises, and ends once the faults have stopped."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cloud_tasks.core import inputs as got
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import Backoff, RetryPolicy
from fakes.queue_options import QueueOptions
from tests.core.driving import KILLED, RAISED, RETRY, RETURNED, TERMINATED
from tests.core.world import Held, Run, World

MOSTLY = st.sampled_from([True, True, True, False])
ENDS = st.sampled_from([RETURNED, RETRY, RAISED, KILLED])
PAUSES_S = st.sampled_from([0.0, 0.01, 0.5, 1.0, 3.0, 10.0])
DIALS: dict[str, st.SearchStrategy[Any]] = {
    "slots": st.integers(1, 3),
    "tasks_to_skip": st.sampled_from([0, 0, 2]),
    "max_num_tasks": st.sampled_from([None, None, 3]),
    "max_runtime_s": st.sampled_from([3.0, 20.0, 200.0]),
    "grace_s": st.sampled_from([0.0, 5.0, 30.0]),
    "unsettled_max": st.sampled_from([1, 64]),
    "starts_max": st.integers(1, 3),
    "attempts_max": st.sampled_from([None, 1, 2, 3]),
    "interruptions_max": st.sampled_from([None, None, 2]),
    "retries": st.booleans(),
    "pause_s": st.sampled_from([0.0, 5.0]),
}
LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "lease_s": st.sampled_from([4.0, 30.0]),
    "total_s": st.sampled_from([40.0, 43_200.0]),
    "renews_receipt": st.booleans(),
    "renewable": st.sampled_from([True, True, False]),
    "delay_s_max": st.sampled_from([0.0, 900.0]),
    "gather_s": st.sampled_from([0.0, 0.25]),
    "delivery_count": st.booleans(),
    "counts_interruptions": st.booleans(),
    "settles_after_expiry": st.booleans(),
    "dead_letters": st.sampled_from([True, True, False]),
}
STEPS_TO_THE_END_MAX = 5_000


def settings_from(dials: dict[str, Any]) -> MachineSettings:
    retries, pause_s = dials.pop("retries"), dials.pop("pause_s")
    policy = RetryPolicy(
        on_exit=retries,
        on_exception=retries,
        on_timeout=retries,
        attempts_max=dials.pop("attempts_max"),
        interruptions_max=dials.pop("interruptions_max"),
        backoff=Backoff(base_s=pause_s, cap_s=20.0),
    )
    return MachineSettings(idle_exit_s=5.0, retry=policy, **dials)


def queue_from(limits: dict[str, Any]) -> tuple[QueueCapabilities, QueueOptions]:
    options = QueueOptions(
        lease_s=limits["lease_s"],
        lease_s_max=limits["total_s"],
        lease_total_s_max=limits["total_s"],
        delay_s_max=limits["delay_s_max"],
        counts_interruptions=limits["counts_interruptions"],
        settles_after_expiry=limits["settles_after_expiry"],
        extend_renews_receipt=limits["renews_receipt"],
    )
    capabilities = QueueCapabilities(
        lease_s_max=limits["total_s"],
        lease_total_s_max=limits["total_s"],
        renewable=limits["renewable"],
        delay_s_max=limits["delay_s_max"],
        gather_s=limits["gather_s"],
        delivery_count=limits["delivery_count"],
        counts_interruptions=limits["counts_interruptions"],
        dead_letters=limits["dead_letters"],
    )
    return capabilities, options


class AnyOrder(RuleBasedStateMachine):
    """Facts in any order that queue, runner and sink can produce, with faults at every step."""

    @initialize(
        dials=st.fixed_dictionaries(DIALS), limits=st.fixed_dictionaries(LIMITS), tasks=st.integers(0, 6)
    )
    def begin(self, dials: dict[str, Any], limits: dict[str, Any], tasks: int) -> None:
        capabilities, options = queue_from(limits)
        self.world = World(settings_from(dict(dials)), capabilities, options, tasks)
        self.world.tell(got.Opened())

    # -- time --------------------------------------------------------------------------------------------

    @rule(pause_s=PAUSES_S)
    def time_goes_by(self, pause_s: float) -> None:
        """Nobody wakes the machine: whatever happens next finds it late."""
        self.world.now += pause_s

    @rule(offset_s=st.sampled_from([-0.001, 0.0, 0.0, 0.0, 0.001, 2.0]), times=st.integers(1, 4))
    def time_is_told(self, offset_s: float, times: int) -> None:
        """The machine is woken around the moment at which it wants to be."""
        for _ in range(times):
            moment = self.world.machine.next_wakeup()
            if moment is not None:
                self.world.now = max(self.world.now, moment + offset_s)
                self.world.tell(got.TimeReached())

    @precondition(lambda self: self.extending)
    @rule()
    def every_extension_is_granted(self) -> None:
        """Runs go on for long enough to meet everything else."""
        for held in self.extending:
            self.world.answer_extend(held, effect=True, heard=True, issued_s_ago=0.0)

    @precondition(lambda self: self.runs(started=False, ended=False))
    @rule()
    def every_run_starts(self) -> None:
        for run in self.runs(started=False, ended=False):
            self.world.run_started(run)

    # -- the queue ---------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.receive is not None and self.world.received is None)
    @rule()
    def messages_are_leased(self) -> None:
        self.world.take_messages()

    @precondition(lambda self: self.world.receive is not None)
    @rule(heard=MOSTLY)
    def the_receive_comes_back(self, heard: bool) -> None:  # noqa: FBT001
        if heard:
            if self.world.received is None:
                self.world.take_messages()
            self.world.answer_receive()
        else:
            self.world.fail_receive()

    @precondition(lambda self: self.extending)
    @rule(data=st.data(), effect=MOSTLY, heard=MOSTLY, took_s=st.sampled_from([0.0, 0.1]))
    def an_extension_comes_back(self, data: st.DataObject, effect: bool, heard: bool, took_s: float) -> None:  # noqa: FBT001
        held = data.draw(st.sampled_from(self.extending))
        self.world.answer_extend(held, effect=effect, heard=heard, issued_s_ago=took_s)

    @precondition(lambda self: self.settling)
    @rule(data=st.data(), effect=MOSTLY, heard=MOSTLY)
    def a_settlement_comes_back(self, data: st.DataObject, effect: bool, heard: bool) -> None:  # noqa: FBT001
        held = data.draw(st.sampled_from(self.settling))
        self.world.answer_settle(held, effect=effect, heard=heard)

    @precondition(lambda self: self.world.stealable())
    @rule(data=st.data(), rarely=st.integers(0, 3))
    def a_lease_is_taken_away(self, data: st.DataObject, rarely: int) -> None:
        """An operator, or a fault of the queue, ends a lease before its time."""
        if rarely == 0:
            self.world.steal(data.draw(st.sampled_from(self.world.stealable())))

    @property
    def extending(self) -> list[Held]:
        return [held for held in self.world.held.values() if held.extending is not None]

    @property
    def settling(self) -> list[Held]:
        return [held for held in self.world.held.values() if held.settling is not None]

    # -- runs --------------------------------------------------------------------------------------------

    def runs(self, *, started: bool, ended: bool) -> list[Run]:
        return [
            run
            for run in self.world.runs
            if run.alive and run.started is started and (run.end is not None) is ended
        ]

    @precondition(lambda self: self.runs(started=False, ended=False))
    @rule(data=st.data(), fails=st.sampled_from([False, False, True]))
    def a_run_starts_or_not(self, data: st.DataObject, fails: bool) -> None:  # noqa: FBT001
        run = data.draw(st.sampled_from(self.runs(started=False, ended=False)))
        if fails:
            self.world.run_failed_to_start(run)
        else:
            self.world.run_started(run)

    @precondition(lambda self: self.runs(started=True, ended=False))
    @rule(data=st.data(), end=ENDS, gone=st.booleans())
    def a_run_ends(self, data: st.DataObject, end: Any, gone: bool) -> None:  # noqa: FBT001 - drawn
        run = data.draw(st.sampled_from(self.runs(started=True, ended=False)))
        tell = self.world.run_finishes if gone else self.world.run_ends
        tell(run, TERMINATED if run.stopped_at is not None and end is RAISED else end)

    @precondition(lambda self: self.runs(started=True, ended=True))
    @rule(data=st.data())
    def a_run_is_gone(self, data: st.DataObject) -> None:
        self.world.run_goes(data.draw(st.sampled_from(self.runs(started=True, ended=True))))

    # -- events and endings ------------------------------------------------------------------------------

    @precondition(lambda self: self.world.sink)
    @rule(data=st.data())
    def events_are_stored(self, data: st.DataObject) -> None:
        self.world.store(data.draw(st.integers(1, len(self.world.sink))))

    @precondition(lambda self: self.world.requests < 3)
    @rule(rarely=st.integers(0, 15))
    def somebody_asks_for_the_end(self, rarely: int) -> None:
        if rarely == 0:
            self.world.request_shutdown()

    @rule(rarely=st.integers(0, 15), in_s=st.sampled_from([None, 0.0, 30.0, 120.0]))
    def the_machine_is_about_to_go(self, rarely: int, in_s: float | None) -> None:
        if rarely == 0:
            self.world.give_notice(in_s)

    # -- the faults have stopped -------------------------------------------------------------------------

    def teardown(self) -> None:
        """Everything answers from now on; then the machine must come to its end."""
        if not hasattr(self, "world") or self.world.broken:
            return
        for _ in range(STEPS_TO_THE_END_MAX):
            if self.world.finished is not None:
                break
            self._answer_one()
        assert self.world.finished is not None, "L3: neither progress nor an end"
        self.world.check_books()

    def _answer_one(self) -> None:
        world = self.world
        if self.extending:
            world.answer_extend(self.extending[0], effect=True, heard=True, issued_s_ago=0.0)
        elif self.settling:
            world.answer_settle(self.settling[0], effect=True, heard=True)
        elif world.sink:
            world.store(len(world.sink))
        elif run := next(iter(self.runs(started=False, ended=False)), None):
            world.run_started(run)
        elif run := next(iter(self.runs(started=True, ended=False)), None):
            world.run_ends(run, RETURNED)
        elif run := next(iter(self.runs(started=True, ended=True)), None):
            world.run_goes(run)
        elif world.receive is not None:
            self._come_back_in_time()
        else:
            moment = world.machine.next_wakeup()
            assert moment is not None, "L3: nothing is under way, and nothing is planned"
            world.now = max(world.now, moment)
            world.tell(got.TimeReached())

    def _come_back_in_time(self) -> None:
        """A long poll: for as long as it was asked to wait, unless something comes."""
        world = self.world
        assert world.receive is not None
        if world.received is None:
            world.take_messages()
        if not world.received:
            world.now = max(world.now, world.receive_issued_at + world.receive.wait_s)
        world.answer_receive()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=50, report_multiple_bugs=False)
