"""Cards and packages as the clinic's own system tells them: each once, and what they let begin and end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic.benefits import BenefitFact
from clinic.care_tables import Benefit
from clinic.whose import PersonRef
from sop.intake import BenefitReport
from sop.plan_tables import Enrolment
from tests.integration.visits.test_importing import counts, csv_file, imported
from tests.support.plans import journey, publish
from tests.support.records import meet
from tests.support.visits import NOW, Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

TODAY = date(2026, 11, 23)
HER = PersonRef(external_userid="wm-fang")
HEAD = "卡号,病历号,姓名,卡项名称,总次数,剩余次数,购买日期,最近使用日期,有效期至"


def card(**fields: Any) -> BenefitFact:
    values: dict[str, Any] = {
        "number": "K1",
        "title": "洁牙次卡",
        "total": 4,
        "used": 1,
        "issued_on": TODAY - timedelta(days=200),
        "used_on": TODAY - timedelta(days=91),
        "expires_on": TODAY + timedelta(days=30),
        "changed_at": NOW,
    }
    return BenefitFact(**(values | fields))


async def tell(desk: Desk, *cards: BenefitFact, person: PersonRef = HER) -> list[str]:
    taken = await desk.take_in([BenefitReport(person=person, benefit=one) for one in cards])
    return [one.outcome for one in taken]


async def test_a_card_is_told_once_and_the_later_word_counts(desk: Desk) -> None:
    person = PersonRef(clinic_number="B001")
    later = NOW + timedelta(minutes=1)

    assert await tell(desk, card(), person=person) == ["added"]
    assert await tell(desk, card(), card(changed_at=later, used=2), card(), person=person) == [
        "same",
        "changed",
        "older",
    ]

    [row] = await desk.rows(Benefit)
    assert (row.used, row.changed_at) == (2, later)
    assert await desk.reasons("benefit.added") == [
        "权益“洁牙次卡”：2026-05-07 起，剩 3/4 次，2026-12-23 到期"
    ]
    assert await desk.reasons("benefit.changed") == ["权益“洁牙次卡”：剩 3/4 次 → 剩 2/4 次"]


async def begun(desk: Desk) -> list[tuple[str, str, str]]:
    async with desk.database.read() as session:
        rows: Sequence[Enrolment] = (await session.scalars(select(Enrolment).order_by(Enrolment.id))).all()
        return [(one.plan_key, one.state, one.reason or one.cause) for one in rows]


async def test_what_is_told_after_its_day_begins_at_once_and_ends_when_it_is_used_or_renewed(
    desk: Desk,
) -> None:
    late = [{"key": "one", "channel": "todo", "text": "提一句", "to": ["member"], "late": {"hours": 168}}]
    left = journey("left", {"on": "unused_benefit", "days": 90}, again={"after_days": 0}, steps=late)
    ends = journey("ends", {"on": "date", "date": "card_expiry", "offset_days": -35}, steps=late)
    soon = journey("soon", {"on": "date", "date": "card_expiry", "offset_days": -7}, steps=late)
    await publish(desk.database, desk.pack, left, ends, soon, now=NOW)
    async with desk.database.write() as session:
        await meet(session, desk.vault, "wm-fang", "芳芳", at=NOW - timedelta(days=300))

    await tell(desk, card())
    await tell(desk, card(), card(number="K2", used=4), card(number="K3", expires_on=TODAY - timedelta(1)))
    assert await begun(desk) == [
        ("ends", "active", "“洁牙次卡”2026-12-23 到期"),
        ("left", "active", "“洁牙次卡”还剩 3 次，90 天没有用"),
    ]

    await tell(
        desk,
        card(changed_at=NOW + timedelta(1), used=2, used_on=TODAY, expires_on=TODAY + timedelta(days=400)),
    )
    assert await begun(desk) == [
        ("ends", "stopped", "“洁牙次卡”的到期日改了"),
        ("left", "stopped", "“洁牙次卡”又用过了"),
    ]


async def test_a_file_of_cards_is_recorded_and_its_faults_are_told_by_row(quick_desk: Desk) -> None:
    row = await imported(
        quick_desk,
        csv_file(
            "K1,B001,王小雨,洁牙次卡,4,3次,2026-05-07,2026-08-24,2026-12-23",
            "K2,B001,王小雨,家庭卡,,,2026-05-07,,",
            "K3,B002,李大海,洁牙次卡,4,5,2026-05-07,,",
            "K4,B002,李大海,洁牙次卡,四次,,2027-05-07,,2026-01-01",
            "K1,B001,王小雨,洁牙次卡,4,2,2026-05-07,2026-08-24,2026-12-23",
            head=HEAD,
        ),
        "benefits",
    )

    assert counts(row)[:2] == (5, 2)
    assert [(fault["row"], fault["column"]) for fault in row.faults] == [(4, "剩余次数"), (5, "总次数")]
    assert {(one.number, one.total, one.used, one.expires_on) for one in await quick_desk.rows(Benefit)} == {
        ("K1", 4, 2, date(2026, 12, 23)),
        ("K2", 0, 0, None),
    }
