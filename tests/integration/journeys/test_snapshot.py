"""What is known of many patients is read at once, and says what the records of each say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, select

from clinic import corp_listing, merging, tagging
from clinic import facts as clinic_facts
from clinic.care_tables import KfMessage, SurveyAnswer, Visit
from clinic.tables import Follow, Patient
from sop.journeys.conditions import Needs, Snapshot
from sop.journeys.snapshot import snapshots_of
from sop.roster import load_roster
from tests.support.records import FANG, NOW, fang, meet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.database import Database
    from store.vault import Vault

EVERYTHING = Needs(visits=True, spoken=True, referrals=True, tags=True, groups=True, consents=True)
LATER = NOW + timedelta(hours=40)


async def read(session: AsyncSession, pack: Pack, ids: Collection[int]) -> Mapping[int, Snapshot]:
    roster = await load_roster(session, pack)
    return await snapshots_of(session, ids, needs=EVERYTHING, pack=pack, roster=roster, now=LATER)


async def test_a_snapshot_holds_what_the_records_hold(database: Database, vault: Vault, pack: Pack) -> None:
    async with database.write() as session:
        patient = await fang(session, vault)
        friend = await meet(session, vault, "wm-friend", "朋友", at=NOW + timedelta(hours=9))
        friend.referrer_id = patient.id
        session.add(
            Visit(
                patient_id=patient.id,
                source="clinic",
                number="next",
                status="booked",
                at=LATER + timedelta(days=3),
                treatment="scaling",
                created_at=NOW,
                updated_at=NOW,
            )
        )
    async with database.read() as session:
        found = (await read(session, pack, [patient.id]))[patient.id]
        head, records = await clinic_facts.family(session, await session.get_one(Patient, patient.id))
        follows = (await session.scalars(select(Follow).where(Follow.patient_id == patient.id))).all()
        known = await clinic_facts.facts_of(session, head, records, follows, zone=pack.timezone, now=LATER)
    # The moments in between are for walking through a history; a condition asks about now.
    for name in ("since", "seen_at", "stage", "stage_since", "born_on", "visits", "referred", "now"):
        assert getattr(found.facts, name) == getattr(known, name), name
    assert found.external_userid == FANG
    assert found.gender == 2
    assert set(found.tags) == {"需求/想种牙"}
    assert found.consents == {"case"}
    assert len(found.group_roles) == 1
    assert found.spoke_at == NOW + timedelta(hours=30)
    assert found.answers["satisfaction"].answers["score"] == 5
    assert [booking.treatment for booking in found.bookings] == ["scaling"]
    assert [(one.userid, one.connected, one.persona) for one in found.relations] == [
        ("xiaohu", True, "assistant")
    ]


async def test_a_merged_record_gives_the_person(database: Database, vault: Vault, pack: Pack) -> None:
    async with database.write() as session:
        patient = await fang(session, vault)
        other = await meet(session, vault, "wm-again", "芳芳", userid="zhang.wei", at=NOW + timedelta(days=1))
        await merging.merge(session, patient, other, actor="admin", reason="同一人", now=LATER)
    async with database.read() as session:
        found = await read(session, pack, [patient.id, other.id])
    assert found[patient.id] == found[other.id]
    assert [one.external_userid for one in found[patient.id].relations] == ["wm-again", FANG]


async def test_tags_that_a_person_put_on_or_took_off_on_the_phone_are_hers(
    database: Database, vault: Vault, pack: Pack
) -> None:
    async with database.write() as session:
        patient = await fang(session, vault)
        other = await meet(session, vault, "wm-again", "芳芳", userid="zhang.wei", at=NOW)
        await merging.merge(session, patient, other, actor="admin", reason="同一人", now=NOW)
        tags = {"需求/想种牙": "et-1", "顾客层级/重要顾客": "et-2", "需求/洁牙": "et-3"}
        await corp_listing.record_corp_tags(session, tags)
        [hers] = await session.scalars(select(Follow).where(Follow.patient_id == patient.id))
        [his] = await session.scalars(select(Follow).where(Follow.patient_id == other.id))
        for follow, listed in ((hers, ["顾客层级/重要顾客"]), (his, ["需求/洁牙"])):
            follow.tags_asked = None
            at = NOW + timedelta(hours=30)
            await tagging.note_worn(session, follow, listed, at=at, asked_at=at, now=at)
    async with database.read() as session:
        assert set((await read(session, pack, [patient.id]))[patient.id].tags) == {
            "顾客层级/重要顾客",
            "需求/洁牙",
            "需求/想种牙",
        }


async def test_nobody_is_left_out(database: Database, pack: Pack) -> None:
    async with database.read() as session:
        assert await read(session, pack, [4711]) == {}


@pytest.mark.parametrize("patients", [pytest.param(2, id="two"), pytest.param(40, id="forty")])
async def test_many_cost_as_many_statements_as_few(
    database: Database, vault: Vault, pack: Pack, patients: int
) -> None:
    ids = []
    async with database.write() as session:
        for number in range(patients):
            one = await meet(session, vault, f"wm-{number}", "某某", at=NOW)
            session.add(SurveyAnswer(patient_id=one.id, survey="s", number=str(number), answers={}, at=NOW))
            session.add(
                KfMessage(
                    msgid=f"m-{number}",
                    open_kfid="wk",
                    external_userid=f"wm-{number}",
                    origin=3,
                    kind="text",
                    at=NOW,
                )
            )
            ids.append(one.id)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    async with database.read() as session:
        found = await read(session, pack, ids)
    assert len(found) == patients
    assert len([one for one in statements if one.lstrip().startswith("SELECT")]) == 13
