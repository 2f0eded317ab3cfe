"""Scripts: what is read, what is refused, and what those that are shipped do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cloud_tasks.diagnostics import render
from cloud_tasks.errors import ConfigurationError
from fakes.clock import VirtualClock
from fakes.metadata import (
    Fail,
    Instance,
    Kill,
    Maintenance,
    Moment,
    Notice,
    Script,
    Step,
    parse_script,
    read_script,
    shipped_scripts,
)
from fakes.metadata.server import MetadataServer
from fakes.plan_text import PLAN_SIZE_BYTES_MAX


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_script(text.encode(), "script.yaml")
    return render(caught.value.problems)


def test_a_script_is_read_with_its_machine() -> None:
    text = """
    about: something
    instance: {id: i-1, name: mine}
    timeline:
      - at_s: 1.5
        do: notice
        ahead_s: 60
        resources: [mine, other]
      - {at_s: 2, do: maintenance, code: Freeze}
      - {at_s: 2, do: fail, status: 503, times: 3, for_s: null}
      - {at_s: 3, do: kill}
    """
    assert parse_script(text.encode(), "s") == Script(
        about="something",
        instance=Instance(id="i-1", name="mine"),
        timeline=(
            Moment(1.5, Notice(ahead_s=60.0, resources=("mine", "other"))),
            Moment(2.0, Maintenance(code="Freeze")),
            Moment(2.0, Fail(status=503, times=3)),
            Moment(3.0, Kill()),
        ),
    )


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "expected a mapping with `timeline`"),
        ("- at_s: 1", "1:1", "expected a mapping with `timeline`"),
        ("about: x", "1:1", "no `timeline`"),
        ("timeline: 3", "1:11", "`timeline`: expected a list of steps"),
        ("timeline:\n- kill", "2:3", "expected a step"),
        ("timeline:\n- {do: kill}", "2:3", "a step without `at_s`"),
        ("timeline:\n- {at_s: 1}", "2:3", "a step without `do`"),
        ("timeline:\n- {at_s: 1, do: kil}", "2:17", "unknown step `kil`"),
        ("timeline:\n- {at_s: 1, do: [kill]}", "2:17", "`do`: expected text, got a list or a mapping"),
        ("timeline:\n- {at_s: soon, do: kill}", "2:10", "`at_s`: expected a number of seconds"),
        ("timeline:\n- {at_s: -1, do: kill}", "2:10", "`at_s`: expected a number of seconds"),
        ("timeline:\n- {at_s: .inf, do: kill}", "2:10", "`at_s`: expected a number of seconds"),
        ("timeline:\n- {at_s: [1], do: kill}", "2:10", "got a list or a mapping"),
        ("timeline:\n- {at_s: 1, do: notice, ahed_s: 2}", "2:25", "unknown key `ahed_s`"),
        ("timeline:\n- {at_s: 1, at_s: 2, do: kill}", "2:13", "the key `at_s` is there twice"),
        ("timeline:\n- {at_s: 1, do: fail, status: x}", "2:31", "`status`: expected 200 to 599"),
        ("timeline:\n- {at_s: 1, do: fail, times: x}", "2:30", "`times`: expected a whole number"),
        ("timeline:\n- {at_s: 1, do: fail, status: 199}", "2:31", "`status`: expected 200 to 599, got `199`"),
        ("timeline:\n- {at_s: 1, do: fail, status: 600}", "2:31", "`status`: expected 200 to 599, got `600`"),
        ("timeline:\n- {at_s: 1, do: notice, ahead_s: 1000000001}", "2:34", "from 0 to 1000000000, got"),
        ("timeline:\n- {at_s: 1, do: notice, resources: a}", "2:36", "`resources`: expected a list"),
        ("timeline:\n- {at_s: 2, do: kill}\n- {at_s: 1, do: kill}", "3:3", "a step at 1 s after one at 2 s"),
        ("timeline: []\ninstance: [1]", "2:11", "`instance`: expected a mapping"),
        ("timeline: []\n[1]: 2", "2:1", "expected a key, got a list or a mapping"),
        ("timeline: []\ntimelines: []", "2:1", "unknown key `timelines`"),
        ("timeline: [", "1:12", "not YAML"),
        ("timeline: [*b]", "1:12", "not YAML"),
        ("timeline: &a [*a]", "1:11", "expected a step"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: str, message: str) -> None:
    told = refusal(text)
    assert message in told
    assert f"script.yaml:{place}" in told
    assert "Traceback" not in told


def test_all_mistakes_are_told_at_once_and_near_names_are_offered() -> None:
    told = refusal("timelin: []\ntimeline:\n- {at_s: x, do: kill}\n- {at_s: 1, do: notise}\n")
    assert told.count("error:") == 3
    assert "did you mean `timeline`?" in told
    assert "did you mean `notice`?" in told


@pytest.mark.parametrize("data", [b"\xff", b"timeline: \x00", b"a: !!python/object:os.system x", b"[" * 1000])
def test_what_is_no_yaml_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_script(data, "script.yaml")


def test_a_script_may_begin_as_some_editors_let_it() -> None:
    assert parse_script("timeline: []".encode("utf-8-sig"), "script.yaml") == Script()


def test_a_step_whose_name_is_none_is_told_once() -> None:
    assert refusal("timeline:\n- {at_s: 1, do: [kill]}").count("error:") == 1


def test_a_script_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b" " * (PLAN_SIZE_BYTES_MAX + 1))
    with pytest.raises(ConfigurationError, match="is larger than"):
        read_script(str(tmp_path / "large.yaml"))


def test_a_name_that_cannot_be_one_is_told() -> None:
    with pytest.raises(ConfigurationError, match="File name too long"):
        read_script("x" * 1000)


def test_a_script_is_found_by_path_and_by_name(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("timeline: []")
    assert read_script(str(own)) == Script()
    assert read_script("notice-then-kill") == read_script("notice-then-kill.yaml")
    with pytest.raises(ConfigurationError) as caught:
        read_script("notice-then-kil.yaml")
    assert "did you mean `notice-then-kill`?" in render(caught.value.problems)
    with pytest.raises(ConfigurationError):
        read_script(str(tmp_path))


@pytest.mark.parametrize("kind", ["notice", "maintenance"])
async def test_every_time_that_is_read_can_be_told(kind: str) -> None:
    script = parse_script(f"timeline:\n- {{at_s: 0, do: {kind}, ahead_s: 1000000000}}\n".encode(), "s")
    await MetadataServer(VirtualClock()).play(script)


class Told:
    """A server that plays a script in virtual time."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.steps: list[tuple[float, str]] = []
        self.server = MetadataServer(self.clock, on_step=self._on_step)

    def _on_step(self, step: Step) -> None:
        self.steps.append((self.clock.monotonic(), step.word))


@pytest.mark.parametrize("name", shipped_scripts())
async def test_a_shipped_script_says_what_it_shows_and_plays_to_its_end(name: str) -> None:
    told, script = Told(), read_script(name)
    assert script.about
    playing = asyncio.create_task(told.server.play(script))
    await told.clock.run_for(1000.0)
    assert playing.done()
    assert told.steps == [(moment.at_s, moment.step.word) for moment in script.timeline]


def test_the_scripts_that_everybody_needs_are_shipped() -> None:
    needed = """
    no-notice notice-then-kill notice-no-kill kill-no-notice notice-cancelled notice-twice notice-late
    time-out unauthorized unavailable hang expiring-tokens
    """
    assert set(needed.split()) <= set(shipped_scripts())
