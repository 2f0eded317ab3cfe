from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit import audit
from chaos_tasks import UnknownKindError, choose, draw, each
from kinds import GROUPS, KINDS


def log(tmp_path: Path, *events: dict[str, Any]) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def event(task_id: str, event_type: str = "task_completed", **fields: Any) -> dict[str, Any]:
    return {"event_type": event_type, "task_id": task_id, **fields}


def one_task(kind: str) -> dict[str, Any]:
    return draw(1, 1, choose([kind]))[0]


def test_the_same_seed_draws_the_same_tasks() -> None:
    kinds = choose(["all"])
    assert draw(50, 7, kinds) == draw(50, 7, kinds)
    assert draw(50, 7, kinds) != draw(50, 8, kinds)
    assert len({task["task_id"] for task in draw(50, 7, kinds)}) == 50


def test_each_kind_belongs_to_a_group_and_is_there_once() -> None:
    assert {kind.group for kind in KINDS.values()} == set(GROUPS)
    drawn = [task["data"]["kind"] for task in each(3, choose(["all"]))]
    assert sorted(drawn) == sorted(KINDS)


def test_kinds_are_chosen_by_name_and_by_group() -> None:
    chosen = choose(["crashes", "hanging", "crashes"])
    assert chosen[0].name == "crashes"
    assert len(chosen) == len(set(chosen))
    assert {kind.group for kind in chosen} == {"dying", "hanging"}
    with pytest.raises(UnknownKindError, match="'hangz'"):
        choose(["hangz"])


def test_a_task_with_its_event_is_fine(tmp_path: Path) -> None:
    task = one_task("crashes")
    told = event(task["task_id"], "task_exited", signal="SIGSEGV")
    found = audit(log(tmp_path, {"event_type": "worker_started"}, told), [task])
    assert found.all_once
    assert found.all_as_expected


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        ("crashes", {"event_type": "task_completed"}, "task_completed in place of task_exited"),
        (
            "crashes",
            {"event_type": "task_exited", "signal": "SIGKILL"},
            "signal is 'SIGKILL' in place of 'SIGSEGV'",
        ),
        ("exits", {"event_type": "task_exited", "exit_code": 4}, "exit_code is 4 in place of 3"),
        (
            "returns_none",
            {"event_type": "task_exception", "exception_kind": "raised"},
            "exception_kind is 'raised'",
        ),
        (
            "raises",
            {"event_type": "task_exception", "exception_kind": "raised"},
            "'no luck today' is not told",
        ),
        ("big_result", {"event_type": "task_completed", "result": "short"}, "length of the result is 5"),
    ],
)
def test_an_event_that_is_not_as_expected(
    tmp_path: Path, kind: str, fields: dict[str, Any], complaint: str
) -> None:
    task = one_task(kind)
    found = audit(log(tmp_path, event(task["task_id"], **fields)), [task])
    assert found.all_once
    assert not found.all_as_expected
    assert complaint in found.complaints[0].complaint


def test_only_the_last_run_of_a_log_counts(tmp_path: Path) -> None:
    task = one_task("ordinary")
    run = [{"event_type": "worker_started"}, event(task["task_id"])]
    assert audit(log(tmp_path, *run, *run), [task]).all_as_expected


def test_a_task_without_an_event_and_one_with_two(tmp_path: Path) -> None:
    tasks = draw(2, 1, choose(["ordinary"]))
    second = tasks[1]["task_id"]
    found = audit(log(tmp_path, event(second), event(second)), tasks)
    assert [verdict.complaint for verdict in found.not_once] == [
        "0 final events in place of 1",
        "2 final events in place of 1",
    ]
    assert not found.all_once


def test_an_interrupted_attempt_may_be_followed_by_another(tmp_path: Path) -> None:
    task = one_task("ordinary")
    interrupted = event(task["task_id"], "task_interrupted", reason="shutdown")
    assert audit(log(tmp_path, interrupted, event(task["task_id"])), [task]).all_as_expected
    alone = audit(log(tmp_path, interrupted), [task])
    assert alone.all_once
    assert not alone.all_as_expected


def test_a_killed_task_is_excused_only_where_somebody_kills(tmp_path: Path) -> None:
    task = one_task("ordinary")
    path = log(tmp_path, event(task["task_id"], "task_exited", signal="SIGKILL"))
    assert not audit(path, [task]).all_as_expected
    assert audit(path, [task], killed=True).all_as_expected
    given_up = log(tmp_path, event(task["task_id"], "task_interrupted"))
    assert not audit(given_up, [task], killed=True).all_as_expected


def test_a_stranger_and_a_line_cut_short(tmp_path: Path) -> None:
    task = one_task("ordinary")
    path = log(tmp_path, event(task["task_id"]), event("stranger"))
    path.write_text(path.read_text() + '{"event_type": "task_compl')
    found = audit(path, [task])
    assert found.strangers == ("stranger",)
    assert not found.all_once
