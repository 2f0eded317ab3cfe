"""Schedules from settings: what they become, what they are called, and what can be wrong with them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_tasks.config_file.nodes import Text
from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError
from cloud_tasks.scheduler.reading import KEYS, SETTING, read_schedules
from cloud_tasks.scheduler.schedule import Schedule, instant_of, key_of

AFTER = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
QUEUE = re.compile(r"[a-z](?:[a-z0-9]|_(?!_))*[a-z0-9]")


def read(*texts: str) -> list[Schedule]:
    pieces = []
    for number, content in enumerate(texts, 1):
        text = Text(f"{number}.yaml", content)
        root = text.root()
        assert root is not None
        pieces.append((text, root))
    return read_schedules(pieces)


def problems_of(*texts: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(*texts)
    return [problem.message for problem in caught.value.problems]


class TestWhatTheyBecome:
    def test_a_worker_with_everything(self) -> None:
        (one,) = read(
            """
            - name: nightly
              worker: clean_up
              payload: {days: 30, deep: [1.5, null, true, "x"]}
              hour: 2
              minute: "*/30"
              day_of_week: mon-fri
              timezone: Europe/Berlin
              start_date: 2026-02-01
              end_date: 2026-02-03T12:00:00
            """
        )
        assert (one.queue, one.worker) == ("scheduled_nightly", "clean_up")
        assert one.payload == {"days": 30, "deep": [1.5, None, True, "x"]}
        instants = []
        moment: datetime | None = AFTER
        while moment is not None and (moment := one.timetable.next_after(moment)) is not None:
            instants.append(key_of(moment))
        assert instants == [f"202602{rest}Z" for rest in ("02T010000", "02T013000", "03T010000", "03T013000")]

    def test_a_command_line(self) -> None:
        (one,) = read("- {ctl: 'report --day \"to day\"', hour: 3}")
        assert (one.worker, one.payload) == ("ctl", {})
        assert one.command == 'report --day "to day"'
        assert "report" not in str(one.task(AFTER)), "who can send a task must not choose what is run"

    def test_without_a_zone_it_is_utc(self) -> None:
        (one,) = read("- {worker: w, hour: 3}")
        assert one.timetable.next_after(AFTER) == datetime(2026, 1, 2, 3, tzinfo=UTC)

    def test_utc_needs_no_database_of_time_zones(self) -> None:
        program = (
            "from tests.scheduler.test_reading import read\n"
            "read('[{worker: w, hour: 3}, {worker: w, hour: 3, timezone: UTC}]')\n"
        )
        environ = {**os.environ, "PYTHONTZPATH": "/no/such/directory"}
        done = subprocess.run(  # noqa: S603 - this interpreter, and a program of this test
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_bare_end_date_is_the_whole_day(self) -> None:
        (one,) = read("- {worker: w, hour: 23, minute: 59, end_date: 2026-01-02, timezone: America/New_York}")
        first = one.timetable.next_after(AFTER)
        assert first is not None
        second = one.timetable.next_after(first)
        assert second == datetime(2026, 1, 3, 4, 59, tzinfo=UTC)
        assert one.timetable.next_after(second) is None

    def test_a_date_with_an_offset_of_its_own(self) -> None:
        (one,) = read("- {worker: w, minute: 0, start_date: '2026-01-02T00:00:00+05:00'}")
        assert one.timetable.next_after(AFTER) == datetime(2026, 1, 1, 19, tzinfo=UTC)

    def test_lists_are_added_up_and_null_takes_away(self) -> None:
        one, two, three = (f"- {{worker: {name}, hour: 1}}" for name in ("a", "b", "c"))
        assert [schedule.worker for schedule in read(one, two)] == ["a", "b"]
        assert [schedule.worker for schedule in read(one, "null", three)] == ["c"]
        assert read("[]") == []


class TestThePage:
    PAGE = (ROOT / "docs" / "scheduler.md").read_text(encoding="utf-8")

    def test_its_example_is_two_schedules(self) -> None:
        example = self.PAGE.partition("```yaml\n")[2].partition("```")[0].partition(f"{SETTING}:\n")[2]
        nightly, report = read(example)
        assert nightly.timetable.next_after(AFTER) == datetime(2026, 1, 2, 1, 30, tzinfo=UTC)
        assert report.timetable.next_after(AFTER) == datetime(2026, 2, 2, 7, tzinfo=UTC)
        assert report.command == 'report --daily "all of it"'

    def test_it_tells_every_key(self) -> None:
        rows = " ".join(line.split("|")[1] for line in self.PAGE.splitlines() if line.startswith("| `"))
        told = set(re.findall(r"`([a-z_]+)`", rows))
        assert told - {"latest", "skip", "all"} == set(KEYS)


class TestWhatTheyAreCalled:
    def test_two_of_one_worker_have_a_queue_each(self) -> None:
        first, second = read("[{worker: w, hour: 1}, {worker: w, hour: 2}]")
        assert first.queue != second.queue

    def test_it_is_the_same_wherever_it_stands(self) -> None:
        alone = read("- {worker: w, hour: 1, minute: 5}")[0].queue
        assert alone == read("[{worker: x, hour: 1}, {minute: '5', hour: 1, worker: w}]")[1].queue
        assert alone == "scheduled_w_eb72acb8", "who changes this loses what is in queues"

    def test_a_name_outlives_every_change(self) -> None:
        (before,) = read("- {name: tidy, worker: w, hour: 1}")
        (after,) = read("- {name: tidy, worker: other, minute: 5, timezone: Asia/Tokyo}")
        assert before.queue == after.queue == "scheduled_tidy"

    @pytest.mark.parametrize("worker", ["Ä b/c", "_", "x" * 200, "a__b", "CamelCase", "9"])
    def test_every_worker_makes_the_name_of_a_queue(self, worker: str) -> None:
        (one,) = read(f"- {{worker: '{worker}', hour: 1}}")
        assert QUEUE.fullmatch(one.queue)
        assert len(one.queue) <= 60

    def test_tasks_of_an_instant_are_the_same(self) -> None:
        (one,) = read("- {name: tidy, worker: w, payload: {x: 1}, hour: 1}")
        task = one.task(AFTER)
        assert (task.task_id, task.data) == ("scheduled_tidy-20260101T123000Z", {"x": 1})
        assert instant_of(key_of(AFTER)) == AFTER
        assert key_of(datetime(2026, 9, 9, tzinfo=UTC)) < key_of(datetime(2026, 10, 1, tzinfo=UTC))


class TestMistakes:
    def test_all_are_told_at_once_with_their_places(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            read(
                "- {worker: w, hour: 25, minuet: 3}\n"
                "- {worker: w, ctl: x, hour: 1, timezone: Europe/Berln}\n"
                "- {hour: 1}\n"
                "- {worker: w}\n"
                "- 7\n",
                "{}",
            )
        told = [(one.place.line, one.message) for one in caught.value.problems if one.place is not None]
        setting = "`asynctask_scheduled_workers`"
        assert told == [
            (1, f"{setting}, number 1: unknown key `minuet`"),
            (1, f'{setting}, number 1: `hour`: expected values from 0 to 23, got "25"'),
            (2, f"{setting}, number 2: it says both `worker` and `ctl`, and one is needed"),
            (2, f'{setting}, number 2: `timezone`: expected a time zone, got "Europe/Berln"'),
            (3, f"{setting}, number 3: it says neither `worker` nor `ctl`, and one is needed"),
            (4, f"{setting}, number 4: it does not say when"),
            (5, f'{setting}, number 5: expected a mapping, got "7"'),
            (1, f"{setting}: expected a list of schedules, got a mapping"),
        ]
        shown = render(caught.value.problems)
        assert "did you mean `minute`?" in shown
        assert "did you mean `Europe/Berlin`?" in shown

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("{worker: w, month: 2, day: 30}", "no moment"),
            ("{worker: w, hour: 1, start_date: 2026-02-01, end_date: 2026-01-01}", "before"),
            ("{worker: w, hour: 1, start_date: 2026-02-01T02:00, end_date: 2026-02-01T03:00}", "no moment"),
            ("{worker: w, hour: 1, start_date: yesterday}", "a date or a moment"),
            ("{worker: w, hour: 1, end_date: 2026-13-01}", "a date or a moment"),
            ("{worker: w, hour: 1, end_date: '9999-12-31T23:00:00-05:00'}", "a date or a moment"),
            ("{worker: w, hour: 1, timezone: Europe}", "a time zone"),
            ("{worker: w, hour: 1, timezone: ../../etc/passwd}", "a time zone"),
            ("{worker: w, hour: 1, name: A B}", "a name"),
            ("{worker: w, hour: 1, payload: [1]}", "a mapping"),
            ("{worker: w, hour: 1, payload: {day: 2026-01-01}}", "JSON"),
            ("{worker: w, hour: 1, payload: {x: .nan}}", "JSON"),
            ("{worker: w, hour: 1, payload: &a {x: *a}}", "levels"),
            ("{worker: w, hour: [1]}", "a text"),
            ("{worker: [w], hour: 1}", "a text"),
            ('{ctl: "a \'b", hour: 1}', "a command line"),
            ("{ctl: x, payload: {}, hour: 1}", "`payload` is for a `worker`"),
            ("{worker: w, hour: 1, hour: 2}", "twice"),
        ],
    )
    def test_one_at_a_time(self, text: str, expected: str) -> None:
        (problem,) = problems_of(f"- {text}")
        assert expected in problem

    def test_two_that_are_the_same(self) -> None:
        (problem,) = problems_of("[{worker: w, hour: 1}, {hour: 1, worker: w}]")
        assert "the same" in problem
        assert problems_of("[{name: a, worker: w, hour: 1}]", "[{name: a, worker: x, hour: 2}]")
