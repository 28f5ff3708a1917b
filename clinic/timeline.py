"""A patient's timeline: everything that is known to have happened, in order, each with its reason.

Several tables tell it. Each is one *source*: asked for the moments before a place, latest first, it returns
at most so many. Reading a page asks every source and merges; so a page costs the same however long she has
been with the clinic. What lies on an upper floor (posts, see :mod:`sop.touches`) is a source like any other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from clinic import audit, calling, stages
from clinic.care_tables import Consent, GroupMove, KfMessage, StageMove, SurveyAnswer, Todo, Visit
from clinic.consents import ConsentKind
from clinic.group_moves import JOINED, WAYS
from clinic.moments import Moment, Page, Person, Place, earlier, precedes
from clinic.stages import Stage
from clinic.tables import AuditEntry, CustomerGroup
from clinic.todos import TodoState
from clinic.visits import VisitStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.moments import Source
    from clinic.tables import Patient
    from store.vault import Vault

PAGE: Final = 50
KF_TEXT: Final = "kf.text"  # what a sealed message is bound to
KF_CHARS: Final = 200
# Told in more detail by rows of their own.
MIRRORED: Final = ("stage.moved",)
QUOTED: Final = ("kf",)  # people's own words


def person_of(
    family: Sequence[Patient], vault: Vault, *, now: datetime, treatments: Mapping[str, str] | None = None
) -> Person:
    """Return the person that these records make."""
    records = {patient.id: patient.external_userid for patient in family}
    return Person(records=records, vault=vault, treatments=treatments or {}, now=now)


async def read(
    session: AsyncSession,
    person: Person,
    *,
    before: Place | None = None,
    limit: int = PAGE,
    more: Sequence[Source] = (),
) -> Page:
    """Return a page of the timeline, the latest first.

    Args:
        before: ``next`` of the page before.
        more: sources of upper floors.
    """
    moments: list[Moment] = []
    for source in (*SOURCES, *more):
        moments += await source(session, person, before, limit + 1)
    moments.sort(key=lambda moment: moment.place, reverse=True)
    shown = await _by_name(session, moments[:limit])
    return Page(moments=shown, next=shown[-1].place if len(moments) > limit else None)


async def _by_name(session: AsyncSession, moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """Call members by their names in what the program says; what people wrote stays as it is."""
    ours = [moment.reason for moment in moments if moment.kind not in QUOTED]
    names = await calling.names_of(session, calling.userids_in(ours))
    return tuple(
        moment if moment.kind in QUOTED else replace(moment, reason=calling.by_name(moment.reason, names))
        for moment in moments
    )


async def _decisions(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    subjects = {f"patient:{external}": external for external in person.external}
    rows = await session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.subject.in_(subjects),
            AuditEntry.action.not_in(MIRRORED),
            *earlier(AuditEntry.at, AuditEntry.id, 0, before),
        )
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    return [
        Moment(
            place=Place(entry.at, 0, entry.id),
            action=entry.action,
            actor=entry.actor,
            reason=entry.reason,
            rule=entry.detail.get("rule"),
            record=subjects[entry.subject],
            detail=entry.detail,
        )
        for entry in rows
    ]


async def _stages(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    """Only the facts that changed her stage; a visit that changes nothing is told as a visit."""
    moves = {move.key: move for move in await stage_moves(session, person.ids)}
    changes = stages.fold(
        stages.Move(key=move.key, stage=Stage(move.stage), at=move.at) for move in moves.values()
    ).changes
    found = []
    for fact, stage in changes:
        move = moves[fact.key]
        place = Place(move.at, 1, move.id)
        if precedes(place, before):
            found.append(
                Moment(
                    place=place,
                    action="stage.moved",
                    actor=move.actor,
                    reason=f"阶段 → {stage.title}：{move.reason}",
                    rule=move.rule,
                    record=person.records[move.patient_id],
                    detail={"stage": stage.value},
                )
            )
    return sorted(found, key=lambda moment: moment.place, reverse=True)[:limit]


async def stage_moves(session: AsyncSession, patient_ids: Sequence[int]) -> Sequence[StageMove]:
    """Return every fact that could move a patient, in the order they happened."""
    rows = await session.scalars(
        select(StageMove).where(StageMove.patient_id.in_(patient_ids)).order_by(StageMove.at, StageMove.id)
    )
    return rows.all()


async def _visits(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    rows = await session.scalars(
        select(Visit)
        .where(Visit.patient_id.in_(person.ids), *earlier(Visit.at, Visit.id, 2, before))
        .order_by(Visit.at.desc(), Visit.id.desc())
        .limit(limit)
    )
    found = []
    for visit in rows:
        what = person.treatments.get(visit.treatment or "") or visit.treatment_code or "未写项目"
        found.append(
            Moment(
                place=Place(visit.at, 2, visit.id),
                action=f"visit.{visit.status}",
                actor=visit.doctor,
                reason=f"就诊 {what}：{VisitStatus(visit.status).label}",
                record=person.records[visit.patient_id],
                detail={"number": visit.number, "source": visit.source, "treatment": visit.treatment},
            )
        )
    return found


async def _groups(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    rows = await session.execute(
        select(GroupMove, CustomerGroup.name)
        .outerjoin(CustomerGroup, CustomerGroup.chat_id == GroupMove.chat_id)
        .where(GroupMove.person.in_(person.external), *earlier(GroupMove.at, GroupMove.id, 3, before))
        .order_by(GroupMove.at.desc(), GroupMove.id.desc())
        .limit(limit)
    )
    return [
        Moment(
            place=Place(move.at, 3, move.id),
            action=f"group.{move.kind}",
            actor="",
            reason=_group_words(move, name or "未命名的群"),
            record=move.person,
            detail={"chat_id": move.chat_id, "inviter": move.inviter, "scene": move.scene},
        )
        for move, name in rows
    ]


def _group_words(move: GroupMove, name: str) -> str:
    ways = (WAYS.get((move.kind, move.scene), ""), f"成员 {move.inviter} 邀请" if move.inviter else "")
    how = "，".join(way for way in ways if way)
    return f"{'进入' if move.kind == JOINED else '离开'}客户群“{name}”{f'（{how}）' if how else ''}"


async def _messages(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    rows = await session.scalars(
        select(KfMessage)
        .where(
            KfMessage.external_userid.in_(person.external), *earlier(KfMessage.at, KfMessage.id, 4, before)
        )
        .order_by(KfMessage.at.desc(), KfMessage.id.desc())
        .limit(limit)
    )
    found = []
    for message in rows:
        text = person.vault.open(message.text_sealed, about=KF_TEXT) if message.text_sealed else ""
        # Ours is 0. Doc 94670: 3 the patient, 4 WeCom itself, 5 a member at the desk.
        who = {0: "小护", 3: "客户", 4: "系统", 5: "接待人员"}.get(message.origin, "")
        found.append(
            Moment(
                place=Place(message.at, 4, message.id),
                action="kf.message",
                actor="",
                reason=f"微信客服 {who}：{text[:KF_CHARS] or f'[{message.kind}]'}",
                record=message.external_userid,
                detail={"open_kfid": message.open_kfid, "kind": message.kind, "origin": message.origin},
            )
        )
    return found


async def _answers(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    rows = await session.scalars(
        select(SurveyAnswer)
        .where(SurveyAnswer.patient_id.in_(person.ids), *earlier(SurveyAnswer.at, SurveyAnswer.id, 5, before))
        .order_by(SurveyAnswer.at.desc(), SurveyAnswer.id.desc())
        .limit(limit)
    )
    return [
        Moment(
            place=Place(answer.at, 5, answer.id),
            action="survey.answered",
            actor="",
            reason=f"填写问卷 {answer.survey}",
            record=person.records[answer.patient_id],
            detail={"survey": answer.survey, "answers": answer.answers},
        )
        for answer in rows
    ]


async def _ended_consents(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    """Nobody writes down that a consent ran out: the clock does it."""
    rows = await session.scalars(
        select(Consent)
        .where(
            Consent.patient_id.in_(person.ids),
            Consent.until <= person.now,
            or_(Consent.withdrawn_at.is_(None), Consent.withdrawn_at > Consent.until),
            *earlier(Consent.until, Consent.id, 6, before),
        )
        .order_by(Consent.until.desc(), Consent.id.desc())
        .limit(limit)
    )
    return [
        Moment(
            place=Place(consent.until, 6, consent.id),
            action="consent.expired",
            actor=audit.RULES,
            reason=f"同意到期：{ConsentKind(consent.kind).title}",
            record=person.records[consent.patient_id],
            detail={"consent": consent.id, "kind": consent.kind},
        )
        for consent in rows
        if consent.until is not None
    ]


async def _asked(session: AsyncSession, person: Person, before: Place | None, limit: int) -> Sequence[Moment]:
    rows = await session.scalars(
        select(Todo)
        .where(Todo.patient_id.in_(person.ids), *earlier(Todo.created_at, Todo.id, 7, before))
        .order_by(Todo.created_at.desc(), Todo.id.desc())
        .limit(limit)
    )
    return [
        Moment(
            place=Place(todo.created_at, 7, todo.id),
            action="todo.asked",
            actor=audit.RULES,
            reason=f"待办：{todo.title}",
            record=person.records[todo.patient_id or 0],
            detail={"todo": todo.id, "kind": todo.kind, "assignee": todo.assignee, "state": todo.state},
        )
        for todo in rows
    ]


async def _closed(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    rows = await session.scalars(
        select(Todo)
        .where(
            Todo.patient_id.in_(person.ids),
            Todo.closed_at.is_not(None),
            *earlier(Todo.closed_at, Todo.id, 8, before),
        )
        .order_by(Todo.closed_at.desc(), Todo.id.desc())
        .limit(limit)
    )
    return [
        Moment(
            place=Place(todo.closed_at, 8, todo.id),
            action=f"todo.{todo.state}",
            actor=todo.closed_by or "",
            reason=f"待办{'完成' if todo.state == TodoState.DONE else '不用做了'}：{todo.title}",
            record=person.records[todo.patient_id or 0],
            detail={"todo": todo.id, "kind": todo.kind},
        )
        for todo in rows
        if todo.closed_at is not None
    ]


SOURCES: Final[tuple[Source, ...]] = (
    _decisions,
    _stages,
    _visits,
    _groups,
    _messages,
    _answers,
    _ended_consents,
    _asked,
    _closed,
)
