"""One person's history ends in one record, whatever order, however often and however late it is told."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from clinic.care_tables import Todo
from clinic.tables import Member
from store.database import Database
from store.outbox import OutboxEffect
from tests.support.databases import Templates
from tests.support.history import NOW, Came, Moved, Said, Teller, Wrote, added, edited, left, removed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from content.pack import Pack
    from wecom.events import Event

MEMBERS = ("xiaohu", "zhang.wei", "li.na")


def minute(number: int) -> datetime:
    return NOW - timedelta(hours=2) + timedelta(minutes=number)


@pytest.fixture
async def teller(migrated_url: str, pack: Pack) -> AsyncIterator[Teller]:
    database = Database(migrated_url)
    try:
        yield Teller(database=database, pack=pack)
    finally:
        await database.close()


async def told(teller: Teller, events: Sequence[Event]) -> dict[str, Any]:
    for event in events:
        await teller.tell(event)
    await teller.accept()
    return await teller.record()


async def todos(teller: Teller) -> list[tuple[str, str, str]]:
    async with teller.database.read() as session:
        rows = await session.scalars(select(Todo).order_by(Todo.id))
        return [(todo.kind, todo.assignee, todo.state) for todo in rows]


async def test_a_deletion_that_comes_before_its_addition_ends_the_same(teller: Teller) -> None:
    record = await told(teller, [left("xiaohu", minute(9)), added("xiaohu", minute(1), state="douyin")])

    assert record["stage"][0] == "lost"
    (follow,) = record["follows"]
    assert follow[:6] == ("xiaohu", "douyin", minute(1), minute(1), minute(9), "patient")
    # For staff who look at her; WeCom is not asked about a relation that has ended.
    assert record["tags"] == [("xiaohu", "来源", "抖音", "channel:douyin")]
    assert await teller.marks() == 0


async def test_a_deletion_older_than_the_addition_we_know_changes_nothing(teller: Teller) -> None:
    record = await told(teller, [added("xiaohu", minute(9), state="douyin"), left("xiaohu", minute(1))])

    assert record["stage"][0] == "added"
    assert record["follows"][0][4] is None
    assert record["tags"] == [("xiaohu", "来源", "抖音", "channel:douyin")]


async def test_a_duplicate_with_another_timestamp_is_no_second_arrival(teller: Teller) -> None:
    record = await told(
        teller,
        [added("xiaohu", minute(1), state="douyin"), added("xiaohu", minute(2), state="douyin")],
    )

    assert (record["stage"], len(record["tags"])) == (("added", minute(1)), 1)
    assert await todos(teller) == []


async def test_a_person_of_three_members_is_lost_when_the_last_is_gone(teller: Teller) -> None:
    arrivals = [added(userid, minute(n), state="meituan") for n, userid in enumerate(MEMBERS)]
    await told(teller, [*arrivals, left("xiaohu", minute(10)), removed("zhang.wei", minute(11))])
    assert (await teller.record())["stage"][0] == "added"

    record = await told(teller, [left("li.na", minute(12))])

    assert record["stage"] == ("lost", minute(12))
    assert [todo[:2] for todo in await todos(teller)] == [
        ("lost", "xiaohu"),  # she deleted him
        ("lost", "manager"),  # a member deleted her
        ("lost", "li.na"),
        ("lost", "manager"),  # and now nobody is left
    ]


async def test_who_comes_back_is_recognised_and_what_was_asked_is_settled(teller: Teller) -> None:
    await told(teller, [added("xiaohu", minute(0), state="douyin"), left("xiaohu", minute(5))])

    record = await told(teller, [added("zhang.wei", minute(9), state="dr-zhang-card")])

    assert record["stage"] == ("added", minute(9))
    assert ("zhang.wei", "来源", "抖音", "channel:douyin") in record["tags"]
    assert await todos(teller) == [
        ("lost", "xiaohu", "dropped"),
        ("lost", "manager", "dropped"),
        ("returned", "zhang.wei", "open"),
    ]


async def test_a_handover_is_no_loss_whichever_of_its_two_events_comes_first(teller: Teller) -> None:
    record = await told(
        teller,
        [
            added("xiaohu", minute(0)),
            removed("xiaohu", minute(5), transfer=True),
            added("zhang.wei", minute(5)),
        ],
    )

    assert record["stage"][0] == "added"
    assert record["follows"][0][5] == "transfer"
    assert await todos(teller) == []


async def test_the_full_event_ends_half_a_contact_and_brings_its_tags(teller: Teller) -> None:
    half = await told(teller, [added("xiaohu", minute(0), state="douyin", half=True)])
    assert (half["stage"][0], half["tags"], half["follows"][0][6]) == ("added", [], True)

    full = await told(teller, [added("xiaohu", minute(1), state="douyin")])

    assert full["follows"][0][6] is False
    assert [tag[2] for tag in full["tags"]] == ["抖音"]


async def test_who_was_in_a_group_before_she_added_anybody_gets_its_tags_when_she_does(
    teller: Teller,
) -> None:
    who = _person(0)
    await teller.read_group([], who=who)
    coming = Moved(happened_at=minute(0), joined=True, number=1, external_userid=who)
    await told(teller, [coming])
    assert await teller.record(who) == {}

    await told(teller, [added("xiaohu", minute(20), who=who)])

    record = await teller.record(who)
    assert ("xiaohu", "需求", "儿童口腔", "need.kids-group") in record["tags"]


async def test_a_leaving_that_a_reading_saw_before_its_event_came_is_one_and_dated_by_the_event(
    teller: Teller,
) -> None:
    who = _person(0)
    went = [Moved(happened_at=minute(n), joined=n == 0, number=n + 1, external_userid=who) for n in (0, 1)]
    await teller.read_group(went[:1], who=who)
    await teller.read_group(went, who=who)
    await told(teller, [added("xiaohu", minute(0), who=who), went[1]])
    await teller.read_group(went, who=who, now=NOW + timedelta(hours=3))

    assert (await teller.record(who))["groups"] == [("wr-", "left", minute(1))]


async def test_an_answer_that_is_older_than_one_on_record_is_asked_for_again(teller: Teller) -> None:
    await told(teller, [added("xiaohu", minute(0))])
    put_on, taken_off = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)

    await teller.read_contact({"xiaohu": []}, edited_at=taken_off, asked_at=taken_off)
    await teller.read_contact({"xiaohu": ["口味/甜"]}, edited_at=put_on, asked_at=put_on)

    assert (await teller.record())["tags"] == []
    async with teller.database.read() as session:
        asked = await session.scalars(
            select(OutboxEffect.payload).where(OutboxEffect.key.contains(":again:"))
        )
        assert [payload["edited_at"] for payload in asked] == [int(put_on.timestamp())]


async def test_events_about_unknown_members_and_people_are_recorded(teller: Teller) -> None:
    assert await teller.tell(edited("nobody.knows", minute(0))) == 1
    assert await teller.tell(removed("nobody.knows", minute(1))) == 1

    record = await teller.record()

    assert record["stage"][0] == "lost"
    async with teller.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Member)) == 0


_WHEN = st.integers(0, 40).map(minute)
_WHOM = st.sampled_from(MEMBERS)
_CHANNELS = st.sampled_from([None, "douyin", "front-desk", "dr-zhang-card"])
_events = st.one_of(
    st.builds(
        added,
        _WHOM,
        _WHEN,
        state=_CHANNELS,
        half=st.booleans(),
    ),
    st.builds(left, _WHOM, _WHEN),
    st.builds(removed, _WHOM, _WHEN, transfer=st.booleans()),
    st.builds(edited, _WHOM, _WHEN),
    st.builds(Said, happened_at=_WHEN, keyword=st.sampled_from(["implant", "scaling", "price"])),
    st.builds(
        Came,
        happened_at=st.one_of(_WHEN, _WHEN.map(lambda at: at - timedelta(days=400))),
        treatment=st.sampled_from(["scaling", "extraction", "implant.surgery", "implant.crown"]),
        status=st.sampled_from(["booked", "done", "done"]),
    ),
)


_texts = st.builds(Wrote, happened_at=_WHEN, text=st.sampled_from(["请问种植牙多少钱", "洗牙要约吗", "你好"]))
# Whom nobody ever had as a contact writes to nobody's rules: they hear of it when she becomes one.
_histories = st.one_of(
    st.lists(_events, min_size=1, max_size=8),
    st.tuples(st.builds(added, _WHOM, _WHEN, state=_CHANNELS), st.lists(_events | _texts, max_size=7)).map(
        lambda parts: [parts[0], *parts[1]]
    ),
)


def _person(number: int) -> str:
    """Return an id of which the program sees that it is nobody of ours."""
    return f"wm{number:030}"


@st.composite
def _group_moves(draw: st.DrawFn) -> list[Moved]:
    """She comes into her group and goes, in turn, half an hour apart."""
    return [
        Moved(happened_at=minute(30 * number), joined=number % 2 == 1, number=number)
        for number in range(1, draw(st.integers(0, 3)) + 1)
    ]


@st.composite
def _again(draw: st.DrawFn, history: list[Any]) -> list[Any]:
    """Some of it is told twice: the same, or with a time stamp of its own."""
    twice = draw(st.lists(st.sampled_from(history), max_size=3))
    late = draw(st.lists(st.integers(1, 240), min_size=len(twice), max_size=len(twice)))
    return [
        replace(one, happened_at=one.happened_at + timedelta(seconds=seconds))
        if isinstance(one, Moved)
        else one
        for one, seconds in zip(twice, late, strict=True)
    ]


def test_any_order_with_repetitions_makes_the_record_that_the_ordered_history_makes(
    tmp_path: Path, templates: Templates, pack: Pack
) -> None:
    people = count()

    @settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(history=_histories, moves=_group_moves(), data=st.data())
    def holds(history: list[Any], moves: list[Moved], data: st.DataObject) -> None:
        ordered = sorted([*history, *moves], key=lambda event: event.happened_at)
        shuffled = data.draw(st.permutations([*ordered, *data.draw(_again(ordered))]))
        # The group is read at any moment in between, as it is by now.
        reads = data.draw(st.sets(st.integers(0, len(shuffled)), max_size=2))
        # WeCom accepts the tags at any moment in between, as it would.
        accepts = data.draw(st.sets(st.integers(0, len(shuffled)), max_size=3))
        one, other = _person(next(people)), _person(next(people))

        async def tell() -> tuple[dict[str, Any], dict[str, Any]]:
            for who in (one, other):
                await teller.read_group([], who=who)
            for event in ordered:
                await teller.tell(replace(event, external_userid=one))
            await teller.read_group(moves, who=one)
            await teller.accept()
            for number, event in enumerate(shuffled):
                await teller.tell(replace(event, external_userid=other))
                if number in accepts:
                    await teller.accept()
                if number in reads:
                    await teller.read_group(moves, who=other)
            await teller.read_group(moves, who=other)
            await teller.accept()
            return await teller.record(one), await teller.record(other)

        first, second = loop.run(tell())
        assert second == first

    with asyncio.Runner() as loop, loop_teller(loop, templates, tmp_path, pack) as teller:
        holds()


def test_edits_on_three_phones_end_as_the_phones_show_whenever_each_is_looked_at(
    tmp_path: Path, templates: Templates, pack: Pack
) -> None:
    people = count()
    edits = st.lists(
        st.tuples(_WHOM, st.sampled_from(["口味/甜", "口味/咸", "口味/辣"]), st.booleans()), max_size=6
    )
    said = st.lists(
        st.builds(Said, happened_at=_WHEN, keyword=st.sampled_from(["implant", "price"])), max_size=2
    )

    @settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(edits=edits, said=said, data=st.data())
    def holds(edits: list[tuple[str, str, bool]], said: list[Said], data: st.DataObject) -> None:
        phones: dict[str, set[str]] = {userid: set() for userid in MEMBERS}
        looks: list[tuple[datetime, dict[str, frozenset[str]]]] = []
        for number, (userid, path, on) in enumerate(edits):
            (phones[userid].add if on else phones[userid].discard)(path)
            looks.append((minute(number * 5), {one: frozenset(tags) for one, tags in phones.items()}))
        one, other = _person(next(people)), _person(next(people))
        meetings = [added(userid, minute(-1), state="douyin") for userid in MEMBERS]
        late = data.draw(
            st.permutations(
                [*said, *looks, *data.draw(st.lists(st.sampled_from([*said, *looks] or [None]), max_size=2))]
            )
        )

        async def tell(who: str, told: Sequence[Any], *, as_of_now: bool) -> dict[str, Any]:
            for event in meetings:
                await teller.tell(replace(event, external_userid=who))
            await teller.accept()
            for number, fact in enumerate(told):
                if isinstance(fact, Said):
                    await teller.tell(replace(fact, external_userid=who))
                    await teller.accept()
                elif fact is not None:
                    edited_at, shown = fact
                    asked_at = NOW + timedelta(minutes=number)
                    tags = phones if as_of_now else shown
                    await teller.read_contact(tags, edited_at=edited_at, asked_at=asked_at, who=who)
            await teller.accept()
            return await teller.record(who)

        first = loop.run(tell(one, [*looks, *said], as_of_now=False))
        second = loop.run(tell(other, late, as_of_now=True))
        assert second == first
        by_hand = {
            (userid, f"{group}/{name}") for userid, group, name, rule in second["tags"] if rule is None
        }
        assert by_hand == {(userid, path) for userid, paths in phones.items() for path in paths}

    with asyncio.Runner() as loop, loop_teller(loop, templates, tmp_path, pack) as teller:
        holds()


@contextmanager
def loop_teller(loop: asyncio.Runner, templates: Templates, tmp_path: Path, pack: Pack) -> Iterator[Teller]:
    """Open a database and its teller on a loop of a property's own."""
    with templates.copy("sqlite", tmp_path) as url:
        database = Database(url)
        try:
            yield Teller(database=database, pack=pack)
        finally:
            loop.run(database.close())
