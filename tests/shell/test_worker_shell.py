"""The real shell and machine in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from msgspec import structs

from cloud_tasks.core.events import (
    FatalException,
    KeepAlive,
    NonFatalException,
    SpotTermination,
    TaskCompleted,
    TaskDeadLettered,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
    WorkerStarted,
    WorkerStopped,
)
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.core.task import EndKind, HandBack, Lease, Outcome, RunEnd, Task
from cloud_tasks.errors import EndOfTasks, LeaseLostError, QueueUnavailableError
from cloud_tasks.interfaces import QueueCapabilities
from cloud_tasks.queues.local import LocalQueue
from cloud_tasks.shell.calls import IN_A_ROW_MAX
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from fakes.runner import Script
from tests.shell.harness import World


class Wrapped:
    """A queue around the model, for what goes wrong between the two."""

    def __init__(self, model: InMemoryQueue) -> None:
        self.model = model

    @property
    def capabilities(self) -> QueueCapabilities:
        return self.model.capabilities

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        return await self.model.receive(tasks_max, wait_s)

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        return await self.model.extend(lease, seconds)

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        await self.model.ack(lease, outcome)

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        await self.model.nack(lease, delay_s, reason)

    async def dead_letter(self, lease: Lease, reason: str) -> None:
        await self.model.dead_letter(lease, reason)

    async def aclose(self) -> None:
        await self.model.aclose()


async def test_runs_every_task_and_stops_when_idle() -> None:
    world = World(idle_exit_s=5.0)
    await world.send("a", "b", "c")
    summary = await world.finish(world.start())
    assert summary.counts.completed == 3
    assert summary.reason == "idle"
    assert summary.exit_status == 0
    assert world.model.acked == 3
    assert [type(event) for event in (world.sink.events[0], world.sink.events[-1])] == [
        WorkerStarted,
        WorkerStopped,
    ]
    assert world.sink.closed


async def test_f19_the_event_is_stored_before_the_lease_is_settled() -> None:
    world = World(idle_exit_s=0.0)
    await world.send("a", "b", "c", "d")
    await world.finish(world.start())
    for number, task_id in enumerate(["a", "b", "c", "d"]):
        key = [line for line in world.log if line.startswith("acked")][number].split()[1]
        assert world.log.index(f"stored {task_id}") < world.log.index(f"acked {key}")


@pytest.mark.parametrize("fault", [None, RuntimeError])
async def test_f03_a_sink_that_fails_for_a_while_holds_up_settlements_and_nothing_else(
    fault: type[Exception] | None,
) -> None:
    world = World(idle_exit_s=0.0)
    await world.send("a", "b")
    world.sink.failures = 8
    if fault is not None:
        world.sink.fault = fault
    running = world.start()
    await world.run_for(5.0)
    assert world.model.acked == 0
    assert not running.done()
    summary = await world.finish(running)
    assert summary.counts.completed == 2
    assert world.model.acked == 2
    assert any("no space left" in message for message in world.watcher.messages)


async def test_f06_leases_are_renewed_while_the_sink_is_away() -> None:
    world = World(idle_exit_s=0.0, options=QueueOptions(lease_s=10.0))
    await world.send("a")
    world.sink.failures = 12
    await world.finish(world.start())
    assert len([line for line in world.log if line.startswith("delivered")]) == 1
    assert [line for line in world.log if line.startswith("extended")]
    assert world.model.acked == 1


@pytest.mark.parametrize(
    ("trouble", "tries"),
    [
        (None, 3),
        ("declines", 0),
        ("faulty", 0),
        (QueueUnavailableError("away"), 6),
        (ValueError("a fault"), 6),
        (asyncio.CancelledError(), 6),
        (LeaseLostError("somebody else has it"), 3),
    ],
    ids=str,
)
async def test_acks_that_a_queue_gathers_need_no_task_each(
    trouble: str | BaseException | None, tries: int
) -> None:
    """What it does not take is acked as ever, and what fails is tried again, unless the lease is lost."""
    world = World(idle_exit_s=5.0)

    class Batching(Wrapped):
        def __init__(self, model: InMemoryQueue) -> None:
            super().__init__(model)
            self.submitted: list[str] = []
            self.awaited = 0

        @property
        def capabilities(self) -> QueueCapabilities:
            return structs.replace(self.model.capabilities, immediate=False)

        async def ack(self, lease: Lease, outcome: Outcome) -> None:
            self.awaited += 1
            await super().ack(lease, outcome)

        def submit_ack(self, lease: Lease, outcome: Outcome) -> asyncio.Future[None] | None:
            if trouble == "declines":
                return None
            if trouble == "faulty":
                raise ValueError(trouble)
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            is_first = lease.key not in self.submitted
            self.submitted.append(lease.key)
            if isinstance(trouble, asyncio.CancelledError) and is_first:
                answer.cancel()
            elif isinstance(trouble, Exception) and is_first:
                answer.set_exception(trouble)
            else:
                acked = asyncio.ensure_future(super().ack(lease, outcome))
                acked.add_done_callback(lambda _: answer.set_result(None))
            return answer

    world.queue = queue = Batching(world.model)
    await world.send("a", "b", "c")
    summary = await world.finish(world.start())
    assert summary.counts.completed == 3
    assert len(queue.submitted) == tries
    assert queue.awaited == (0 if tries else 3)
    assert world.model.acked == (0 if isinstance(trouble, LeaseLostError) else 3)


async def test_f07_a_queue_that_fails_is_read_again() -> None:
    world = World(idle_exit_s=0.0)
    failures = 5

    class Flaky(Wrapped):
        async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise QueueUnavailableError("throttled") if failures % 2 else ConnectionResetError("gone")
            return await super().receive(tasks_max, wait_s)

    world.queue = Flaky(world.model)
    await world.send("a")
    summary = await world.finish(world.start())
    assert summary.counts.completed == 1
    assert world.clock.monotonic() > 10.0, "the pauses grow"
    assert len(world.events(NonFatalException)) == 1
    assert "throttled" in world.events(NonFatalException)[0].stack_trace or "gone" in (
        world.events(NonFatalException)[0].stack_trace
    )


async def test_f12_a_batch_that_arrives_after_the_shutdown_request_is_handed_back() -> None:
    world = World()

    class Late(Wrapped):
        """A receive that cannot be cancelled, as a call in another thread cannot."""

        async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
            inner = asyncio.ensure_future(super().receive(tasks_max, wait_s))
            while not inner.done():
                try:
                    await asyncio.shield(inner)
                except asyncio.CancelledError:
                    continue
            return inner.result()

    world.queue = Late(world.model)
    running = world.start()
    await world.run_for(1.0)
    assert world.shell is not None
    world.shell.request_shutdown("SIGTERM")
    await world.send("late")
    summary = await world.finish(running)
    assert world.watcher.started == []
    assert summary.signal == "SIGTERM"
    assert summary.exit_status == 143
    assert (await world.model.depth())["visible"] == 1
    again = await world.model.receive(1, 0.0)
    assert again[0].interruptions == 1


async def test_f11_what_the_grace_period_cuts_short_is_handed_back_and_told() -> None:
    world = World(lambda _: Script(duration_s=500.0), max_runtime_s=1000.0, grace_s=10.0)
    await world.send("a", "b", "c")
    running = world.start()
    await world.run_for(5.0)
    assert world.shell is not None
    world.shell.request_shutdown("SIGINT")
    asked_at = world.clock.monotonic()
    assert world.runner.shutdown
    summary = await world.finish(running)
    assert world.clock.monotonic() - asked_at <= 11.0
    interrupted = world.events(TaskInterrupted)
    assert [(event.task_id, event.retry, event.reason) for event in interrupted] == [
        ("a", True, "shutdown"),
        ("b", True, "shutdown"),
    ]
    assert summary.counts.interrupted == 2
    assert summary.exit_status == 130
    assert (await world.model.depth())["visible"] == 3, "handed back at once"


async def test_a_second_signal_leaves_no_time() -> None:
    world = World(lambda _: Script(duration_s=500.0, ignores_stop=True), max_runtime_s=1000.0)
    await world.send("a")
    running = world.start()
    await world.run_for(1.0)
    assert world.shell is not None
    world.shell.request_shutdown("SIGINT")
    await world.run_for(1.0)
    world.shell.request_shutdown("SIGINT")
    await world.run_for(3.0)
    summary = await world.finish(running, limit_s=1.0)
    assert summary.counts.interrupted == 1
    assert (await world.model.depth())["visible"] == 1


async def test_f14_a_malformed_message_does_not_hold_up_its_batch() -> None:
    world = World(idle_exit_s=0.0, slots=5)
    await world.send("a")
    await world.model.send_raw(b"\xff not json")
    await world.send("b")
    summary = await world.finish(world.start())
    assert summary.counts.completed == 2
    assert len(world.events(TaskDeadLettered)) == 1
    assert world.model.dead_letters[0].body == b"\xff not json"


async def test_f14_a_run_that_cannot_be_started_is_tried_again_and_handed_back() -> None:
    world = World(
        lambda spec: Script(start_failure="no more processes" if spec.task.task_id == "bad" else ""),
        max_num_tasks=3,
    )
    await world.send("bad", "a", "b")
    summary = await world.finish(world.start())
    assert summary.counts.completed == 2
    assert summary.counts.interrupted == 1
    assert "no more processes" in world.events(TaskInterrupted)[0].reason


async def test_a_task_that_runs_too_long_is_stopped_then_killed() -> None:
    world = World(
        lambda spec: Script(duration_s=50.0, ignores_stop=spec.task.task_id == "deaf"),
        max_runtime_s=10.0,
        idle_exit_s=0.0,
    )
    await world.send("deaf", "plain")
    await world.finish(world.start())
    elapsed = {event.task_id: event.elapsed_time for event in world.events(TaskTimedOut)}
    assert elapsed == {"plain": pytest.approx(10.0, abs=0.5), "deaf": pytest.approx(12.0, abs=0.5)}
    assert world.model.acked == 2, "a time-out is final unless --retry-on-timeout"


async def test_f26_a_retry_goes_back_to_the_queue_and_says_so() -> None:
    world = World(
        lambda spec: Script(end=RunEnd(kind=EndKind.EXITED, exit_code=1 if spec.attempt < 3 else 0)),
        retry=RetryPolicy(on_exit=True, attempts_max=3),
        idle_exit_s=0.0,
    )
    await world.send("a")
    await world.finish(world.start())
    assert [(event.attempt, event.retry) for event in world.events(TaskExited)] == [
        (1, True),
        (2, True),
        (3, False),
    ]
    assert world.model.acked == 0
    assert len(world.model.dead_letters) == 1


async def test_a_slot_is_free_only_when_nothing_is_left_of_the_run() -> None:
    world = World(lambda _: Script(duration_s=1.0, lingers_s=20.0), slots=1, idle_exit_s=0.0)
    await world.send("a", "b")
    running = world.start()
    await world.run_for(15.0)
    assert world.watcher.started == ["a"]
    assert world.model.acked == 1, "settled long before the slot is free"
    await world.finish(running)
    assert world.watcher.started == ["a", "b"]


async def test_a_spot_notice_lets_running_tasks_finish_until_the_machine_goes() -> None:
    world = World(
        lambda spec: Script(duration_s=30.0 if spec.task.task_id == "short" else 300.0),
        max_runtime_s=1000.0,
        notice=(10.0, 60.0),
    )
    await world.send("short", "long", "never")
    summary = await world.finish(world.start())
    assert world.runner.termination
    assert [event.instance_id for event in world.events(SpotTermination)] == ["i-1"]
    assert [event.task_id for event in world.events(TaskCompleted)] == ["short"]
    assert [(e.task_id, e.reason) for e in world.events(TaskInterrupted)] == [("long", "spot_termination")]
    assert summary.reason == "spot_termination"
    assert world.clock.monotonic() <= 71.0


async def test_keep_alive_events_name_the_instance() -> None:
    world = World(lambda _: Script(duration_s=95.0), keepalive_s=30.0, max_num_tasks=1)
    await world.send("a")
    await world.finish(world.start())
    assert [event.instance_id for event in world.events(KeepAlive)] == ["i-1"] * 4


async def test_f10_a_lease_that_cannot_be_renewed_stops_its_run_before_it_ends() -> None:
    world = World(
        lambda _: Script(duration_s=500.0),
        options=QueueOptions(lease_s=30.0),
        max_runtime_s=1000.0,
    )

    class Deaf(Wrapped):
        async def extend(self, lease: Lease, seconds: float) -> Lease:
            raise QueueUnavailableError("no answer")

    world.queue = Deaf(world.model)
    await world.send("a")
    running = world.start()
    await world.run_for(29.9)
    assert world.runner.running == []
    assert [event.reason for event in world.events(TaskInterrupted)] == ["lease_lost"]
    await world.cancel(running)


async def test_the_runs_of_leases_that_the_queue_knows_to_be_lost_end_at_once() -> None:
    world = World(lambda spec: Script(duration_s=500.0 if spec.task.task_id == "a" else 5.0))

    class Watchful(Wrapped):
        receipts: dict[str, str] = {}  # noqa: RUF012 - there is one object

        async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
            leases = await super().receive(tasks_max, wait_s)
            self.receipts.update({lease.task.task_id: lease.receipt for lease in leases})
            return leases

        def watch_leases(self, lost: Callable[[frozenset[str], str], None]) -> None:
            self.lost = lost

    world.queue = queue = Watchful(world.model)
    await world.send("a", "b")
    running = world.start()
    await world.run_for(1.0)
    queue.lost(frozenset([queue.receipts["a"]]), "the connection was lost")
    await world.run_for(10.0)
    assert [(event.task_id, event.reason) for event in world.events(TaskInterrupted)] == [("a", "lease_lost")]
    assert world.model.acked == 1
    await world.cancel(running)


async def test_a_bug_of_ours_ends_the_worker_with_a_fatal_event_instead_of_hanging() -> None:
    world = World()

    class Broken(Wrapped):
        async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
            return [None]  # type: ignore[list-item]

    world.queue = Broken(world.model)
    running = world.start()
    await world.run_for(2.0)
    with pytest.raises(AttributeError):
        running.result()
    assert len(world.events(FatalException)) == 1
    assert "Traceback" in world.events(FatalException)[0].stack_trace


async def test_cancelling_the_worker_kills_its_runs_and_closes_everything() -> None:
    world = World(lambda _: Script(duration_s=500.0))
    await world.send("a")
    running = world.start()
    await world.run_for(1.0)
    await world.cancel(running)
    assert world.runner.running == []
    assert world.sink.closed
    assert running.cancelled()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancelled_worker_tells_what_it_cuts_short_and_hands_it_back(times: int) -> None:
    world = World(lambda _: Script(duration_s=500.0))
    await world.send("a")
    running = world.start()
    await world.run_for(1.0)
    await world.cancel(running, times)
    assert running.cancelled()
    assert world.sink.closed
    if times == 1:
        assert [event.reason for event in world.events(TaskInterrupted)] == ["shutdown"]
        assert len(world.events(WorkerStopped)) == 1
        assert (await world.model.depth())["visible"] == 1


async def test_a_shutdown_request_before_the_first_receive_was_issued_ends_the_worker() -> None:
    world = World()
    await world.send("a")
    running = world.start()
    while world.shell is None or not world.sink.events:
        await asyncio.sleep(0)
        if world.shell is not None:
            world.shell.request_shutdown("SIGTERM")
            break
    summary = await world.finish(running)
    assert summary.reason == "shutdown"
    assert (await world.model.depth())["visible"] == 1


async def test_f31_steps_of_the_wall_clock_move_no_deadline_and_no_duration() -> None:
    world = World(lambda _: Script(duration_s=50.0), max_runtime_s=10.0, idle_exit_s=0.0)
    await world.send("a")
    running = world.start()
    await world.run_for(2.0)
    world.clock.step_wall(-86_400.0)
    await world.run_for(2.0)
    world.clock.step_wall(3 * 86_400.0)
    summary = await world.finish(running)
    assert world.events(TaskTimedOut)[0].elapsed_time == pytest.approx(10.0, abs=0.5)
    assert 9.0 < summary.elapsed_s < 20.0


async def test_f13_skipped_tasks_are_handed_back_at_once_and_not_run_when_they_come_again() -> None:
    world = World(tasks_to_skip=2, max_num_tasks=2, slots=1)
    await world.send("a", "b", "c", "d", "e")
    summary = await world.finish(world.start())
    assert world.watcher.started == ["c", "d"]
    assert summary.counts.skipped == 2
    depth = await world.model.depth()
    assert depth["in_flight"] == 0, "nothing is kept from others"
    assert depth["visible"] + depth["delayed"] == 3


async def test_progress_and_starts_are_shown_to_who_watches() -> None:
    world = World(max_num_tasks=1)
    await world.send("a")
    await world.finish(world.start())
    assert world.watcher.started == ["a"]


class Turns:
    """How often a neighbour on the loop had its turn."""

    def __init__(self) -> None:
        self.count = 0

    async def take(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


async def run_beside(world: World, turns: Turns) -> None:
    """A worker from its start to its end, beside a neighbour who wants every turn that there is."""
    neighbour = asyncio.ensure_future(turns.take())
    running = world.start()
    while not running.done():
        await asyncio.sleep(0.001)
        world.clock.advance(0.1)
    neighbour.cancel()


class NotedQueue(LocalQueue):
    """A source that tells of each task that it hands out, one at a time, all of them read beforehand."""

    def __init__(self, tasks: int, handed_out: Callable[[], None]) -> None:
        super().__init__([Task(f"t{number}", {}) for number in range(tasks)])
        self._handed_out_one = handed_out

    @property
    def capabilities(self) -> QueueCapabilities:
        return structs.replace(super().capabilities, batch_size_max=1)

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        return self._note(await super().receive(tasks_max, wait_s))

    def take_ready(self, tasks_max: int) -> list[Lease]:
        return self._note(super().take_ready(tasks_max))

    def _note(self, leases: list[Lease]) -> list[Lease]:
        for _ in leases:
            self._handed_out_one()
        return leases


async def test_f06_a_source_that_is_always_ready_does_not_starve_the_loop() -> None:
    world = World(tasks_to_skip=900, max_num_tasks=1, slots=1)
    turns, at_turns = Turns(), Counter[int]()

    def note() -> None:
        at_turns[turns.count] += 1

    world.queue = NotedQueue(901, note)
    await run_beside(world, turns)
    assert world.watcher.started == ["t900"]
    assert sum(at_turns.values()) == 901
    assert max(at_turns.values()) <= 2 * (IN_A_ROW_MAX + 1)


class QuickQueue:
    """Answers every receive at once, with one task, and is not one that is known to do so."""

    def __init__(self, tasks: int, asked: Callable[[], None]) -> None:
        inner = LocalQueue(())
        self.capabilities = structs.replace(inner.capabilities, batch_size_max=1)
        self.extend, self.ack, self.nack = inner.extend, inner.ack, inner.nack
        self.dead_letter, self.aclose = inner.dead_letter, inner.aclose
        self._numbers = iter(range(tasks))
        self._asked = asked

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        self._asked()
        number = next(self._numbers, None)
        if number is None:
            raise EndOfTasks
        return [Lease(Task(f"t{number}", {}), f"t{number}", "", None, 1)]


async def test_f06_a_source_that_answers_every_receive_at_once_does_not_starve_the_loop() -> None:
    world = World(tasks_to_skip=2000, max_num_tasks=1, slots=1)
    turns, turns_at_receives = Turns(), list[int]()
    world.queue = QuickQueue(2001, lambda: turns_at_receives.append(turns.count))
    await run_beside(world, turns)
    assert world.watcher.started == ["t2000"]
    assert turns_at_receives[2000] - turns_at_receives[0] >= 2000 // (IN_A_ROW_MAX + 1)


@pytest.mark.parametrize(
    ("is_local", "told"),
    [
        (False, "1 task could not be settled in time, and may come again: a"),
        (True, "what became of 1 task could not be stored, and is not known: a"),
    ],
)
async def test_what_a_full_disk_has_cost_is_told_once_and_as_it_is(*, is_local: bool, told: str) -> None:
    world = World(lambda _: Script(duration_s=5.0), grace_s=10.0)
    world.sink.failures = 1_000_000
    if is_local:
        world.queue = LocalQueue([Task("a", {})])
    else:
        await world.send("a")
    running = world.start()
    await world.run_for(20.0)
    if is_local:
        await asyncio.sleep(0.05)  # a thread reads what is local
        await world.run_for(20.0)
    assert world.shell is not None
    world.shell.request_shutdown("SIGTERM")
    summary = await world.finish(running)
    assert summary.problems == (told,)
    assert summary.exit_status == 143
    ends = [message for message in world.watcher.messages if "in good order" in message]
    assert ends == ["the record of events: not closed in good order: it took too long"]
