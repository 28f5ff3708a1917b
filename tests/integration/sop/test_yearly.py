"""What staff change of a year's campaigns: kept, told, undone; and what cannot be changed so."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from content.almanac.themes import packaged_themes
from content.almanac.year_plan import Edit
from sop import yearly
from sop.plan_tables import YearPlanEdit
from sop.yearly import YearRefused, mark_of

if TYPE_CHECKING:
    from tests.support.queue import Queue

YEAR = 2027
MOVED = Edit(key="valentine", start=date(2027, 2, 11), days=3)
DROPPED = Edit(key="valentine", drop=True)


async def save(queue: Queue, edit: Edit, seen: Edit | None = None, year: int = YEAR) -> None:
    async with queue.database.write() as session:
        await yearly.save(
            session,
            year,
            edit,
            themes=packaged_themes(),
            seen=mark_of(seen),
            by="chen.jing",
            now=queue.now,
        )


async def undo(queue: Queue, change_id: int) -> None:
    async with queue.database.write() as session:
        await yearly.undo(session, YEAR, change_id, themes=packaged_themes(), by="chen.jing", now=queue.now)


async def stored(queue: Queue, year: int = YEAR) -> tuple[Edit, ...]:
    async with queue.database.read() as session:
        return (await yearly.load(session, year))[year]


async def changes(queue: Queue) -> tuple[yearly.Change, ...]:
    async with queue.database.read() as session:
        return await yearly.changes_of(session, YEAR)


async def test_a_campaign_is_moved_dropped_and_given_back_each_written_down(queue: Queue) -> None:
    await save(queue, MOVED)
    assert await stored(queue) == (MOVED,)
    assert await stored(queue, YEAR + 1) == ()
    await save(queue, DROPPED, seen=MOVED)
    assert await stored(queue) == (DROPPED,)
    await save(queue, Edit(key="valentine"), seen=DROPPED)

    assert await stored(queue) == ()
    assert [(one.by, one.before, one.after) for one in await changes(queue)] == [
        ("chen.jing", DROPPED, None),
        ("chen.jing", MOVED, DROPPED),
        ("chen.jing", None, MOVED),
    ]


async def test_a_change_is_undone_unless_the_campaign_was_changed_again(queue: Queue) -> None:
    await save(queue, MOVED)
    await save(queue, DROPPED, seen=MOVED)
    last, first = await changes(queue)

    with pytest.raises(YearRefused, match="刚被别人改过"):
        await undo(queue, first.id)
    await undo(queue, last.id)
    assert await stored(queue) == (MOVED,)
    with pytest.raises(YearRefused, match="没有这一次修改"):
        await undo(queue, 999_999)


async def test_what_was_shown_must_still_stand(queue: Queue) -> None:
    await save(queue, MOVED)

    with pytest.raises(YearRefused, match="刚被别人改过"):
        await save(queue, DROPPED)

    assert await stored(queue) == (MOVED,)


@pytest.mark.parametrize(
    ("year", "edit", "says"),
    [
        pytest.param(YEAR, Edit(key="nothing", drop=True), "没有这个活动", id="no such campaign"),
        pytest.param(YEAR, Edit(key="valentine", start=date(2028, 2, 1)), "2027 年里", id="another year"),
        pytest.param(YEAR, Edit(key="valentine", days=32), "1 到 31 天", id="too long"),
        pytest.param(1999, Edit(key="valentine", drop=True), "2001 到 2098", id="no such year"),
    ],
)
async def test_what_cannot_be_is_refused(queue: Queue, year: int, edit: Edit, says: str) -> None:
    with pytest.raises(YearRefused, match=says):
        await save(queue, edit, year=year)

    assert await stored(queue, year) == ()


async def test_an_edit_of_a_campaign_that_is_no_more_stops_no_plan(queue: Queue) -> None:
    async with queue.database.write() as session:
        session.add(YearPlanEdit(year=YEAR, key="long-gone", drop=True, by="chen.jing", at=queue.now))

    plan = yearly.plan_of(YEAR, await stored(queue))

    assert len(plan.campaigns) == 35


async def test_the_calendar_of_a_week_follows_the_edits_of_both_its_years(queue: Queue) -> None:
    await save(queue, Edit(key="january-clean", start=date(2027, 1, 2), days=2))
    await save(queue, Edit(key="christmas", start=date(2026, 12, 30), days=1), year=2026)
    week = date(2026, 12, 28)

    async with queue.database.read() as session:
        edits = await yearly.load(session, *yearly.years_of(week))
    calendar = yearly.calendar_around(week, edits)

    assert calendar.begins("theme:christmas", date(2026, 12, 30))
    assert calendar.begins("theme:january-clean", date(2027, 1, 2))
