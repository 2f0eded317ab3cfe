from __future__ import annotations

import json
import math
import traceback
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.core.events import (
    Event,
    FatalException,
    KeepAlive,
    NonFatalException,
    TaskCompleted,
    TaskDeadLettered,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
)
from cloud_tasks.summary import (
    FailureGroup,
    OutcomeCounts,
    SlowTask,
    Summary,
    SummaryBuilder,
    headline,
    headline_of_event,
)
from cloud_tasks.summary.failures import GROUPS_MAX
from cloud_tasks.summary.run_times import EXACT_MAX, RunTimesBuilder


def completed(task_id: str = "t", elapsed_s: float = 1.0, *, retry: bool = False) -> TaskCompleted:
    return TaskCompleted(
        task_id=task_id, elapsed_time=elapsed_s, retry=retry, attempt=1, result=None, retry_requested=retry
    )


def raised(exception: str, task_id: str = "t", *, retry: bool = False, kind: str = "raised") -> TaskException:
    return TaskException(
        task_id=task_id, elapsed_time=2.0, retry=retry, attempt=1, exception=exception, exception_kind=kind
    )


def exited(
    *, exit_code: int = -9, signal: str = "SIGKILL", oom_killed: bool = False, stderr_tail: str = ""
) -> TaskExited:
    return TaskExited(
        task_id="t",
        elapsed_time=3.0,
        retry=False,
        attempt=1,
        exit_code=exit_code,
        signal=signal,
        oom_killed=oom_killed,
        peak_memory_bytes=None,
        stderr_tail=stderr_tail,
    )


def timed_out(*, retry: bool = False) -> TaskTimedOut:
    return TaskTimedOut(task_id="t", elapsed_time=4.0, retry=retry, attempt=1, stderr_tail="")


def interrupted(reason: str = "shutdown", *, retry: bool = False) -> TaskInterrupted:
    return TaskInterrupted(task_id="t", elapsed_time=5.0, retry=retry, attempt=1, reason=reason)


def dead_lettered() -> TaskDeadLettered:
    return TaskDeadLettered(task_id="t", elapsed_time=0.0, retry=False, attempt=1, reason="not a task")


def build(*events: Event, reason: str = "exhausted", elapsed_s: float = 10.0, signal: str = "") -> Summary:
    builder = SummaryBuilder()
    for event in events:
        builder.add(event)
    return builder.build(worker_id="w", reason=reason, elapsed_s=elapsed_s, signal=signal)


class TestCounts:
    def test_each_outcome_is_counted(self) -> None:
        summary = build(
            completed(),
            completed(),
            raised("x"),
            timed_out(),
            exited(),
            interrupted(),
            dead_lettered(),
            KeepAlive(instance_id="i"),
        )
        assert summary.counts == OutcomeCounts(
            completed=2, exception=1, timed_out=1, exited=1, interrupted=1, dead_lettered=1
        )
        assert summary.failed == 4
        assert summary.finished == 5
        assert summary.throughput_per_s == 0.5

    def test_what_goes_back_to_the_queue_has_not_failed(self) -> None:
        summary = build(
            raised("x", retry=True), timed_out(retry=True), completed(retry=True), interrupted(retry=True)
        )
        assert (summary.failed, summary.retried, summary.unfinished) == (0, 3, 0)

    def test_what_has_no_event_is_told_at_the_end(self) -> None:
        builder = SummaryBuilder()
        builder.add(interrupted())
        builder.add(FatalException(exception="the source failed", stack_trace=""))
        builder.add(NonFatalException(exception="a hiccup", stack_trace=""))
        summary = builder.build(
            worker_id="w",
            reason="shutdown",
            elapsed_s=1,
            tasks_total=9,
            skipped=2,
            unfinished=3,
            problems=["p"],
        )
        assert summary.counts.skipped == 2
        assert summary.unfinished == 4
        assert summary.tasks_total == 9
        assert summary.problems == ("the source failed", "p")
        assert summary.errors_survived == 1

    def test_no_time_at_all_is_no_division_by_zero(self) -> None:
        assert build(elapsed_s=0.0).throughput_per_s == 0.0


class TestF32ExitStatus:
    def test_f32_all_well(self) -> None:
        assert build(completed(), raised("x", retry=True)).exit_status == 0

    @pytest.mark.parametrize("event", [raised("x"), timed_out(), exited(), dead_lettered(), interrupted()])
    def test_f32_one_failed_or_unfinished_task(self, event: Event) -> None:
        assert build(completed(), event).exit_status == 1

    def test_f32_a_fatal_exception(self) -> None:
        assert build(FatalException(exception="x", stack_trace="")).exit_status == 1

    def test_f32_a_source_that_failed(self) -> None:
        assert build(completed(), reason="source_failed").exit_status == 1

    def test_f32_a_lost_lease_is_somebody_elses_task(self) -> None:
        assert build(interrupted("lease_lost")).exit_status == 0

    @pytest.mark.parametrize(("signal", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 1)])
    def test_f32_signals(self, signal: str, status: int) -> None:
        assert build(completed(), reason="shutdown", signal=signal).exit_status == status


class TestRunTimes:
    def test_none_if_nothing_ran(self) -> None:
        assert build(interrupted(), dead_lettered()).run_times is None

    def test_small_numbers_are_exact(self) -> None:
        times = build(*(completed(elapsed_s=float(number)) for number in range(100, 0, -1))).run_times
        assert times is not None
        assert (times.min_s, times.mean_s, times.max_s) == (1, 50.5, 100)
        assert (times.median_s, times.p90_s, times.p95_s, times.p99_s) == (50, 90, 95, 99)

    @given(
        st.lists(st.floats(0, 1e5), min_size=1, max_size=50),
        st.sampled_from([1, 100, 1000]),
    )
    def test_large_numbers_are_near(self, values: list[float], times_over: int) -> None:
        builder = RunTimesBuilder()
        many = values * times_over
        for value in many:
            builder.add(value)
        times = builder.build()
        assert times is not None
        many.sort()
        for share, found in (
            (0.5, times.median_s),
            (0.9, times.p90_s),
            (0.95, times.p95_s),
            (0.99, times.p99_s),
        ):
            expected = many[math.ceil(share * len(many)) - 1]
            assert found == pytest.approx(expected, rel=0.001, abs=1e-9)
            assert times.min_s <= found <= times.max_s
        assert (times.min_s, times.max_s) == (many[0], many[-1])
        assert times.mean_s == pytest.approx(math.fsum(many) / len(many))

    def test_it_can_be_asked_more_than_once(self) -> None:
        builder = RunTimesBuilder()
        builder.add(1.0)
        first = builder.build()
        assert first is not None
        assert first.median_s == 1.0
        builder.add(3.0)
        second = builder.build()
        assert second is not None
        assert second.mean_s == 2.0

    def test_the_slowest_are_kept_in_order_the_earlier_first(self) -> None:
        events = [completed(f"t{number}", elapsed_s=float(number % 20)) for number in range(60)]
        summary = build(*events)
        assert [task.task_id for task in summary.slowest] == [
            f"t{number}" for number in (19, 39, 59, 18, 38, 58, 17, 37, 57, 16)
        ]
        assert summary.slowest[0] == SlowTask("t19", 19.0, "completed")


def fail(error: Exception) -> None:
    raise error


def traceback_of(error: Exception) -> str:
    with pytest.raises(type(error)) as caught:
        fail(error)
    return "".join(traceback.format_exception(caught.value))


def chained() -> str:
    try:
        try:
            raise KeyError("inner")  # noqa: TRY301 - the chain is the point
        except KeyError as error:
            raise RuntimeError("outer") from error
    except RuntimeError as caught:
        return "".join(traceback.format_exception(caught))


class TestHeadline:
    @pytest.mark.parametrize(
        ("text", "error", "message"),
        [
            (traceback_of(ValueError("bad value")), "ValueError", "bad value"),
            (traceback_of(ValueError("first\nsecond")), "ValueError", "first"),
            (traceback_of(ValueError()), "ValueError", ""),
            (
                traceback_of(json.JSONDecodeError("no", "doc", 0)),
                "JSONDecodeError",
                "no: line 1 column 1 (char 0)",
            ),
            (traceback_of(SyntaxError("bad", ("f.py", 1, 2, "x y", 1, 3))), "SyntaxError", "bad"),
            (
                traceback_of(ExceptionGroup("many", [ValueError("a")])),
                "ExceptionGroup",
                "many (1 sub-exception)",
            ),
            (chained(), "RuntimeError", "outer"),
            ("returned 3, not (bool, result)\nmore", "", "returned 3, not (bool, result)"),
            ("", "", ""),
            ("Traceback (most recent call last):\n", "", ""),
            ("Traceback (most recent call last):\n  File x\n???", "", "???"),
        ],
    )
    def test_what_was_raised(self, text: str, error: str, message: str) -> None:
        assert headline(text) == (error, message)

    def test_f30_an_exit_is_named_by_its_signal(self) -> None:
        assert headline_of_event(exited()).text == "SIGKILL"
        assert headline_of_event(exited(oom_killed=True)).text == "SIGKILL (out of memory)"
        ended = exited(exit_code=3, signal="", stderr_tail="one\nlast words\n")
        assert headline_of_event(ended).text == "exit status 3: last words"

    def test_f28_a_wrong_return_is_named_as_such(self) -> None:
        event = raised("returned 'ab', not (bool, result)", kind="wrong_return")
        assert headline_of_event(event).text == "wrong_return: returned 'ab', not (bool, result)"


class TestFailures:
    def test_the_same_failure_is_one_group(self) -> None:
        text = traceback_of(ValueError("bad"))
        summary = build(raised(text, "a"), exited(), raised(text, "b"), raised(text, "c"))
        assert summary.failures == (
            FailureGroup("exception", "ValueError", "bad", 3, "a"),
            FailureGroup("exited", "SIGKILL", "", 1, "t"),
        )

    def test_groups_are_bounded_and_none_is_uncounted(self) -> None:
        lines = [
            f"Traceback (most recent call last):\nE{number % 150}: message {number}" for number in range(5000)
        ]
        summary = build(*(raised(line) for line in lines))
        assert len(summary.failures) <= 2 * GROUPS_MAX + 1
        assert sum(group.count for group in summary.failures) == 5000
        assert summary.failures[0].count > 1


def test_json_is_one_line_with_everything() -> None:
    summary = build(completed(), raised("x"))
    text = summary.to_json()
    assert b"\n" not in text
    fields = json.loads(text)
    assert fields["exit_status"] == 1
    assert fields["throughput_per_s"] == 0.2
    assert fields["counts"]["completed"] == 1
    assert fields["run_times"]["max_s"] == 2.0
    assert set(Summary.__struct_fields__) < set(fields)
    assert json.loads(summary.to_json(exit_status=0)) == {**fields, "exit_status": 0}


def test_many_tasks_take_little_memory() -> None:
    builder = SummaryBuilder()
    events = [completed(elapsed_s=0.001 + number * 1e-5) for number in range(EXACT_MAX * 3)]
    tracemalloc.start()
    try:
        for event in events * 4:
            builder.add(event)
        traced_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert traced_bytes < 3_000_000
    summary = builder.build(worker_id="w", reason="exhausted", elapsed_s=1)
    assert summary.counts.completed == 4 * len(events)
