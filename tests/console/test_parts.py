from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_tasks.console.board import RATE_WINDOW_S, Board, Rate
from cloud_tasks.console.lines import PARTIAL_BYTES_MAX, LineKeeper
from cloud_tasks.console.protocol import Stream
from cloud_tasks.console.report import closing_sentence, remarks, sections
from cloud_tasks.console.throttle import BURST_MAX, Throttle
from cloud_tasks.console.wording import clean, duration, number, rate, share, whole_seconds
from cloud_tasks.core.events import FatalException, NonFatalException
from cloud_tasks.summary import OutcomeCounts, Summary
from tests.console.factories import completed, raised, summary_of

OUT = Stream.STDOUT


class TestLineKeeper:
    @given(
        st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([b"x", b"\n", b"yy\nz", b"\n\n", b"q\n"])))
    )
    def test_no_byte_is_lost_and_no_line_is_mixed(self, chunks: list[tuple[str, bytes]]) -> None:
        keeper = LineKeeper()
        shown = [(task_id, keeper.add(task_id, OUT, chunk)) for task_id, chunk in chunks]
        assert all(data.endswith(b"\n") for _, data in shown if data)
        shown += [(task_id, keeper.end_task(task_id, OUT)) for task_id in "ab"]
        for task_id in "ab":
            given_bytes = b"".join(chunk for whose, chunk in chunks if whose == task_id)
            shown_bytes = b"".join(data for whose, data in shown if whose == task_id)
            if given_bytes and not given_bytes.endswith(b"\n"):
                given_bytes += b"\n"
            assert shown_bytes == given_bytes
        assert keeper._partial == {}

    def test_streams_are_apart(self) -> None:
        keeper = LineKeeper()
        assert keeper.add("a", OUT, b"x") == b""
        assert keeper.add("a", Stream.STDERR, b"y\n") == b"y\n"
        assert keeper.end_all(Stream.STDERR) == b""
        assert keeper.end_all(OUT) == b"x\n"

    def test_a_line_without_end_is_passed_on_in_pieces(self) -> None:
        keeper = LineKeeper()
        piece = b"x" * (PARTIAL_BYTES_MAX // 2)
        assert keeper.add("a", OUT, piece) == b""
        assert keeper.add("a", OUT, piece) == b""
        assert keeper.add("a", OUT, b"x") == piece * 2 + b"x"
        assert keeper._partial == {}


class TestThrottle:
    def test_a_burst_then_one_a_second(self) -> None:
        throttle = Throttle()
        allowed = [now for now in (tick / 10 for tick in range(1000)) if throttle.allow(now)]
        assert BURST_MAX + 98 <= len(allowed) <= BURST_MAX + 100
        assert throttle.take_note() == f"... {1000 - len(allowed)} more lines like these not shown"
        assert throttle.take_note() == ""

    def test_a_pause_brings_back_the_burst_and_no_more(self) -> None:
        throttle = Throttle()
        assert sum(throttle.allow(0.0) for _ in range(50)) == BURST_MAX
        assert sum(throttle.allow(1e6) for _ in range(50)) == BURST_MAX


class TestRate:
    def test_it_is_that_of_the_last_half_minute(self) -> None:
        board, meter = Board(), Rate()
        assert meter.sample(0.0, board) == 0.0
        board.is_open = True
        assert meter.sample(100.0, board) == 0.0
        board.completed = 50
        assert meter.sample(110.0, board) == 5.0
        for second in range(100):
            meter.sample(111.0 + second, board)
        assert meter.sample(211.0, board) == 0.0
        assert len(meter._samples) <= RATE_WINDOW_S + 2


class TestWording:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0 us"),
            (0.0000123, "12 us"),
            (0.00123, "1.2 ms"),
            (0.123, "123 ms"),
            (1.234, "1.23 s"),
            (12.34, "12.3 s"),
            (125.4, "2 min 5 s"),
            (3600 * 3 + 720, "3 h 12 min"),
        ],
    )
    def test_durations(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text

    def test_whole_seconds(self) -> None:
        assert [whole_seconds(seconds) for seconds in (1, 61, 3661)] == ["1 s", "1 min 1 s", "1 h 1 min"]

    def test_rates(self) -> None:
        assert [rate(per_s) for per_s in (0, 0.5, 12.34, 1234.5)] == [
            "0.0/s",
            "30.0/min",
            "12.3/s",
            "1,234/s",
        ]

    def test_numbers(self) -> None:
        values = (1, 1.0, 1234.56, float("inf"), float("nan"))
        assert [number(value) for value in values] == ["1", "1", "1,234.6", "inf", "nan"]

    def test_shares_are_never_rounded_up_to_all(self) -> None:
        assert [share(999, 1000), share(2, 1), share(0, 0)] == ["99 %", "100 %", ""]

    def test_what_could_steer_a_terminal_is_made_visible(self) -> None:
        assert clean("grüße") == "grüße"
        assert clean("a\x1b[2J\nb\x07\u202e") == r"a\x1b[2J\nb\x07\u202e"


class TestReport:
    def test_only_what_there_is_to_tell(self) -> None:
        assert sections(summary_of()) == []
        assert [section.title for section in sections(summary_of(completed("a")))] == ["Outcomes", "Run time"]

    def test_many_failures_are_cut_short_and_counted(self) -> None:
        lines = [f"Traceback (most recent call last):\nE: {count}" for count in range(25)]
        failures = sections(summary_of(*(raised("t", line) for line in lines)))[-1]
        assert failures.title == "Failures"
        assert failures.rows[-1] == ("15", "", "others", "")

    def test_what_went_wrong_beside_the_tasks(self) -> None:
        events = [
            FatalException(exception="gone\x1b", stack_trace=""),
            NonFatalException(exception="", stack_trace=""),
        ]
        assert remarks(summary_of(*events)) == [
            r"problem: gone\x1b",
            "1 error survived by the worker, and told among its events",
        ]

    def test_the_closing_sentence_leaves_nothing_out(self) -> None:
        summary = Summary(
            worker_id="w",
            reason="shutdown",
            elapsed_s=10,
            signal="SIGINT",
            tasks_total=2000,
            counts=OutcomeCounts(completed=1000),
            failed=3,
            retried=4,
            unfinished=5,
        )
        assert closing_sentence(summary) == (
            "1,000 of 2,000 tasks completed in 10.0 s (100/s), 3 failed, 4 to be retried, 5 unfinished, "
            "ended by SIGINT"
        )
