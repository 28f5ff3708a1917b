"""Forgetting a person: nothing that names her stays anywhere, what is counted does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from clinic import erasing, finding, group_moves, listings, merging, people
from clinic.care_tables import KfMessage, StageMove, Todo, Visit
from clinic.erasing import AlreadyErased
from clinic.finding import Search
from clinic.groups import Seat
from clinic.listed import ListedContact, Lookup
from clinic.reconcile import Listed
from clinic.tables import AuditEntry, Follow, Patient
from sop import forgetting
from sop.forgetting import MessageUnderWay
from sop.tables import Batch, Post, Receipt
from store import outbox
from store.inbox import InboxEvent
from store.outbox import OutboxEffect
from store.tables import Base
from store.vault import SealBroken, Vault
from tests.support.records import FANG, NOW, SECRETS, direct, fang, meet

if TYPE_CHECKING:
    from store.database import Database

LATER = NOW + timedelta(days=3)


async def forget(database: Database, patient_id: int, *, reason: str = "本人电话要求") -> None:
    async with database.read() as session:
        patient = await session.get_one(Patient, patient_id)
        family = await merging.family_of(session, patient)
        traces = await erasing.find_traces(session, [record.external_userid for record in family])
    async with database.write() as session:
        patient = await session.get_one(Patient, patient_id)
        await forgetting.forget(session, patient, traces=traces, actor="admin", reason=reason, now=LATER)


async def everything(database: Database, vault: Vault) -> str:
    """Return all that the database says, sealed columns opened."""
    said: list[str] = []
    async with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in await session.execute(select(table)):
                said += [f"{table.name}: {opened(value, vault)}" for value in row]
    return "\n".join(said)


def opened(value: Any, vault: Vault) -> str:
    if not isinstance(value, bytes):
        return str(value)
    for about in (
        "patient.name",
        "patient.real_name",
        "patient.phone",
        "follow.remark",
        "visit.note",
        "kf.text",
    ):
        try:
            return vault.open(value, about=about)
        except SealBroken:
            continue
    return value.decode("utf-8", "replace")


async def test_nothing_that_names_her_or_tells_of_her_is_left_anywhere(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
    before = await everything(database, vault)
    assert [word for word in SECRETS if word not in before] == []

    await forget(database, patient_id)

    after = await everything(database, vault)
    assert [line for line in after.splitlines() for word in SECRETS if word in line] == []


async def test_what_is_counted_still_counts_and_one_line_tells_that_it_was_done(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id

    await forget(database, patient_id)

    async with database.read() as session:
        patient = await session.get_one(Patient, patient_id)
        visit = (await session.scalars(select(Visit))).one()
        receipt = (await session.scalars(select(Receipt))).one()
        counted = {
            table: await session.scalar(select(func.count()).select_from(table))
            for table in (StageMove, KfMessage, Follow, Todo, InboxEvent, OutboxEffect)
        }
        told = (await session.scalars(select(AuditEntry).where(AuditEntry.action == erasing.ACTION))).one()
        follow = (await session.scalars(select(Follow))).one()
        effects = (await session.scalars(select(OutboxEffect).order_by(OutboxEffect.id))).all()
    assert (patient.stage, patient.erased_at) == ("visited", LATER)
    assert (visit.treatment, visit.amount_fen, visit.status) == ("tartar", 19900, "done")
    assert receipt.recipient == patient.external_userid
    assert patient.external_userid.startswith(erasing.ERASED)
    assert list(counted.values()) == [2, 1, 1, 2, 1, 3]
    assert (told.actor, told.subject) == ("admin", f"patient:{patient.external_userid}")
    assert told.reason == "按本人要求删除个人信息：本人电话要求"
    assert (follow.lost_at, follow.lost_by) == (LATER, "erasure")
    assert [effect.state for effect in effects] == ["cancelled", "cancelled", "queued"]


async def test_what_is_about_many_goes_on_without_her(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id

    await forget(database, patient_id)

    async with database.read() as session:
        effect = (
            await session.scalars(select(OutboxEffect).where(OutboxEffect.kind == "transfer_patients"))
        ).one()
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "transfer.run"))).one()
    assert (effect.state, effect.key) == ("queued", "transfer:r-1")
    assert effect.payload["external_userids"] == ["wm-other"]
    assert entry.detail == {"external_userids": ["wm-other"], "failed": {}}


async def test_an_answer_that_comes_after_she_was_forgotten_brings_nothing_back(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
        taken = await outbox.claim(
            session, now=NOW, owner="courier", lease=timedelta(days=9), limit=1, urgent=False
        )

    await forget(database, patient_id)

    async with database.write() as session:
        settled = await outbox.settle(
            session, taken[0].id, owner="courier", state=outbox.SENT, now=LATER, result={"name": "芳芳妈妈"}
        )
    assert not settled  # so the courier does not record what it read of her
    assert "芳芳" not in await everything(database, vault)


async def test_a_group_that_she_is_still_in_does_not_bring_her_back(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
    await forget(database, patient_id)

    for number in range(2):
        async with database.write() as session:
            seat = Seat(person=FANG, external=True, joined_at=NOW, join_scene=3, state="")
            owner = Seat(person="xiaohu", external=False, joined_at=NOW, join_scene=0, state="")
            await group_moves.reread(session, "wr-1", [owner, seat], now=LATER, since=NOW)
            delta = group_moves.Delta(
                chat_id="wr-1",
                kind="joined" if number else "left",
                people=(FANG,),
                scene=0,
                last_version="a",
                current_version="b",
                at=LATER + timedelta(hours=number),
            )
            assert (await group_moves.apply(session, delta)).moves == ()

    assert FANG not in await everything(database, vault)


@pytest.mark.parametrize(
    ("document", "left"),
    [
        ({"external_userid": "w1", "add": ["x"]}, None),
        ({"ids": ["w1", "w2"], "n": None}, {"ids": ["w2"], "n": None}),
        ({"ids": ["w1"]}, None),
        ({"ids": [], "n": 1}, {"ids": [], "n": 1}),
        (
            {"rows": [{"who": "w1", "code": 0}, {"who": "w2", "code": 0}]},
            {"rows": [{"who": "w2", "code": 0}]},
        ),
        ({"codes": {"w1": 0, "w2": 0}}, {"codes": {"w2": 0}}),
        ({"text": "w1 and more"}, {"text": "w1 and more"}),
    ],
)
def test_an_id_is_taken_out_of_what_names_many(document: dict[str, Any], left: dict[str, Any] | None) -> None:
    assert erasing.without(document, {"w1"}) == left


async def test_nobody_finds_her_and_nobody_can_erase_her_twice(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
    await forget(database, patient_id)

    async with database.read() as session:
        for words in ("", *SECRETS, "芳芳"):
            found = await finding.search(session, Search(words=words), vault)
            assert found.items == []
    with pytest.raises(AlreadyErased, match="已按本人要求删除"):
        await forget(database, patient_id)


async def test_who_comes_back_is_a_new_person_and_a_manager_is_asked_for_her_consent(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
    await forget(database, patient_id)

    async with database.write() as session:
        back = await meet(session, vault, FANG, "芳芳妈妈", at=LATER + timedelta(days=9))

    async with database.read() as session:
        asked = (await session.scalars(select(Todo).where(Todo.kind == "consent"))).one()
        entry = (
            await session.scalars(select(AuditEntry).where(AuditEntry.subject == f"patient:{FANG}"))
        ).one()
        assert back.id != patient_id
        assert (asked.assignee, asked.patient_id, asked.state) == ("manager", back.id, "open")
        assert "是否同意重新建档" in entry.reason
    await forget(database, back.id)  # and she may change her mind again


async def test_a_listing_that_still_has_her_does_not_bring_her_back(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
    await forget(database, patient_id)
    lookup = Lookup(vault=vault, tags={}, channels={}, late_since=NOW)

    def listed(added_at: Any) -> ListedContact:
        return ListedContact(
            external_userid=FANG,
            name="芳芳妈妈",
            unionid="",
            gender=2,
            userid="xiaohu",
            relation=Listed(channel="", add_way=1, added_at=added_at),
            tag_ids=(),
        )

    async with database.write() as session:
        await listings.record(session, [listed(NOW)], lookup, asked_at=LATER, now=LATER)
        assert await finding.by_external_userid(session, FANG) is None
    async with database.write() as session:
        anew = LATER + timedelta(days=1)
        await listings.record(session, [listed(anew)], lookup, asked_at=anew, now=anew)
        assert await finding.by_external_userid(session, FANG) is not None
        assert len((await session.scalars(select(Todo).where(Todo.kind == "consent"))).all()) == 1


async def test_all_records_of_a_merged_person_go_together(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient = await fang(session, vault)
        local = await people.local_patient(session, now=NOW)
        await people.identify(session, local, vault, now=NOW, real_name="王芳芳", clinic_number="B-2024-17b")
        await merging.merge(session, patient, local, actor="admin", reason="同一手机号", now=NOW)
        ids = [patient.id, local.id]

    await forget(database, ids[1])

    async with database.read() as session:
        assert {(await session.get_one(Patient, one)).erased_at for one in ids} == {LATER}
    assert "王芳芳" not in await everything(database, vault)


async def test_a_message_under_way_is_finished_or_cancelled_first(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
        batch = (await session.scalars(select(Batch))).one()
        post = await direct(session, batch, "under-way", [FANG], state="awaiting_sender")

    with pytest.raises(MessageUnderWay, match=f"#{post.id} 正在发给这位客户"):
        await forget(database, patient_id)

    async with database.read() as session:
        assert (await session.get_one(Patient, patient_id)).erased_at is None


async def test_she_is_taken_out_of_what_waits_and_the_rest_is_reviewed_again(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        patient_id = (await fang(session, vault)).id
        batch = (await session.scalars(select(Batch))).one()
        seen = batch.revision
        both = (await direct(session, batch, "both", [FANG, "wm-other"], state="approved")).id
        alone = (await direct(session, batch, "alone", [FANG], state="in_review")).id

    await forget(database, patient_id)

    async with database.read() as session:
        shared, single = await session.get_one(Post, both), await session.get_one(Post, alone)
        batch = (await session.scalars(select(Batch))).one()
    assert (shared.state, shared.audience) == ("in_review", {"external_userids": ["wm-other"]})
    assert shared.digest != "0" * 64
    assert single.state == "cancelled"
    assert batch.revision > seen
