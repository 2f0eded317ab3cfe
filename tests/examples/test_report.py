from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import findings
import report
import summary
import svg
from census_tasks import make_tasks, measure_file, source_files
from cloud_tasks.worker import WorkerData
from pieces import table

_NASTY = "<script>alert('&\"')</script>"
_VOID = {"meta", "br"}


class Checker(HTMLParser):
    """Checks that tags are closed in order, and gathers what the page refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self.ids.update(filter(None, [values.get("id")]))
        self.links += filter(None, [values.get("href"), values.get("src")])
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def library(tmp_path: Path) -> Path:
    sources = {
        "good.py": '"""Doc."""\nimport os\n\n\ndef f(x):\n    """Doc."""\n    return x and os\n',
        "package/__init__.py": "",
        "package/tests/test_it.py": "import unittest\n\nclass T:\n    def test(self):\n        pass\n",
        "package/broken.py": "def f(:\n",
        "site-packages/other.py": "x = 1\n",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    return tmp_path


def events_of(library: Path) -> list[dict[str, Any]]:
    """What a worker would write, with the task function's real results."""
    events: list[dict[str, Any]] = [
        {
            "timestamp": "2026-01-01T00:00:00.000000",
            "event_type": "worker_started",
            "num_simultaneous_tasks": 2,
        }
    ]
    for number, task in enumerate(make_tasks(library, source_files(library)), 1):
        _, result = measure_file(task["task_id"], task["data"], WorkerData())
        event = {
            "timestamp": f"2026-01-01T00:00:0{number}.000000",
            "event_type": "task_completed",
            "task_id": task["task_id"],
            "elapsed_time": 0.01 * number,
            "result": result,
        }
        # Through JSON, as every event comes.
        events.append(json.loads(json.dumps(event)))
    return events


def lost_event() -> dict[str, Any]:
    return {
        "timestamp": "2026-01-01T00:00:09.000000",
        "event_type": "task_exited",
        "task_id": _NASTY,
        "elapsed_time": 0.5,
        "signal": "SIGSEGV",
    }


def test_installed_packages_are_no_part_of_the_library(library: Path) -> None:
    names = [file.as_posix() for file in source_files(library)]
    assert names == ["good.py", "package/__init__.py", "package/broken.py", "package/tests/test_it.py"]


def test_task_ids_hold_no_slash_and_are_unique(library: Path) -> None:
    ids = [task["task_id"] for task in make_tasks(library, source_files(library))]
    assert ids == ["0001-good", "0002-package.__init__", "0003-package.broken", "0004-package.tests.test_it"]


def test_findings_sort_every_event(library: Path) -> None:
    found = findings.gather([*events_of(library), lost_event()])
    assert [module.file for module in found.modules] == [
        "good.py",
        "package/__init__.py",
        "package/tests/test_it.py",
    ]
    assert [(item.file, item.kind) for item in found.unparsed] == [("package/broken.py", "SyntaxError")]
    assert [(item.event_type, item.reason) for item in found.lost] == [("task_exited", "SIGSEGV")]
    assert (found.files, found.wall_s, found.simultaneous_tasks) == (5, 9.0, 2)
    assert found.lengths(tests=True) == [2]
    assert found.imported() == {"os": 1, "unittest": 1}


def test_only_the_last_run_of_a_log_counts(library: Path) -> None:
    run = [json.dumps(event) for event in events_of(library)]
    assert len(findings.gather(findings.last_run([*run, *run, "\n"])).modules) == 3


def test_the_page_is_whole_and_needs_nothing_else(library: Path) -> None:
    found = findings.gather([*events_of(library), lost_event()])
    page = report.page(found, report.Context(_NASTY, _NASTY, _NASTY))
    checker = Checker(page)
    assert checker.open == []
    assert "script" not in checker.tags
    assert checker.links
    assert all(link.startswith("#") and link[1:] in checker.ids for link in checker.links)
    assert "prefers-color-scheme: dark" in page
    assert "package/broken.py" in page


def test_a_run_without_any_result_still_has_a_page() -> None:
    found = findings.gather([lost_event()])
    assert Checker(report.page(found, report.Context("3", "/", "m"))).open == []
    assert "SIGSEGV" in summary.terminal(found)


def test_the_short_form_names_what_cannot_be_parsed(library: Path) -> None:
    told = summary.terminal(findings.gather(events_of(library)), columns=60)
    assert "package/broken.py" in told
    assert all(len(line) <= 60 for line in told.splitlines())


@pytest.mark.parametrize(
    "plot",
    [
        svg.horizontal_bars([svg.Bar(_NASTY, 0, _NASTY), svg.Bar("b", 3, "3")], _NASTY),
        svg.horizontal_bars([], "empty"),
        svg.histogram(
            [_NASTY], [[1], [0]], _NASTY, x_title=_NASTY, y_title=_NASTY, marks=[svg.Mark(0.5, _NASTY)]
        ),
        svg.histogram([], [], "empty", x_title="x", y_title="y"),
        svg.scatter(
            [svg.Dot(0, 5, _NASTY), svg.Dot(9000, 1, "b", 1)], _NASTY, x_title=_NASTY, y_title=_NASTY
        ),
        svg.scatter([], "empty", x_title="x", y_title="y"),
        svg.curve([(0, 0), (1.5, 3)], _NASTY, x_title=_NASTY, y_title=_NASTY),
        svg.curve([], "empty", x_title="x", y_title="y"),
    ],
)
def test_plots_are_well_formed_and_escape_what_they_are_given(plot: str) -> None:
    root = ET.fromstring(plot)  # noqa: S314 - our own text
    assert root.tag == "svg"
    assert not root.findall(".//script")
    assert "nan" not in plot


def test_bars_are_as_long_as_their_values_say() -> None:
    root = ET.fromstring(svg.horizontal_bars([svg.Bar("a", 2, ""), svg.Bar("b", 1, "")], "t"))  # noqa: S314
    long, short = (float(rect.attrib["width"]) for rect in root.iter("rect"))
    assert long == pytest.approx(2 * short, rel=0.01)


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [(0, [0, 1]), (10, [0, 2, 4, 6, 8, 10]), (7, [0, 2, 4, 6, 8]), (0.3, [0, 0.1, 0.2, 0.3])],
)
def test_ticks_are_round_and_reach_the_largest(largest: float, ticks: list[float]) -> None:
    assert svg.nice_ticks(largest) == pytest.approx(ticks)


def test_bins_double() -> None:
    assert findings.power_bins([0.5, 1, 2, 3, 4, 100], 3) == [2, 2, 2]


def test_quantiles() -> None:
    assert findings.quantile([3, 1, 2], 0.5) == 2
    assert findings.quantile([], 0.5) == 0
    assert findings.quantile([1, 2], 1.0) == 2


def test_coverage_leaves_out_tests_and_small_packages(library: Path) -> None:
    found = findings.gather(events_of(library))
    rows = findings.coverage_by_package(found.modules, 1)
    assert [(row.package, row.documented, row.documentable) for row in rows] == [
        ("(single modules)", 2, 2),
        ("package", 0, 1),
    ]
    assert findings.coverage_by_package(found.modules, 2) == rows[:1]


def test_tables_take_html_and_set_numbers_apart() -> None:
    assert '<td class="number">1</td>' in table(("Name", "Count"), [["<code>a</code>", "1"]], (1,))
