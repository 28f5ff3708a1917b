"""Makes patients for tests: a name is enough, and one who has everything that a patient can have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from clinic import audit, consents, people, stages, todos
from clinic.care_tables import (
    Greeting,
    GroupMove,
    KfMessage,
    SurveyAnswer,
    Transfer,
    Visit,
)
from clinic.consents import ConsentKind
from clinic.effects import FetchContact, TransferPatients
from clinic.people import FollowFact, Profile
from clinic.stages import Stage
from clinic.tables import CustomerGroup, GroupMember, PatientTag, Tag, TagWord
from clinic.timeline import KF_TEXT
from sop.effects import NotifyStaff
from sop.tables import Batch, Post, Push, Receipt
from store import inbox, outbox
from store.inbox import InboxEvent

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient
    from store.vault import Vault

NOW = datetime(2025, 6, 2, 0, 30, tzinfo=UTC)
FANG = "wmFANG0000000000000000000000000x"
# Words of hers that must be nowhere once she is forgotten.
SECRETS = ("王芳芳", "芳芳妈妈", "13800138000", "B-2024-17", "union-fang", "种植顾问的备注", FANG)


async def meet(
    session: AsyncSession,
    vault: Vault,
    external_userid: str,
    name: str,
    *,
    userid: str = "xiaohu",
    remark: str = "",
    unionid: str | None = None,
    at: datetime = NOW,
    now: datetime | None = None,
) -> Patient:
    """Record somebody as WeCom tells of her."""
    fact = FollowFact(userid=userid, channel="front-desk", add_way=1, added_at=at, remark=remark or name)
    profile = Profile(external_userid=external_userid, name=name, unionid=unionid, gender=2, follows=(fact,))
    return await people.apply_profile(session, profile, vault=vault, now=now or at)


async def fang(session: AsyncSession, vault: Vault) -> Patient:
    """Record 芳芳妈妈 with a row in every table that can hold something of hers."""
    patient = await meet(session, vault, FANG, "芳芳妈妈🌸", remark="种植顾问的备注", unionid="union-fang")
    await people.identify(
        session,
        patient,
        vault,
        now=NOW,
        real_name="王芳芳",
        phone="+86 138 0013 8000",
        clinic_number="B-2024-17",
        born_on=datetime(1988, 3, 8, tzinfo=UTC).date(),
    )
    await _clinical(session, vault, patient)
    await _told(session, vault, patient)
    await _traffic(session, patient)
    return patient


async def _clinical(session: AsyncSession, vault: Vault, patient: Patient) -> None:
    def at(hours: int) -> datetime:
        return NOW + timedelta(hours=hours)

    tag = Tag(group_name="需求", name="想种牙", wecom_id="et-1")
    session.add(tag)
    await session.flush()
    session.add(
        PatientTag(
            patient_id=patient.id,
            userid="xiaohu",
            tag_id=tag.id,
            origin="rule",
            reason="芳芳妈妈说想种牙",
            rule="implant-keyword",
            at=at(1),
        )
    )
    for key, stage, hours in (("added:xiaohu:1", Stage.ADDED, 0), ("visit:B-2024-17", Stage.VISITED, 26)):
        await stages.move(
            session,
            patient,
            key=key,
            stage=stage,
            at=at(hours),
            now=at(hours),
            actor=audit.RULES,
            reason="芳芳妈妈到店" if hours else "添加了成员 xiaohu",
            rule="visited" if hours else None,
        )
    session.add_all(
        [
            TagWord(
                patient_id=patient.id,
                key="word:1",
                path="需求/想种牙",
                present=True,
                at=at(1),
                origin="rule",
                reason="芳芳妈妈说想种牙",
                recorded_at=at(1),
            ),
            Visit(
                patient_id=patient.id,
                source="clinic",
                number="B-2024-17/1",
                status="done",
                at=at(26),
                treatment="tartar",
                treatment_code="JY01",
                doctor="zhang.wei",
                amount_fen=19900,
                note_sealed=vault.seal("王芳芳怕疼", about="visit.note"),
                created_at=at(26),
                updated_at=at(26),
            ),
            SurveyAnswer(
                patient_id=patient.id,
                survey="satisfaction",
                number="B-2024-17/s",
                answers={"name": "王芳芳", "score": 5},
                at=at(30),
            ),
            Greeting(
                key="welcome:1",
                patient_id=patient.id,
                userid="xiaohu",
                persona="assistant",
                welcome="welcome.assistant",
                why="默认",
                state="sent",
                cause="",
                at=NOW,
            ),
        ]
    )
    await consents.give(
        session,
        patient,
        kind=ConsentKind.CASE,
        purpose="王芳芳的案例",
        proof="纸质 13800138000",
        now=at(3),
        actor="xiaohu",
        until=at(48),
    )


async def _told(session: AsyncSession, vault: Vault, patient: Patient) -> None:
    def at(hours: int) -> datetime:
        return NOW + timedelta(hours=hours)

    group = await session.get(CustomerGroup, "wr-1")
    if group is None:
        session.add(
            CustomerGroup(chat_id="wr-1", name="护牙福利社", owner="xiaohu", members=9, changed_at=NOW)
        )
        await session.flush()
    session.add_all(
        [
            GroupMember(chat_id="wr-1", person=FANG, external=True, joined_at=at(4)),
            GroupMove(chat_id="wr-1", person=FANG, external=True, kind="joined", at=at(4)),
            KfMessage(
                msgid="m-1",
                open_kfid="wk-1",
                external_userid=FANG,
                origin=3,
                kind="text",
                text_sealed=vault.seal("我是王芳芳，想问种植", about=KF_TEXT),
                at=at(5),
            ),
            Transfer(
                run="r-1",
                kind="patient",
                resigned=False,
                subject=FANG,
                handover="xiaohu",
                takeover="zhang.wei",
                state="done",
                reason="芳芳妈妈转给张医生",
                created_at=at(6),
                updated_at=at(6),
            ),
        ]
    )
    await todos.ask(
        session,
        key=f"handoff:{FANG}",
        kind="handoff",
        assignee="xiaohu",
        title="联系芳芳妈妈",
        body="芳芳妈妈想种牙",
        now=at(2),
        patient_id=patient.id,
    )
    audit.record(
        session,
        at=at(1),
        actor=audit.RULES,
        action="tags.marked",
        subject=f"patient:{FANG}",
        reason="标签 需求/想种牙：规则 implant-keyword（芳芳妈妈）",
        detail={"rule": "implant-keyword"},
    )


async def _traffic(session: AsyncSession, patient: Patient) -> None:
    batch = Batch(week=NOW.date(), persona="assistant", created_at=NOW)
    session.add(batch)
    await session.flush()
    post = await direct(session, batch, "sent-to-fang", [FANG, "wm-other"], state="published")
    push = Push(post_id=post.id, kind="direct", created_at=NOW, expires_at=NOW)
    session.add(push)
    await session.flush()
    session.add(
        Receipt(push_id=push.id, userid="xiaohu", recipient=FANG, status="sent", at=NOW + timedelta(hours=7))
    )
    await outbox.put(
        session,
        FetchContact(external_userid=FANG),
        key=f"fetch:{FANG}:1",
        now=NOW,
        cause="读取客户详情",
    )
    await outbox.put(
        session,
        NotifyStaff(to=["xiaohu"], title="联系芳芳妈妈", body="", url="https://clinic.example/"),
        key=f"todo:handoff:{FANG}",
        now=NOW,
        cause="联系芳芳妈妈",
    )
    # She is one of many in these.
    await outbox.put(
        session,
        TransferPatients(
            run="r-1",
            handover="xiaohu",
            takeover="zhang.wei",
            resigned=False,
            external_userids=[FANG, "wm-other"],
            message="",
        ),
        key="transfer:r-1",
        now=NOW,
        cause="交接两位客户",
    )
    audit.record(
        session,
        at=NOW,
        actor="admin",
        action="transfer.run",
        subject="member:xiaohu",
        reason="交接两位客户",
        detail={"external_userids": [FANG, "wm-other"], "failed": {FANG: 40096}},
    )
    await todos.ask(
        session, key=f"transfer-failed:{FANG}:1", kind="x", assignee="manager", title="t", body="", now=NOW
    )
    body = f"<xml><ExternalUserID><![CDATA[{FANG}]]></ExternalUserID></xml>".encode()
    session.add(
        InboxEvent(
            **(inbox.new_row(body, lane=f"p:{FANG}", urgent=False, received_at=NOW) | {"state": inbox.DONE})
        )
    )
    del patient


async def direct(session: AsyncSession, batch: Batch, slot: str, who: list[str], *, state: str) -> Post:
    """Record a 1-to-1 post."""
    post = Post(
        batch_id=batch.id,
        slot=slot,
        scope="direct",
        kind="direct",
        state=state,
        persona="assistant",
        sender="xiaohu",
        text="记得周三来复查哦",
        audience={"external_userids": who},
        scheduled_at=NOW,
        digest="0" * 64,
        created_at=NOW,
        updated_at=NOW,
    )
    session.add(post)
    await session.flush()
    return post
