from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fakes.deadlines import Deadlines


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())), st.integers(0, 10))
def test_what_is_due_comes_in_order_and_what_was_discarded_never(
    entries: list[tuple[int, bool]], now: int
) -> None:
    deadlines: Deadlines[int] = Deadlines()
    added = [deadlines.add(moment, number) for number, (moment, _) in enumerate(entries)]
    for entry, (_, keep) in zip(added, entries, strict=True):
        if not keep:
            deadlines.discard(entry)
            deadlines.discard(entry)
    kept = sorted((moment, number) for number, (moment, keep) in enumerate(entries) if keep)
    assert len(deadlines) == len(kept)
    assert deadlines.next_moment() == (kept[0][0] if kept else None)
    due = []
    while (number := deadlines.pop_due(now)) is not None:
        due.append(number)
    assert due == [number for moment, number in kept if moment <= now]
    assert len(deadlines) == len(kept) - len(due)


def test_discarding_what_has_come_up_changes_nothing() -> None:
    deadlines: Deadlines[str] = Deadlines()
    entry = deadlines.add(1.0, "a")
    deadlines.add(2.0, "b")
    assert deadlines.pop_due(1.5) == "a"
    deadlines.discard(entry)
    assert len(deadlines) == 1


def test_discarded_entries_do_not_pile_up() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for number in range(100_000):
        deadlines.discard(deadlines.add(float(number), number))
    deadlines.add(5.0, 1)
    assert len(deadlines) == 1
    assert len(deadlines._heap) < 200
