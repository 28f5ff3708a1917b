"""What a listing may conclude about our records, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.reconcile import (
    FIRST_LOOK_BACK,
    SETTLED,
    Found,
    Listed,
    Relation,
    Tally,
    judge_listed,
    judge_tags,
    late_since,
    missing,
    nightly_due,
)

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADDED = NOW - 90 * 24 * HOUR
ZONE = ZoneInfo("Asia/Shanghai")
STANDING = Relation(channel="front-desk", add_way=1, added_at=ADDED, lost_at=None, lost_by=None, half=False)
LISTED = Listed(channel="front-desk", add_way=1, added_at=ADDED)


def test_what_agrees_is_left_alone() -> None:
    verdict = judge_listed(STANDING, LISTED, late_since=NOW - HOUR, now=NOW)

    assert (verdict.found, verdict.relation, verdict.late) == (Found.SAME, STANDING, False)


@pytest.mark.parametrize(
    ("began", "late"),
    [
        pytest.param(NOW - 2 * HOUR, True, id="since the last run: its event was lost"),
        pytest.param(ADDED, False, id="long before: old stock"),
        pytest.param(None, True, id="WeCom does not say when: now"),
    ],
)
def test_an_unknown_relation_is_added_and_tagged_only_when_its_event_was_lost(
    began: datetime | None, late: bool
) -> None:
    verdict = judge_listed(None, replace(LISTED, added_at=began), late_since=NOW - 24 * HOUR, now=NOW)

    assert (verdict.found, verdict.late) == (Found.ADDED, late)
    assert verdict.relation.added_at == (began or NOW)


def test_a_loss_that_an_event_reported_is_not_undone_by_a_listing() -> None:
    lost = replace(STANDING, lost_at=NOW - HOUR, lost_by="patient")

    verdict = judge_listed(lost, LISTED, late_since=ADDED, now=NOW)

    assert (verdict.found, verdict.relation) == (Found.SAME, lost)


def test_a_loss_is_undone_by_a_relation_that_began_after_it() -> None:
    lost = replace(STANDING, lost_at=NOW - 2 * HOUR, lost_by="patient")

    verdict = judge_listed(
        lost, Listed(channel="douyin", add_way=1, added_at=NOW - HOUR), late_since=NOW - 24 * HOUR, now=NOW
    )

    assert (verdict.found, verdict.late) == (Found.ADDED, True)
    assert (verdict.relation.lost_at, verdict.relation.channel) == (None, "douyin")
    assert verdict.relation.added_at == NOW - HOUR


def test_a_loss_that_only_a_sync_concluded_yields_to_the_next_listing() -> None:
    lost = replace(STANDING, lost_at=NOW - HOUR, lost_by="sync")

    verdict = judge_listed(lost, LISTED, late_since=NOW - 24 * HOUR, now=NOW)

    assert verdict.relation.lost_at is None
    assert not verdict.late, "the same old relation: nothing was missed"


def test_a_half_contact_who_is_listed_was_confirmed_without_our_hearing_it() -> None:
    half = replace(STANDING, added_at=NOW - HOUR, half=True)

    verdict = judge_listed(half, replace(LISTED, added_at=NOW - HOUR), late_since=NOW - 24 * HOUR, now=NOW)

    assert (verdict.found, verdict.relation.half, verdict.late) == (Found.CHANGED, False, True)


relations = st.builds(
    Relation,
    channel=st.sampled_from(["", "front-desk", "douyin"]),
    add_way=st.sampled_from([None, 0, 1]),
    added_at=st.none() | st.integers(0, 500).map(lambda hours: NOW - hours * HOUR),
    lost_at=st.none() | st.integers(0, 500).map(lambda hours: NOW - hours * HOUR),
    lost_by=st.sampled_from(["patient", "member", "sync"]),
    half=st.booleans(),
).map(lambda relation: relation if relation.lost_at else replace(relation, lost_by=None))
listings = st.builds(
    Listed,
    channel=st.sampled_from(["", "front-desk", "meituan"]),
    add_way=st.sampled_from([None, 0, 1]),
    added_at=st.none() | st.integers(0, 500).map(lambda hours: NOW - hours * HOUR),
)


@given(known=st.none() | relations, listed=listings)
def test_judging_a_second_time_finds_nothing(known: Relation | None, listed: Listed) -> None:
    first = judge_listed(known, listed, late_since=NOW - 24 * HOUR, now=NOW)
    second = judge_listed(first.relation, listed, late_since=NOW - 24 * HOUR, now=NOW)

    assert (second.found, second.relation, second.late) == (Found.SAME, first.relation, False)


def test_the_first_run_looks_back_a_week_and_later_ones_behind_the_run_before() -> None:
    assert late_since(None, now=NOW) == NOW - FIRST_LOOK_BACK
    assert late_since(NOW - 24 * HOUR, now=NOW) == NOW - 48 * HOUR


def test_only_settled_relations_can_be_missing() -> None:
    known = {"wm1": NOW - HOUR, "wm2": NOW - HOUR, "wm3": NOW - SETTLED / 2, "wm4": NOW + HOUR}

    assert missing(known, {"wm1"}, asked_at=NOW) == ["wm2"]


def test_a_tag_that_was_put_on_moments_ago_is_not_forgotten() -> None:
    known = {1: NOW - HOUR, 2: NOW - HOUR, 3: NOW - SETTLED / 2}

    assert judge_tags(known, {1, 4}, asked_at=NOW) == ({4}, {2})


def test_tallies_add_up() -> None:
    total = Tally(seen=2, added=1) + Tally(seen=3, changed=1, lost=2)

    assert total == Tally(seen=5, added=1, changed=1, lost=2)
    assert (total.differs, Tally(seen=9).differs) == (True, False)


@pytest.mark.parametrize(
    ("local", "last", "due"),
    [
        pytest.param("2026-11-23 03:29", "2026-11-22 03:30", False, id="not yet"),
        pytest.param("2026-11-23 03:30", "2026-11-22 03:30", True, id="its hour"),
        pytest.param("2026-11-23 03:31", "2026-11-23 03:30", False, id="done tonight"),
        pytest.param("2026-11-23 11:00", "2026-11-22 03:30", True, id="missed: caught up"),
        pytest.param("2026-11-23 02:00", "2026-11-21 03:30", True, id="missed the night before"),
        pytest.param("2026-11-23 03:30", "2026-11-22 23:00", True, id="run by hand in the evening"),
        pytest.param("2026-11-23 11:00", None, False, id="new: not in the middle of the day"),
        pytest.param("2026-11-23 04:00", None, True, id="new: in its first night"),
    ],
)
def test_the_night_run_is_due_once_a_night_or_when_it_was_missed(
    local: str, last: str | None, due: bool
) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=ZONE)

    assert nightly_due(at(local), at(last).astimezone(UTC) if last else None) is due
