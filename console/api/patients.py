"""Patients by the API: find, read, merge, forget, and what they agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic import consents, erasing, finding, merging, people, timeline
from clinic.consents import ConsentKind, ConsentRefused
from clinic.erasing import AlreadyErased
from clinic.finding import Search
from clinic.merging import NotMergeable
from clinic.moments import Place
from clinic.stages import Stage
from console import records
from console.api import problems
from console.api.access import ACTOR
from console.api.documents import Page
from console.api.operation import Answer, Call
from console.api.patient_documents import (
    ConsentDocument,
    ErasedDocument,
    FollowDocument,
    IdentityDocument,
    MembershipDocument,
    PatientDocument,
    PatientSummary,
    PatientTagDocument,
    PatientVisitDocument,
    StageMoveDocument,
    TimelineEntry,
)
from console.api.problems import Problem, invalid
from console.api.views import local
from console.cards import masked_name, masked_phone
from console.records import load_record
from console.views import load_names
from sop import forgetting, withdrawals
from sop.forgetting import MessageUnderWay
from sop.journeys import joining
from sop.roster import load_roster
from sop.touches import TOLD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.moments import Moment
    from clinic.tables import Patient, PatientTag, Tag
    from console.api.patient_requests import (
        ConsentBody,
        ConsentPath,
        EraseBody,
        MergeBody,
        PatientPath,
        PatientQuery,
        PatientSearch,
        TimelineQuery,
        WhyBody,
    )
    from console.api.requests import Nothing
    from console.deps import Deps
    from console.records import Record
    from console.views import Names

TIMELINE_SHOWN: Final = 200


async def list_patients(call: Call[Nothing, PatientQuery, Nothing]) -> Answer:
    """Return patients, the latest recorded first."""
    return await _found(call.deps, call.query, "")


async def search_patients(call: Call[Nothing, Nothing, PatientSearch]) -> Answer:
    """Return the patients that somebody's words may mean."""
    return await _found(call.deps, call.body, call.body.q)


async def _found(deps: Deps, wanted: PatientQuery | PatientSearch, words: str) -> Answer:
    search = Search(words=words, tag=wanted.tag or "", stage=wanted.stage or "", member=wanted.member or "")
    async with deps.database.read() as session:
        page = await finding.search(session, search, deps.vault, before=wanted.cursor, limit=wanted.limit)
    items = [PatientSummary.model_validate(_summary(patient, deps)) for patient in page.items]
    return Answer(content=Page[PatientSummary](items=items, next=str(page.next) if page.next else None))


def _summary(patient: Patient, deps: Deps) -> dict[str, object]:
    return {
        "external_userid": patient.external_userid,
        "name": people.name_of(patient, deps.vault),
        "real_name": masked_name(patient, deps.vault),
        "phone": masked_phone(patient, deps.vault),
        "clinic_number": patient.clinic_number,
        "stage": Stage(patient.stage),
        "first_seen_at": local(patient.first_seen_at, deps.zone),
    }


async def patient_at(session: AsyncSession, external_userid: str) -> Patient:
    """Return the record with this id.

    Raises:
        Problem: 404.
    """
    patient = await finding.by_external_userid(session, external_userid)
    if patient is None:
        raise Problem(kind=problems.NOT_FOUND, detail="没有这个 external_userid 的客户")
    return patient


async def read_patient(call: Call[PatientPath, Nothing, Nothing]) -> Answer:
    """Return what is known of a patient, and why."""
    async with call.deps.database.read() as session:
        patient = await patient_at(session, call.path.external_userid)
        return Answer(content=await _document(session, patient, call.deps))


async def _document(session: AsyncSession, patient: Patient, deps: Deps) -> PatientDocument:
    zone, now = deps.zone, deps.clock.now()
    record = await load_record(session, patient, pack=deps.pack, vault=deps.vault, now=now)
    head = record.patient
    person = records.person_of(record, pack=deps.pack, vault=deps.vault, now=now)
    told = await timeline.read(session, person, limit=TIMELINE_SHOWN, more=TOLD)
    who = await load_names(session, userids={moment.actor for moment in told.moments})
    suggested = await merging.suggestions(session, record.family)
    worn = await records.worn_tags(session, [one.id for one in record.family])
    return PatientDocument(
        external_userid=head.external_userid,
        name=record.card.name,
        real_name=record.card.real_name,
        phone=record.card.phone,
        clinic_number=record.clinic_number or None,
        stage=record.card.stage,
        first_seen_at=local(record.card.first_seen_at, zone),
        unionid=next((one.unionid for one in record.family if one.unionid), None),
        gender=head.gender,
        born_on=record.born_on,
        stage_at=local(head.stage_at, zone),
        records=[one.external_userid for one in record.family],
        suggested=[one.external_userid for one, _ in suggested],
        follows=_follows(record, zone),
        tags=_tags(worn, record.names, zone),
        stages=_stages(record, zone),
        groups=[
            MembershipDocument(chat_id=one.chat_id, name=one.name, joined_at=local(one.joined_at, zone))
            for one in record.groups
        ],
        visits=[
            PatientVisitDocument(
                number=visit.number,
                at=local(visit.at, zone),
                treatment=visit.treatment,
                status=visit.status,
                doctor=visit.doctor,
                amount_fen=visit.amount_fen,
            )
            for visit in record.visits
        ],
        consents=[_consent(view, zone) for view in record.consents],
        timeline=[_entry(moment, who, zone) for moment in reversed(told.moments)],
    )


def _follows(record: Record, zone: ZoneInfo) -> list[FollowDocument]:
    return [
        FollowDocument(
            userid=view.row.userid,
            channel=view.row.channel,
            add_way=view.row.add_way,
            first_added_at=local(view.row.first_added_at, zone),
            added_at=local(view.row.added_at, zone),
            lost_at=local(view.row.lost_at, zone),
            lost_by=view.row.lost_by,
            half=view.row.half,
            remark=view.remark,
            record=view.record,
        )
        for view in sorted(record.follows, key=lambda view: view.row.id)
    ]


def _tags(worn: Sequence[tuple[PatientTag, Tag]], names: Names, zone: ZoneInfo) -> list[PatientTagDocument]:
    return [
        PatientTagDocument(
            group=tag.group_name,
            name=tag.name,
            userid=row.userid,
            origin=row.origin,
            reason=names.sentence(row.reason),
            rule=row.rule,
            at=local(row.at, zone),
            expires_at=local(row.expires_at, zone),
        )
        for row, tag in worn
    ]


def _stages(record: Record, zone: ZoneInfo) -> list[StageMoveDocument]:
    return [
        StageMoveDocument(
            stage=Stage(move.stage),
            at=local(move.at, zone),
            actor=move.actor,
            rule=move.rule,
            reason=record.names.sentence(move.reason),
        )
        for move in record.moves
    ]


def _consent(view: records.ConsentView, zone: ZoneInfo) -> ConsentDocument:
    row = view.row
    return ConsentDocument.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "purpose": row.purpose,
            "proof": row.proof,
            "given_at": local(row.given_at, zone),
            "until": local(row.until, zone),
            "withdrawn_at": local(row.withdrawn_at, zone),
            "recorded_by": row.recorded_by,
            "standing": view.standing.value,
        }
    )


def _entry(moment: Moment, names: Names, zone: ZoneInfo) -> TimelineEntry:
    return TimelineEntry(
        at=local(moment.at, zone),
        actor=moment.actor,
        actor_name=names.person(moment.actor),
        action=moment.action,
        reason=moment.reason,
        rule=moment.rule,
        record=moment.record,
        detail=dict(moment.detail),
    )


async def read_timeline(call: Call[PatientPath, TimelineQuery, Nothing]) -> Answer:
    """Return a page of what happened to a patient, the latest first."""
    deps, now = call.deps, call.deps.clock.now()
    try:
        before = Place.parse(call.query.cursor) if call.query.cursor else None
    except ValueError as exc:
        raise invalid("cursor", str(exc)) from None
    async with deps.database.read() as session:
        patient = await patient_at(session, call.path.external_userid)
        family = await merging.family_of(session, patient)
        person = timeline.person_of(family, deps.vault, now=now, treatments=records.treatments_of(deps.pack))
        page = await timeline.read(session, person, before=before, limit=call.query.limit, more=TOLD)
        names = await load_names(session, userids={moment.actor for moment in page.moments})
    items = [_entry(moment, names, deps.zone) for moment in page.moments]
    return Answer(content=Page[TimelineEntry](items=items, next=str(page.next) if page.next else None))


async def reveal_patient(call: Call[PatientPath, Nothing, WhyBody]) -> Answer:
    """Return real name and phone in clear, and write down that they were asked for."""
    deps, now = call.deps, call.deps.clock.now()
    async with deps.database.write() as session:
        patient = await patient_at(session, call.path.external_userid)
        family = await merging.family_of(session, patient)
        records.note_reveal(session, family[0], actor=ACTOR, reason=call.body.reason, now=now)
        real_name, phone = records.revealed(family, deps.vault)
    return Answer(content=IdentityDocument(real_name=real_name, phone=phone))


async def merge_patients(call: Call[PatientPath, Nothing, MergeBody]) -> Answer:
    """Let one record speak for two, and return it."""
    deps, now = call.deps, call.deps.clock.now()
    try:
        async with deps.database.write() as session:
            keep = await patient_at(session, call.path.external_userid)
            other = await patient_at(session, call.body.other)
            head = await joining.merge(session, keep, other, actor=ACTOR, reason=call.body.reason, now=now)
            return Answer(content=await _document(session, head, deps))
    except NotMergeable as exc:
        raise Problem(kind=problems.NOT_POSSIBLE, detail=str(exc)) from None


async def split_patient(call: Call[PatientPath, Nothing, WhyBody]) -> Answer:
    """Take a merged record out again, and return it."""
    deps, now = call.deps, call.deps.clock.now()
    try:
        async with deps.database.write() as session:
            patient = await patient_at(session, call.path.external_userid)
            await merging.split(session, patient, actor=ACTOR, reason=call.body.reason, now=now)
            return Answer(content=await _document(session, patient, deps))
    except NotMergeable as exc:
        raise Problem(kind=problems.NOT_POSSIBLE, detail=str(exc)) from None


async def erase_patient(call: Call[PatientPath, Nothing, EraseBody]) -> Answer:
    """Forget a person with all her records."""
    deps, wanted = call.deps, call.path.external_userid
    if call.body.confirm != wanted:
        raise invalid("confirm", "和地址里的 external_userid 不一样：什么都没有删除")
    async with deps.database.read() as session:
        family = await merging.family_of(session, await patient_at(session, wanted))
        traces = await erasing.find_traces(session, [one.external_userid for one in family])
    try:
        async with deps.database.write() as session:
            erased = await forgetting.forget(
                session,
                await patient_at(session, wanted),
                traces=traces,
                actor=ACTOR,
                reason=call.body.reason,
                now=deps.clock.now(),
            )
    except (AlreadyErased, MessageUnderWay) as exc:
        raise Problem(kind=problems.NOT_POSSIBLE, detail=str(exc)) from None
    return Answer(content=ErasedDocument(erased=erased.records))


async def give_consent(call: Call[PatientPath, Nothing, ConsentBody]) -> Answer:
    """Record that a patient agreed to something."""
    deps, body = call.deps, call.body
    now = deps.clock.now()
    try:
        async with deps.database.write() as session:
            patient = await merging.head_of(session, await patient_at(session, call.path.external_userid))
            consent = await consents.give(
                session,
                patient,
                kind=ConsentKind(body.kind),
                purpose=body.purpose,
                proof=body.proof,
                until=body.until if "until" in body.model_fields_set else None,
                now=now,
                actor=ACTOR,
            )
    except ConsentRefused as exc:
        raise invalid("until" if "到期" in str(exc) else "proof", str(exc)) from None
    view = records.ConsentView(row=consent, title="", standing=consents.standing(consent, now=now))
    return Answer(content=_consent(view, deps.zone), status=201)


async def withdraw_consent(call: Call[ConsentPath, Nothing, WhyBody]) -> Answer:
    """End a consent now, and return the patient's consents."""
    deps, now = call.deps, call.deps.clock.now()
    async with deps.database.write() as session:
        patient = await patient_at(session, call.path.external_userid)
        pulled = await withdrawals.withdraw(
            session,
            await merging.family_of(session, patient),
            call.path.consent,
            roster=await load_roster(session, deps.pack, now=now),
            pack=await deps.library.pack(session),
            renderer=deps.renderer,
            public_url=deps.public_url,
            actor=ACTOR,
            now=now,
        )
        answer = Answer(content=await _document(session, patient, deps)) if pulled.ended else None
    if answer is not None:
        deps.wake()
        return answer
    raise Problem(kind=problems.NOT_POSSIBLE, detail="这项同意不存在，或者早已到期、撤回")
