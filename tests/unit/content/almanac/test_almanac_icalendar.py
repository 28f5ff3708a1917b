"""The calendar file, read back by a reader that refuses what RFC 5545 forbids."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.almanac.almanac import Almanac, packaged_almanac
from content.almanac.icalendar import Event, almanac_events, plan_events, to_icalendar
from content.almanac.themes import packaged_themes
from content.almanac.workdays import Arrangement, packaged_workdays
from content.almanac.year_plan import Edit, annual_plan
from tests.support import icalendar

STAMP = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
UID_OF_LOVE_TEETH_DAY = "df9bde40-cd62-5a73-bfdc-37327782b96d"
NASTY = 'a,b;c\\d\ne:f"g\\n'


def event(summary: str = "爱牙日", description: str = "", uid_of: str = "one") -> Event:
    day = date(2026, 9, 20)
    return Event(
        uid_of=uid_of, start=day, end=day, summary=summary, description=description, category="健康日"
    )


def written(*events: Event, name: str = "年历") -> icalendar.Read:
    return icalendar.read(to_icalendar(events, name=name, stamp=STAMP))


def year_of(year: int, almanac: Almanac, edits: tuple[Edit, ...] = ()) -> dict[str, dict[str, str]]:
    plan = annual_plan(year, packaged_themes(), almanac, edits=edits)
    return {e["SUMMARY"]: e for e in written(*almanac_events(almanac.days(year)), *plan_events(plan)).events}


@pytest.mark.parametrize("year", [2026, 2027, 2033])
def test_a_whole_year_is_a_valid_calendar(year):
    almanac = packaged_almanac()
    plan = annual_plan(year, packaged_themes(), almanac)

    read = written(*almanac_events(almanac.days(year)), *plan_events(plan))

    # each campaign with the day its preparation begins
    assert len(read.events) == len(almanac.days(year)) + 2 * 35 + 24 + 48
    assert read.properties["X-WR-CALNAME"] == "年历"


def test_an_event_lasts_whole_days_and_its_end_is_the_day_after():
    found = year_of(2026, packaged_almanac())["春节放假"]

    assert (found["DTSTART"], found["DTEND"]) == ("20260215", "20260224")
    assert (found["DTSTAMP"], found["TRANSP"], found["STATUS"]) == (
        "20261124T083000Z",
        "TRANSPARENT",
        "CONFIRMED",
    )


def test_what_is_provisional_is_tentative():
    found = year_of(2027, packaged_almanac())["春节放假"]

    assert found["STATUS"] == "TENTATIVE"
    assert "国务院" in found["DESCRIPTION"]


def test_an_event_keeps_its_uid_when_its_day_moves():
    before = year_of(2027, packaged_almanac())
    notice = Arrangement(
        year=2027,
        off=MappingProxyType({date(2027, 2, 4) + timedelta(days=n): "spring-festival" for n in range(9)}),
        work=MappingProxyType({}),
        published=True,
    )
    almanac = Almanac(packaged_workdays().with_notice(notice))

    after = year_of(2027, almanac, (Edit(key="year-end", start=date(2027, 12, 6)),))

    for moved in ("春节放假", "双12 年终回馈"):
        assert before[moved]["DTSTART"] != after[moved]["DTSTART"]
        assert before[moved]["UID"] == after[moved]["UID"]


def test_uids_are_these_for_good():
    """A different UID would double the event in every calendar that has it: change it only on purpose."""
    assert written(event(uid_of="day:love-teeth-day:2026")).events[0]["UID"] == UID_OF_LOVE_TEETH_DAY


def test_different_years_do_not_share_a_uid():
    almanac = packaged_almanac()
    uids = [
        found["UID"]
        for year in (2026, 2027, 2028)
        for found in written(
            *almanac_events(entry for entry in almanac.days(year) if entry.start.year == year),
            *plan_events(annual_plan(year, packaged_themes(), almanac)),
        ).events
    ]

    assert len(set(uids)) == len(uids)


def test_commas_semicolons_backslashes_and_line_breaks_survive():
    [found] = written(event(summary="牙, 龈; \\n", description=NASTY)).events

    assert (found["SUMMARY"], found["DESCRIPTION"]) == ("牙, 龈; \\n", NASTY)


@pytest.mark.parametrize("length", range(60, 80))
def test_long_lines_are_folded_at_75_octets_and_never_inside_a_character(length):
    text = "x" * length + "牙齿🦷" * 40

    assert written(event(summary=text)).events[0]["SUMMARY"] == text


@given(summary=st.text(min_size=1), description=st.text(), name=st.text())
def test_any_text_comes_back_without_its_control_characters(summary, description, name):
    def cleaned(text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)

    read = written(event(summary=summary, description=description), name=name)

    assert read.events[0]["SUMMARY"] == cleaned(summary)
    assert read.events[0].get("DESCRIPTION", "") == cleaned(description)
    assert read.properties["X-WR-CALNAME"] == cleaned(name)


def test_the_stamp_is_written_in_utc_and_a_naive_one_is_refused():
    china = STAMP.astimezone(timezone(timedelta(hours=8)))

    assert to_icalendar([event()], name="n", stamp=china) == to_icalendar([event()], name="n", stamp=STAMP)
    with pytest.raises(ValueError, match="UTC offset"):
        to_icalendar([event()], name="n", stamp=STAMP.replace(tzinfo=None))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data.replace(b"\r\n", b"\n"), id="line breaks without CR"),
        pytest.param(lambda data: data.replace(b"\r\n UID", b"UID").replace(b"UID:", b"X:"), id="no UID"),
        pytest.param(lambda data: data.replace("，".encode(), b","), id="a bare comma"),
        pytest.param(lambda data: data.replace(b"SUMMARY:", b"SUMMARY:" + b"x" * 80), id="a long line"),
        pytest.param(lambda data: data.replace(b"END:VEVENT\r\n", b"", 1), id="an event without an end"),
        pytest.param(
            lambda data: data.replace(b"DTEND;VALUE=DATE:20260921", b"DTEND;VALUE=DATE:20260920"), id="no day"
        ),
    ],
)
def test_the_reader_refuses_what_a_calendar_app_may_refuse(spoil):
    good = to_icalendar([event(summary="刷牙，漱口"), event(uid_of="two")], name="n", stamp=STAMP)
    icalendar.read(good)

    with pytest.raises(AssertionError):
        icalendar.read(spoil(good))
