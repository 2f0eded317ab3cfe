"""When schedules fire: the fields, and the clocks that are changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_tasks.scheduler.cron import BadFieldError, Cron
from cloud_tasks.scheduler.fields import FIELDS
from cloud_tasks.scheduler.timetable import Timetable
from tests.scheduler.oracle import instants


def table(zone: str = "UTC", start: str = "", end: str = "", **fields: str) -> Timetable:
    hangs_in = ZoneInfo(zone)
    begin, over = (datetime.fromisoformat(one) if one else None for one in (start, end))
    return Timetable(Cron(fields), hangs_in, begin, over)


def fires(after: str, count: int, zone: str = "UTC", **fields: str) -> list[str]:
    """The next instants, as a clock of the zone shows them."""
    times = table(zone, **fields)
    moment, found = datetime.fromisoformat(after), []
    for _ in range(count):
        following = times.next_after(moment)
        if following is None:
            break
        found.append(following.astimezone(ZoneInfo(zone)).isoformat())
        moment = following
    return found


class TestFields:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"hour": "3"}, ["2026-01-01T03:00:00", "2026-01-02T03:00:00"]),
            ({"minute": "*/20"}, ["2026-01-01T00:20:00", "2026-01-01T00:40:00", "2026-01-01T01:00:00"]),
            ({"second": "30-40/10"}, ["2026-01-01T00:00:30", "2026-01-01T00:00:40", "2026-01-01T00:01:30"]),
            ({"second": "50/5"}, ["2026-01-01T00:00:50", "2026-01-01T00:00:55", "2026-01-01T00:01:50"]),
            ({"hour": "9-17", "minute": "15,45"}, ["2026-01-01T09:15:00", "2026-01-01T09:45:00"]),
            ({"day_of_week": "mon-wed"}, ["2026-01-05T00:00:00", "2026-01-06T00:00:00"]),
            ({"day_of_week": "6, TUE"}, ["2026-01-04T00:00:00", "2026-01-06T00:00:00"]),
            ({"month": "feb", "day": "29"}, ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
            ({"day": "last"}, ["2026-01-31T00:00:00", "2026-02-28T00:00:00"]),
            ({"day": "2nd tue"}, ["2026-01-13T00:00:00", "2026-02-10T00:00:00"]),
            ({"day": "last fri,15"}, ["2026-01-15T00:00:00", "2026-01-30T00:00:00"]),
            ({"day": "5th sat"}, ["2026-01-31T00:00:00", "2026-05-30T00:00:00"]),
            ({"week": "53", "day_of_week": "thu"}, ["2026-12-31T00:00:00", "2032-12-30T00:00:00"]),
            ({"week": "2"}, ["2026-01-05T00:00:00", "2026-01-06T00:00:00"]),
            ({"day": "13", "day_of_week": "fri"}, ["2026-02-13T00:00:00", "2026-03-13T00:00:00"]),
            ({"year": "2027"}, ["2027-01-01T00:00:00"]),
            ({"year": "2026", "month": "1", "day": "1", "hour": "0"}, []),
            ({"month": "2", "day": "30"}, []),
        ],
    )
    def test_what_they_name(self, fields: dict[str, str], expected: list[str]) -> None:
        found = fires("2026-01-01T00:00:00+00:00", max(len(expected), 1), **fields)
        assert [one.removesuffix("+00:00") for one in found] == expected

    @pytest.mark.parametrize(
        "wrong",
        [
            *(
                {"hour": one}
                for one in ("24", "-1", "x", "", "3,", "5-3", "*/0", "*/24", "1-2-3", "99999", "*5")
            ),
            *({"day_of_week": one} for one in ("7", "monday", "fri-mon")),
            *({"day": one} for one in ("0", "32", "last x", "6th mon", "last 1", "lastly", "1st")),
            {"month": "jan-mar-may"},
            {"month": "13"},
            {"year": "1969"},
            {"year": "2200"},
            {"second": "60"},
            {"minute": "٣"},
        ],
    )
    def test_what_names_nothing(self, wrong: dict[str, str]) -> None:
        with pytest.raises(BadFieldError) as caught:
            Cron(wrong)
        assert [caught.value.name] == list(wrong)

    def test_no_field_at_all(self) -> None:
        with pytest.raises(ValueError, match="no field"):
            Cron({})

    def test_an_instant_is_after_the_moment(self) -> None:
        assert fires("2026-01-01T00:00:00.000001+00:00", 1, second="*") == ["2026-01-01T00:00:01+00:00"]
        assert fires("2026-01-01T00:00:00+00:00", 1, second="*") == ["2026-01-01T00:00:01+00:00"]
        assert fires("2025-12-31T23:59:59.9+00:00", 1, second="*") == ["2026-01-01T00:00:00+00:00"]


class TestClocksAreChanged:
    """The gap of Berlin in 2026 is 2:00 to 3:00 on 29 March; the fold is 2:00 to 3:00 on 25 October."""

    def test_an_hour_that_is_left_out_fires_once_right_after_it(self) -> None:
        assert fires("2026-03-28T12:00:00+00:00", 2, "Europe/Berlin", hour="2", minute="30") == [
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ]
        assert fires("2026-03-28T12:00:00+00:00", 2, "Europe/Berlin", hour="2", minute="*/10") == [
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:00:00+02:00",
        ]

    def test_an_hour_that_comes_twice_fires_the_first_time(self) -> None:
        assert fires("2026-10-24T12:00:00+00:00", 2, "Europe/Berlin", hour="2", minute="30") == [
            "2026-10-25T02:30:00+02:00",
            "2026-10-26T02:30:00+01:00",
        ]

    def test_every_hour_is_every_hour_that_passes(self) -> None:
        assert fires("2026-03-29T00:00:00+00:00", 3, "Europe/Berlin", minute="30") == [
            "2026-03-29T01:30:00+01:00",
            "2026-03-29T03:30:00+02:00",
            "2026-03-29T04:30:00+02:00",
        ]
        assert fires("2026-10-25T00:00:00+00:00", 3, "Europe/Berlin", minute="30") == [
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:30:00+01:00",
        ]

    def test_a_midnight_that_is_left_out(self) -> None:
        assert fires("2018-11-03T12:00:00+00:00", 2, "America/Sao_Paulo", hour="0") == [
            "2018-11-04T01:00:00-02:00",
            "2018-11-05T00:00:00-02:00",
        ]

    def test_a_whole_day_that_is_left_out(self) -> None:
        """Samoa had no 30 December 2011."""
        assert fires("2011-12-29T23:00:00+00:00", 2, "Pacific/Apia", hour="12") == [
            "2011-12-31T00:00:00+14:00",
            "2011-12-31T12:00:00+14:00",
        ]

    def test_a_second_before_the_clocks_are_changed(self) -> None:
        assert fires("2026-03-29T00:59:59+00:00", 1, "Europe/Berlin", hour="2") == [
            "2026-03-29T03:00:00+02:00"
        ]

    def test_half_an_hour(self) -> None:
        assert fires("2026-04-04T14:15:00+00:00", 3, "Australia/Lord_Howe", minute="*/30", hour="1,2") == [
            "2026-04-05T01:30:00+11:00",
            "2026-04-05T02:00:00+10:30",
            "2026-04-05T02:30:00+10:30",
        ]

    def test_a_change_between_two_distant_instants_does_not_matter(self) -> None:
        assert fires("2026-01-01T00:00:00+00:00", 2, "Europe/Berlin", month="1,7", day="15", hour="12") == [
            "2026-01-15T12:00:00+01:00",
            "2026-07-15T12:00:00+02:00",
        ]


CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "America/St_Johns": ("2026-03-08T05:30", "2026-11-01T04:30"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "America/Sao_Paulo": ("2018-02-18T02:00", "2018-11-04T03:00"),
    "Africa/Casablanca": ("2026-02-15T02:00", "2026-03-22T02:00"),
    "Asia/Pyongyang": ("2015-08-14T15:00", "2018-05-04T15:00"),
    "Asia/Kathmandu": ("2026-03-29T01:00", "2026-03-29T01:00"),
}


@st.composite
def schedules(draw: st.DrawFn) -> dict[str, list[int]]:
    """Values of some fields, dense enough that there is something to see near a change."""
    chosen: dict[str, list[int]] = {}
    if draw(st.booleans()):
        chosen["hour"] = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True))
    if draw(st.booleans()):
        chosen["day_of_week"] = draw(
            st.lists(st.sampled_from([0, 5, 6]), min_size=1, max_size=3, unique=True)
        )
    chosen["minute"] = draw(st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True))
    chosen["second"] = draw(st.lists(st.integers(0, 59), min_size=1, max_size=2, unique=True))
    return chosen


class TestAgainstEverySecond:
    @settings(max_examples=50, deadline=None)
    @given(
        zone=st.sampled_from(sorted(CHANGES)),
        which=st.integers(0, 1),
        back_s=st.integers(0, 5_400),
        length_s=st.integers(600, 9_000),
        chosen=schedules(),
    )
    def test_near_a_change(
        self, zone: str, which: int, back_s: int, length_s: int, chosen: Mapping[str, list[int]]
    ) -> None:
        change = datetime.fromisoformat(CHANGES[zone][which]).replace(tzinfo=UTC)
        begin = change - timedelta(seconds=back_s)
        end = begin + timedelta(seconds=length_s)
        cron = Cron({name: ",".join(str(one) for one in values) for name, values in chosen.items()})
        assert cron.names_hours is ("hour" in chosen)
        times = Timetable(cron, ZoneInfo(zone))
        expected = list(instants(chosen, ZoneInfo(zone), begin, end, names_hours=cron.names_hours))
        found = []
        moment = times.next_after(begin)
        while moment is not None and moment <= end:
            found.append(moment)
            moment = times.next_after(moment)
        assert found == expected
        assert times.newest_in(begin, end) == (expected[-1] if expected else None)

    @settings(max_examples=10, deadline=None)
    @given(
        texts=st.fixed_dictionaries(
            {},
            optional={
                "month": st.sampled_from(["*/2", "1-3", "feb,mar"]),
                "day": st.sampled_from(["*", "1", "last", "28-31"]),
                "day_of_week": st.sampled_from(["mon", "sat,sun", "*"]),
                "week": st.sampled_from(["9", "*", "9-10"]),
            },
        ),
        hour=st.sampled_from(["0", "23", "*"]),
    )
    def test_days(self, texts: Mapping[str, str], hour: str) -> None:
        """Over the end of February, and that of a month of 31 days."""
        fields = {**texts, "hour": hour, "minute": "59", "second": "59"}
        for first in ("2026-02-28T22:00:00+00:00", "2027-12-31T22:00:00+00:00"):
            begin = datetime.fromisoformat(first)
            end = begin + timedelta(hours=4)
            allowed = {name: FIELDS[name].values(text) for name, text in fields.items() if name != "day"}
            last_day = 28 if begin.month == 2 else 31
            days = {"*": range(32), "1": [1], "last": [last_day], "28-31": range(28, 32)}
            allowed["day"] = tuple(days[texts.get("day", "*")])
            times = Timetable(Cron(fields), ZoneInfo("UTC"))
            expected = list(instants(allowed, ZoneInfo("UTC"), begin, end, names_hours=hour != "*"))
            moment, found = times.next_after(begin), []
            while moment is not None and moment <= end:
                found.append(moment)
                moment = times.next_after(moment)
            assert found == expected


class TestFarAway:
    @settings(max_examples=100, deadline=None)
    @given(
        zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "UTC"]),
        begin=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis wants them so
        month=st.integers(1, 12),
        day=st.integers(1, 28),
        every_hour=st.booleans(),
    )
    def test_the_next_one_in_a_year(
        self, zone: str, begin: datetime, month: int, day: int, *, every_hour: bool
    ) -> None:
        fields = {"month": str(month), "day": str(day)}
        fields |= {"hour": "*", "minute": "30"} if every_hour else {"hour": "12"}
        hours = range(24) if every_hour else [12]
        moments = [
            datetime(year, month, day, hour, 30 * every_hour, tzinfo=ZoneInfo(zone), fold=fold).astimezone(
                UTC
            )
            for year in range(begin.year - 1, begin.year + 3)
            for hour in hours
            for fold in (0, 1)
        ]
        real = [one for one in moments if one.astimezone(ZoneInfo(zone)).minute == 30 * every_hour]
        assert table(zone, **fields).next_after(begin) == min(one for one in real if one > begin)

    def test_what_was_found_is_found_again(self) -> None:
        times = table(minute="*/10")
        first = datetime(2026, 1, 1, tzinfo=UTC)
        for seconds in (0, 599, 600, 601, 599, 0, -1, -3600, 1199):
            moment = first + timedelta(seconds=seconds)
            assert times.next_after(moment) == table(minute="*/10").next_after(moment)


class TestDates:
    def test_neither_before_the_start_nor_after_the_end(self) -> None:
        times = table(start="2026-01-03T00:00:00+00:00", end="2026-01-04T00:00:00+00:00", hour="*/12")
        moment, found = datetime(2025, 6, 1, tzinfo=UTC), []
        while (following := times.next_after(moment)) is not None:
            found.append(following.isoformat())
            moment = following
        assert found == [
            "2026-01-03T00:00:00+00:00",
            "2026-01-03T12:00:00+00:00",
            "2026-01-04T00:00:00+00:00",
        ]

    def test_a_start_within_a_second(self) -> None:
        times = table(start="2026-01-03T00:00:00.5+00:00", second="*")
        assert times.next_after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 3, 0, 0, 1, tzinfo=UTC)

    def test_the_newest_in_a_long_time(self) -> None:
        times = table(month="1", day="1")
        begin, end = datetime(2001, 5, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
        assert times.newest_in(begin, end) == datetime(2026, 1, 1, tzinfo=UTC)
        assert times.newest_in(end, end) is None
        assert times.newest_in(datetime(2026, 1, 1, tzinfo=UTC), end) is None
