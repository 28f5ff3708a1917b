"""Patients are found by whatever is known of them; two records of one person become one, and two again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from clinic import audit, consents, finding, merging, people, stages, terms, todos
from clinic.consents import ConsentKind, ConsentRefused, Standing
from clinic.finding import Search
from clinic.identity import NotAPhone
from clinic.merging import NotMergeable
from clinic.people import NumberTaken
from clinic.stages import Stage
from clinic.tables import Patient, PatientTerm
from clinic.todos import TodoState
from tests.support.records import FANG, NOW, fang, meet

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from store.database import Database
    from store.vault import Vault


async def names(session: AsyncSession, vault: Vault, search: Search) -> list[str]:
    found = await finding.search(session, search, vault)
    return [people.name_of(patient, vault) for patient in found.items]


@pytest.mark.parametrize(
    "words",
    [
        "13800138000",
        "+86 138-0013-8000",
        "8000",
        "王芳芳",
        "王 芳芳",
        "芳芳",
        "妈妈🌸",
        "顾问的备注",
        "B-2024-17",
        "union-fang",
        FANG,
    ],
)
async def test_a_patient_is_found_by_whatever_is_known_of_her(
    database: Database, vault: Vault, words: str
) -> None:
    async with database.write() as session:
        await fang(session, vault)
        await meet(session, vault, "wm-another", "小明")

    async with database.read() as session:
        assert await names(session, vault, Search(words=words)) == ["芳芳妈妈🌸"]


@pytest.mark.parametrize("words", ["13800138001", "8001", "王芳", "B-2024", "妈妈芳芳", "🌸"])
async def test_what_is_not_hers_does_not_find_her(database: Database, vault: Vault, words: str) -> None:
    async with database.write() as session:
        await fang(session, vault)

    async with database.read() as session:
        assert await names(session, vault, Search(words=words)) == []


async def test_a_new_name_phone_or_remark_replaces_the_old_one(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient = await fang(session, vault)
        await meet(session, vault, FANG, "晓晴", remark="晓晴妈")
        await people.identify(session, patient, vault, now=NOW, phone="13911112222", real_name="李晓晴")

    async with database.read() as session:
        for words in ("芳芳妈妈", "顾问", "13800138000", "8000", "王芳芳"):
            assert await names(session, vault, Search(words=words)) == []
        for words in ("晓晴", "晴妈", "13911112222", "2222", "李晓晴"):
            assert await names(session, vault, Search(words=words)) == ["晓晴"]


async def test_lists_are_filtered_by_stage_tag_and_member_and_come_in_pages(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        for number in range(5):
            await meet(session, vault, f"wm-{number}", f"客户{number}", userid=f"m{number % 2}")
        await fang(session, vault)
        await people.lost(session, external_userid="wm-1", userid="m1", by="patient", at=NOW, now=NOW)
        late = NOW + timedelta(hours=1)
        await people.lost(session, external_userid="wm-3", userid="m1", by="patient", at=late, now=late)

    async with database.read() as session:
        assert await names(session, vault, Search(stage="visited")) == ["芳芳妈妈🌸"]
        assert await names(session, vault, Search(tag="需求/想种牙")) == ["芳芳妈妈🌸"]
        assert await names(session, vault, Search(tag="需求/没有")) == []
        assert await names(session, vault, Search(member="m0")) == ["客户4", "客户2", "客户0"]
        assert await names(session, vault, Search(member="m1", words="客户")) == []
        first = await finding.search(session, Search(words="客户"), vault, limit=3)
        second = await finding.search(session, Search(words="客户"), vault, before=first.next, limit=3)
    assert [people.name_of(p, vault) for p in (*first.items, *second.items)] == [
        f"客户{n}" for n in (4, 3, 2, 1, 0)
    ]
    assert second.next is None


async def test_a_clinic_number_belongs_to_one_record_and_a_phone_must_be_one(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        await fang(session, vault)
        other = await people.local_patient(session, now=NOW)

        with pytest.raises(NumberTaken, match="合并"):
            await people.identify(session, other, vault, now=NOW, clinic_number="B-2024-17")
        with pytest.raises(NotAPhone):
            await people.identify(session, other, vault, now=NOW, phone="12345")
        assert await people.identify(session, other, vault, now=NOW, phone=" ", real_name="") == ()


async def test_the_first_phone_a_member_noted_is_taken_while_nothing_better_is_known(
    database: Database, vault: Vault
) -> None:
    fact = people.FollowFact(
        userid="xiaohu", channel="", add_way=1, added_at=NOW, phones=("家里的", "138 0013 8000")
    )
    profile = people.Profile(external_userid="wm-1", name="小明", unionid=None, gender=0, follows=(fact,))
    async with database.write() as session:
        patient = await people.apply_profile(session, profile, vault=vault, now=NOW)
        assert people.phone_of(patient, vault) == "13800138000"
        await people.identify(session, patient, vault, now=NOW, phone="13911112222")
        patient = await people.apply_profile(session, profile, vault=vault, now=NOW)
        assert people.phone_of(patient, vault) == "13911112222"


async def two(session: AsyncSession, vault: Vault) -> tuple[Patient, Patient]:
    """Record 芳芳 as WeCom knows her, and as the clinic's own system does."""
    here = await meet(session, vault, FANG, "芳芳妈妈")
    await people.identify(session, here, vault, now=NOW, phone="13800138000")
    local = await people.local_patient(session, now=NOW)
    await people.identify(
        session, local, vault, now=NOW, phone="13800138000", clinic_number="B-1", real_name="王芳芳"
    )
    await stages.move(
        session,
        local,
        key="visit:1",
        stage=Stage.VISITED,
        at=NOW,
        now=NOW,
        actor=audit.RULES,
        reason="到店",
    )
    return here, local


async def test_equal_phones_suggest_one_person_until_somebody_says_they_are_two(
    database: Database, vault: Vault
) -> None:
    async with database.write() as session:
        here, local = await two(session, vault)
        await meet(session, vault, "wm-stranger", "小明")
        assert await merging.suggestions(session, [here]) == [(local, "手机号相同")]
        assert await merging.suggestions(session, [local]) == [(here, "手机号相同")]
        merging.keep_apart(session, here, local, actor="admin", now=NOW)
        assert await merging.suggestions(session, [here]) == []
        assert await merging.suggestions(session, [local]) == []


async def test_shared_phones_are_listed_page_by_page(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        for number in range(3):
            for _ in range(2):
                record = await people.local_patient(session, now=NOW)
                await people.identify(session, record, vault, now=NOW, phone=f"1380013800{number}")
        await people.identify(
            session, await people.local_patient(session, now=NOW), vault, now=NOW, phone="13900000000"
        )
        pages, after = [], ""
        while True:
            found = await merging.doubles(session, after=after, limit=2)
            pages.append([[patient.id for patient in group] for group in found.groups])
            if found.next is None:
                break
            after = found.next

    assert [len(page) for page in pages] == [2, 1]
    assert sorted(group for page in pages for group in page) == [[1, 2], [3, 4], [5, 6]]


async def test_one_wechat_account_under_two_ids_is_suggested(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        one = await meet(session, vault, "wm-1", "芳芳", unionid="u-1")
        two_ = await meet(session, vault, "wm-2", "芳芳", unionid="u-1")
        assert await merging.suggestions(session, [one]) == [(two_, "同一个微信（unionid 相同）")]


async def test_merged_records_speak_as_one_and_can_be_taken_apart(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        here, local = await two(session, vault)
        keep = await merging.merge(session, local, here, actor="admin", reason="同一人", now=NOW)
        assert keep.id == here.id  # whom WeCom knows speaks, whichever was named first
        assert (here.stage, local.merged_into) == ("visited", here.id)
        assert await merging.family_of(session, local) == [here, local]
        assert await merging.suggestions(session, [here, local]) == []
        for words in ("B-1", "王芳芳", "芳芳妈妈", "13800138000", local.external_userid):
            assert await names(session, vault, Search(words=words)) == ["芳芳妈妈"]
        assert await finding.by_phone(session, "13800138000", vault) == [here]
        with pytest.raises(NotMergeable, match="已经是同一位"):
            await merging.merge(session, here, local, actor="admin", reason="", now=NOW)

        # What happens to the merged record moves the one that speaks for it.
        await stages.move(
            session, local, key="v:2", stage=Stage.CLOSED, at=NOW, now=NOW, actor="admin", reason="成交"
        )
        assert here.stage == "closed"

        await merging.split(session, local, actor="admin", reason="其实是母女", now=NOW)
        assert (here.stage, local.stage, local.merged_into) == ("added", "closed", None)
        assert await names(session, vault, Search(words="王芳芳")) == [""]
        told = [entry.action for entry in await audit.of_subject(session, f"patient:{FANG}")]
        assert told == ["patient.merge", "patient.split"]
        with pytest.raises(NotMergeable, match="不用拆开"):
            await merging.split(session, local, actor="admin", reason="", now=NOW)


async def test_who_came_with_a_merged_record_leaves_with_it(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        a, b, c = [await meet(session, vault, f"wm-{n}", f"客户{n}") for n in range(3)]
        await merging.merge(session, b, c, actor="admin", reason="", now=NOW)
        await merging.merge(session, a, b, actor="admin", reason="", now=NOW)
        for record in (a, b, c):
            await session.refresh(record)
        assert [b.merged_into, c.merged_into] == [a.id, a.id]

        await merging.split(session, b, actor="admin", reason="", now=NOW)
        for record in (a, b, c):
            await session.refresh(record)
        assert [a.merged_into, b.merged_into, c.merged_into] == [None, None, b.id]


async def test_a_consent_holds_until_it_runs_out_or_is_withdrawn(database: Database, vault: Vault) -> None:
    day = timedelta(days=1)
    async with database.write() as session:
        patient = await meet(session, vault, "wm-1", "芳芳")
        with pytest.raises(ConsentRefused, match="凭据"):
            await consents.give(
                session, patient, kind=ConsentKind.CASE, purpose="", proof=" ", now=NOW, actor="admin"
            )
        with pytest.raises(ConsentRefused, match="今天以后"):
            await consents.give(
                session,
                patient,
                kind=ConsentKind.CASE,
                purpose="",
                proof="纸质",
                now=NOW,
                actor="admin",
                until=NOW,
            )
        case = await consents.give(
            session,
            patient,
            kind=ConsentKind.CASE,
            purpose="案例",
            proof="纸质 118",
            now=NOW,
            actor="admin",
            until=NOW + day,
        )
        care = await consents.give(
            session, patient, kind=ConsentKind.CARE, purpose="", proof="聊天", now=NOW, actor="admin"
        )

        async def holds(kind: ConsentKind, at: int) -> bool:
            found = await consents.holders(session, [patient.id], kind, now=NOW + at * day)
            return found == {patient.id}

        assert [await holds(ConsentKind.CASE, n) for n in (0, 1)] == [True, False]
        assert consents.standing(case, now=NOW + day) is Standing.EXPIRED
        assert not await consents.withdraw(session, patient, case.id, now=NOW + day, actor="admin")
        assert await consents.withdraw(session, patient, care.id, now=NOW + day, actor="admin")
        assert not await holds(ConsentKind.CARE, 1)
        assert consents.standing(care, now=NOW + day) is Standing.WITHDRAWN
        assert not await holds(ConsentKind.MARKETING, 0)


async def test_a_todo_is_closed_by_whom_it_concerns_and_can_be_opened_again(database: Database) -> None:
    async with database.write() as session:
        for number, assignee in enumerate(("xiaohu", "xiaohu", todos.MANAGER)):
            await todos.ask(
                session, key=f"k{number}", kind="x", assignee=assignee, title=f"t{number}", body="", now=NOW
            )
        first, second, third = await todos.listed(session)

        assert not await todos.close(session, third.id, by="xiaohu", now=NOW, assignees=["xiaohu"])
        assert await todos.close(session, first.id, by="xiaohu", now=NOW, assignees=["xiaohu"])
        assert not await todos.close(session, first.id, by="xiaohu", now=NOW)
        assert await todos.close(session, second.id, by="chen", now=NOW, state=TodoState.DROPPED)
        assert await todos.open_count(session) == 1
        assert await todos.open_count(session, ["xiaohu"]) == 0
        assert {todo.id for todo in await todos.listed(session, closed=True)} == {first.id, second.id}
        assert not await todos.reopen(session, first.id, assignees=["somebody"])
        assert await todos.reopen(session, first.id, assignees=["xiaohu"])
        assert not await todos.reopen(session, first.id)
        assert [todo.title for todo in await todos.listed(session, assignees=["xiaohu"])] == ["t0"]


async def test_the_index_holds_digests_only(database: Database, vault: Vault) -> None:
    async with database.write() as session:
        patient = await fang(session, vault)
        kinds = {terms.PHONE, terms.TAIL, terms.REAL_NAME, terms.NAME, terms.REMARK}
        rows = (await session.scalars(select(PatientTerm).where(PatientTerm.patient_id == patient.id))).all()
    assert {row.kind for row in rows} == kinds
    assert all(set(row.digest) <= set("0123456789abcdef") for row in rows)
