"""Who stands behind a live code: by the hour, by today's counts, by who is there."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.channel_specs import ChannelSpec, CodeSpec, Shift, Span
from content.places import Place
from sop.duty import digest_of, on_duty, over, shape_of

MONDAY_10 = datetime.fromisoformat("2026-11-23T10:00")
MONDAY_20 = datetime.fromisoformat("2026-11-23T20:00")
DAYS = (1, 2, 3, 4, 5, 6, 7)


def code(**changes) -> CodeSpec:
    """Two on duty by day, one substitute, one without a limit; ten patients a day each."""
    facts = {
        "members": ("ann", "bea", "cat"),
        "shifts": (Shift(members=("ann", "bea"), span=Span(days=DAYS, start=time(9), end=time(18))),),
        "substitutes": ("dan",),
        "overflow": ("eve",),
        "daily_cap": 10,
        "skip_verify": True,
        "exclusive": False,
        "expires_on": None,
        "remark": "",
    }
    return CodeSpec(**{**facts, **changes})


FULL = {"ann": 10, "bea": 10}


@pytest.mark.parametrize(
    ("facts", "userids", "why"),
    [
        pytest.param({}, ("ann", "bea"), "当班", id="by day"),
        pytest.param({"added": {"ann": 10}}, ("bea",), "当班", id="one of them is full"),
        pytest.param({"added": FULL}, ("dan",), "当班的今天都加满了，由替班接待", id="both are full"),
        pytest.param(
            {"added": {**FULL, "dan": 10}},
            ("eve",),
            "当班的今天都加满了，由不限人数的同事接待",
            id="the substitute too",
        ),
        pytest.param(
            {"added": {**FULL, "dan": 11, "eve": 99}, "away": {"eve"}},
            ("cat",),
            "当班的今天都加满了，由不当班但还有空的同事接待",
            id="somebody off duty has room",
        ),
        pytest.param({"local": MONDAY_20}, ("dan",), "现在没有人当班，由替班接待", id="in the evening"),
        pytest.param({"away": {"ann"}}, ("bea",), "当班", id="one left"),
        pytest.param({"away": {"ann", "bea"}}, ("dan",), "当班的都不在，由替班接待", id="both left"),
        pytest.param(
            {"added": {**FULL, "dan": 10, "cat": 10}, "away": {"eve"}},
            (),
            "今天都加满了，新来的要同意后才能加上",
            id="everybody is full",
        ),
        pytest.param(
            {"away": {"ann", "bea", "cat", "dan", "eve"}},
            (),
            "活码上的人都不在，请换人",
            id="everybody left",
        ),
    ],
)
def test_who_receives_now_and_why(facts, userids, why):
    found = on_duty(code(), **{"local": MONDAY_10, "added": {}, **facts})

    assert (found.userids, found.why) == (userids, why)


def test_without_shifts_all_members_are_on_duty_around_the_clock():
    found = on_duty(code(shifts=()), local=MONDAY_20, added={})

    assert found.userids == ("ann", "bea", "cat")


PEOPLE = ("ann", "bea", "cat", "dan", "eve")
people = st.lists(st.sampled_from(PEOPLE), max_size=5, unique=True).map(tuple)
spans = st.builds(
    Span,
    days=st.sets(st.integers(1, 7), min_size=1).map(tuple),
    start=st.times().map(lambda at: at.replace(microsecond=0)),
    end=st.times().map(lambda at: at.replace(microsecond=0)),
)
codes = st.builds(
    code,
    members=people.filter(bool),
    shifts=st.lists(st.builds(Shift, members=people.filter(bool), span=spans), max_size=4).map(tuple),
    substitutes=people,
    overflow=people,
    daily_cap=st.none() | st.integers(1, 4),
    skip_verify=st.booleans(),
)
counts = st.dictionaries(st.sampled_from(PEOPLE), st.integers(0, 6))
moments = st.datetimes(
    min_value=datetime.fromisoformat("2026-01-01"), max_value=datetime.fromisoformat("2027-01-01")
)


def has_room(spec: CodeSpec, userid: str, added: dict[str, int]) -> bool:
    limited = userid not in spec.overflow and spec.daily_cap is not None
    return not (limited and added.get(userid, 0) >= (spec.daily_cap or 0))


@settings(deadline=None)
@given(spec=codes, added=counts, away=people, local=moments)
def test_a_code_is_never_empty_while_anybody_has_room_and_nobody_full_or_away_is_on_it(
    spec, added, away, local
):
    named = {*spec.members, *spec.substitutes, *spec.overflow}
    named |= {userid for shift in spec.shifts for userid in shift.members}

    found = on_duty(spec, local=local, added=added, away=away)

    assert set(found.userids) <= named - set(away)
    assert all(has_room(spec, userid, added) for userid in found.userids)
    assert len(set(found.userids)) == len(found.userids)
    anybody = any(has_room(spec, userid, added) for userid in spec.everyone if userid not in away)
    assert bool(found.userids) or not anybody


@settings(deadline=None)
@given(spec=codes, away=people, start=moments, arrivals=st.lists(st.integers(0, 100), max_size=40))
def test_a_day_of_reshaping_after_every_patient_never_takes_a_member_over_the_limit(
    spec, away, start, arrivals
):
    added: dict[str, int] = {}
    local = start.replace(hour=0, minute=0, second=0, microsecond=0)
    for pick in arrivals:
        local = min(local + timedelta(minutes=30), local.replace(hour=23, minute=59))
        found = on_duty(spec, local=local, added=added, away=away)
        if found.userids:  # WeCom picks one of them, whichever it likes
            chosen = found.userids[pick % len(found.userids)]
            added[chosen] = added.get(chosen, 0) + 1

    assert all(
        count <= (spec.daily_cap or len(arrivals)) or userid in spec.overflow
        for userid, count in added.items()
    )


@settings(deadline=None)
@given(spec=codes, added=counts, away=people, local=moments, paused=st.booleans(), standing=people)
def test_a_code_is_never_asked_for_without_members_and_opens_only_to_those_who_have_room(
    spec, added, away, local, paused, standing
):
    duty = on_duty(spec, local=local, added=added, away=away)

    shape = shape_of(spec, duty, paused=paused, standing=standing)

    assert shape.userids
    assert not shape.skip_verify or (duty.userids and set(shape.userids) == set(duty.userids) and not paused)


def test_the_digest_knows_members_as_a_set_and_every_other_change():
    spec, place = code(), Place(file="channels.yaml", line=1)
    channel = ChannelSpec(state="douyin", title="抖音", tags=(), persona=None, place=place)
    shape = shape_of(spec, on_duty(spec, local=MONDAY_10, added={}), paused=False)
    turned = shape_of(
        code(members=("bea", "ann", "cat")), on_duty(spec, local=MONDAY_10, added={}), paused=False
    )
    paused = shape_of(spec, on_duty(spec, local=MONDAY_10, added={}), paused=True)

    assert digest_of(channel, spec, shape) == digest_of(channel, spec, turned)
    assert (
        len(
            {
                digest_of(channel, spec, shape),
                digest_of(channel, spec, paused),
                digest_of(channel, code(remark="立牌"), shape),
                digest_of(channel, code(exclusive=True), shape),
            }
        )
        == 4
    )


def test_a_code_works_through_its_last_day():
    spec = code(expires_on=date(2026, 12, 31))

    assert not over(spec, today=date(2026, 12, 31))
    assert over(spec, today=date(2027, 1, 1))
    assert not over(code(), today=date(2099, 1, 1))
