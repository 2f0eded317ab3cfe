"""The model of Conductor against a naive one: any sequence of calls gives the same answers."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fakes.clock import VirtualClock
from fakes.conductor import ConductorService
from fakes.conductor.values import ResultStatus, Task, TaskResult

OPEN = ("SCHEDULED", "IN_PROGRESS")
picks = st.integers(0, 8)


class Plain:
    """A task of the naive model: from a moment on it can be polled, or is overdue."""

    def __init__(self, workflow: str, domain: str | None, retries: int, scheduled_at: float) -> None:
        self.workflow = workflow
        self.domain = domain
        self.retries = retries
        self.status = "SCHEDULED"
        self.task_id = ""
        self.scheduled_at = scheduled_at
        self.visible_at = scheduled_at
        self.started_at = math.inf
        self.heard_at = math.inf
        self.polls = 0


class ServiceMachine(RuleBasedStateMachine):
    """Times are whole seconds, and every deadline is looked at by itself."""

    @initialize(
        retry_count=st.integers(0, 2),
        retry_delay_s=st.sampled_from([0, 3]),
        silence_s=st.integers(1, 6),
        length_s=st.sampled_from([0, 6, 9]),
    )
    def start(self, retry_count: int, retry_delay_s: int, silence_s: int, length_s: int) -> None:
        self.clock = VirtualClock()
        self.service = ConductorService(self.clock)
        self.service.define_task(
            "a",
            retry_count=retry_count,
            retry_delay_seconds=retry_delay_s,
            response_timeout_seconds=silence_s,
            timeout_seconds=length_s,
            timeout_policy="RETRY",
        )
        self.retry_count, self.retry_delay_s = retry_count, retry_delay_s
        self.silence_s, self.length_s = silence_s, length_s or math.inf
        self.tasks: list[Plain] = []
        self.workflows: dict[str, str] = {}
        self.handed_out: list[tuple[Plain, Task]] = []

    # --- The naive model

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def overdue_at(self, plain: Plain) -> float:
        if plain.status not in OPEN:
            return math.inf
        delay_s = self.retry_delay_s if plain.retries else 0
        silent = plain.heard_at + self.silence_s if plain.status == "IN_PROGRESS" else math.inf
        return min(silent, plain.started_at + delay_s + self.length_s)

    def catch_up(self) -> None:
        while self.tasks and (moment := min(map(self.overdue_at, self.tasks))) <= self.now:
            for plain in list(self.tasks):
                if self.overdue_at(plain) == moment:
                    self.end(plain, "TIMED_OUT", moment)

    def end(self, plain: Plain, status: str, at: float) -> None:
        plain.status = status
        if status == "COMPLETED":
            self.workflows[plain.workflow] = "COMPLETED"
        elif status in ("FAILED", "TIMED_OUT") and plain.retries < self.retry_count:
            again = Plain(plain.workflow, plain.domain, plain.retries + 1, at)
            again.visible_at = at + self.retry_delay_s
            self.tasks.append(again)
        else:
            self.workflows[plain.workflow] = "TIMED_OUT" if status == "TIMED_OUT" else "FAILED"

    def ready(self, domain: str | None) -> list[Plain]:
        self.catch_up()
        return [
            plain
            for plain in self.tasks
            if plain.status == "SCHEDULED" and plain.domain == domain and plain.visible_at <= self.now
        ]

    def known(self, task: Task) -> Plain:
        """The naive form of a task, by its workflow and its number of retries."""
        key = task.workflow_instance_id, task.retry_count
        (plain,) = [each for each in self.tasks if (each.workflow, each.retries) == key]
        assert plain.task_id in ("", task.task_id)
        plain.task_id = task.task_id
        return plain

    # --- What may happen

    @rule(domain=st.sampled_from([None, None, "d"]))
    def start_task(self, domain: str | None) -> None:
        task = self.service.start_task("a", domain=domain)
        self.workflows[task.workflow_instance_id] = "RUNNING"
        self.tasks.append(Plain(task.workflow_instance_id, domain, 0, self.now))

    @rule(domain=st.sampled_from([None, None, "d"]), count=st.integers(1, 4))
    def poll(self, domain: str | None, count: int) -> None:
        ready = self.ready(domain)
        taken = [(self.known(task), task) for task in self.service.polling.take("a", "w", domain, count)]
        assert len(taken) == min(count, len(ready))
        oldest = sorted(plain.visible_at for plain in ready)[: len(taken)]
        assert sorted(plain.visible_at for plain, _ in taken) == oldest
        for plain, task in taken:
            assert plain in ready
            plain.polls += 1
            assert task.poll_count == plain.polls
            plain.status, plain.heard_at = "IN_PROGRESS", self.now
            plain.started_at = min(plain.started_at, self.now)
            self.handed_out.append((plain, task))

    @rule(pick=picks, status=st.sampled_from(ResultStatus), delay_s=st.sampled_from([0, 2, 20]))
    def update(self, pick: int, status: ResultStatus, delay_s: int) -> None:
        if pick >= len(self.handed_out):
            return
        plain, task = self.handed_out[-1 - pick]
        result = TaskResult(task.workflow_instance_id, task.task_id, status, callback_after_seconds=delay_s)
        self.service.update_task(result)
        self.catch_up()
        if plain.status not in OPEN:
            return
        if status is ResultStatus.IN_PROGRESS:
            plain.status, plain.visible_at = "SCHEDULED", self.now + delay_s
        else:
            self.end(plain, status.value, self.now)

    @rule(pick=picks)
    def extend(self, pick: int) -> None:
        if pick < len(self.handed_out):
            plain, task = self.handed_out[-1 - pick]
            self.service.update_task(TaskResult(task_id=task.task_id, extend_lease=True))
            self.catch_up()
            plain.heard_at = self.now

    @rule(pick=picks)
    def terminate(self, pick: int) -> None:
        self.catch_up()
        running = [name for name, status in self.workflows.items() if status == "RUNNING"]
        if pick < len(running):
            self.service.terminate_workflow(running[pick])
            self.workflows[running[pick]] = "TERMINATED"
            for plain in self.tasks:
                if plain.workflow == running[pick] and plain.status in OPEN:
                    plain.status = "CANCELED"

    @rule(seconds=st.sampled_from([1, 1, 2, 3, 5, 30]))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    # --- What must hold

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "service"):
            return
        self.catch_up()
        for domain in (None, "d"):
            of_domain = [plain for plain in self.tasks if plain.domain == domain]
            waiting = sum(plain.status == "SCHEDULED" for plain in of_domain)
            assert self.service.queue_size("a", domain) == waiting
            assert self.service.polling.ready_count("a", domain) == len(self.ready(domain))
        for name, status in self.workflows.items():
            execution = self.service.workflow(name)
            mine = [plain.status for plain in self.tasks if plain.workflow == name]
            assert execution.status == status
            assert [live.shown.status.value for live in execution.tasks] == mine


TestService = ServiceMachine.TestCase
TestService.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
