"""Visits and filled-in surveys by the API: told by the clinic's own system, all of a request or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select

from clinic import visits
from clinic.benefits import BenefitFact
from clinic.surveys import SheetFact
from clinic.tables import Patient
from clinic.visits import AHEAD, VisitFact
from console.api import problems
from console.api.access import ACTOR
from console.api.documents import Page
from console.api.operation import Answer, Call, Operation
from console.api.posts import end_of, start_of
from console.api.problems import FieldError, Problem, invalid_fields
from console.api.requests import Nothing
from console.api.views import local
from console.api.visit_documents import TakenDocument, TakenPage, VisitDocument
from console.api.visit_requests import BODY_BYTES, BenefitsBody, SheetsBody, VisitQuery, VisitsBody
from content.treatment_specs import Catalogue
from sop.intake import BenefitReport, NotTaken, SheetReport, VisitReport, take_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clinic.care_tables import Visit
    from console.api.visit_requests import VisitBody
    from console.deps import Deps
    from sop.intake import Report

TAG: Final = "visits"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN: Final = "治疗目录里没有这个项目：就诊已记下，请把它补进 treatments.yaml"
_ONE_OR_MANY: Final = (
    "可以是一个，也可以是一批（最多 500 个）；有一个不对就一个也不记，errors 说明是第几个的哪个字段。"
)


def operations() -> tuple[Operation[Any, Any, Any], ...]:
    """Return every operation on visits and surveys."""
    return (
        Operation(
            name="tellVisits",
            method="POST",
            path="/visits",
            tag=TAG,
            summary="告诉小护就诊：预约、到店、完成、取消、未到",
            description=f"{_ONE_OR_MANY}重复发送不会重复记录；同号的以 changed_at 晚的为准。",
            run=tell_visits,
            answers={201: ("有新记下的", TakenPage), 200: ("没有新的：都记过了", TakenPage)},
            path_model=Nothing,
            query=Nothing,
            body=VisitsBody,
            body_bytes=BODY_BYTES,
            problems=(problems.SEAL_BROKEN,),
        ),
        Operation(
            name="listVisits",
            method="GET",
            path="/visits",
            tag=TAG,
            summary="按时间列出就诊",
            run=list_visits,
            answers={200: ("一页就诊", Page[VisitDocument])},
            path_model=Nothing,
            query=VisitQuery,
            body=Nothing,
            problems=(problems.NOT_FOUND,),
        ),
        Operation(
            name="tellAnswers",
            method="POST",
            path="/surveys/answers",
            tag=TAG,
            summary="告诉小护填好的问卷",
            description=f"{_ONE_OR_MANY}重复发送不会重复记录；同号的以 at 晚的为准。",
            run=tell_answers,
            answers={201: ("有新记下的", TakenPage), 200: ("没有新的：都记过了", TakenPage)},
            path_model=Nothing,
            query=Nothing,
            body=SheetsBody,
            body_bytes=BODY_BYTES,
            problems=(problems.SEAL_BROKEN,),
        ),
        Operation(
            name="tellBenefits",
            method="POST",
            path="/benefits",
            tag=TAG,
            summary="告诉小护会员权益：次卡、套餐、会员卡剩多少、哪天到期",
            description=f"{_ONE_OR_MANY}重复发送不会重复记录；同号的以 changed_at 晚的为准。"
            "“权益没用完”“卡快到期”的计划看的就是它；又用了、续了期、用完了，走着的就停。",
            run=tell_benefits,
            answers={201: ("有新记下的", TakenPage), 200: ("没有新的：都记过了", TakenPage)},
            path_model=Nothing,
            query=Nothing,
            body=BenefitsBody,
            body_bytes=BODY_BYTES,
            problems=(problems.SEAL_BROKEN,),
        ),
    )


async def tell_visits(call: Call[Nothing, Nothing, VisitsBody]) -> Answer:
    """Record visits and what follows from them."""
    deps, now = call.deps, call.deps.clock.now()
    errors = [error for i, told in enumerate(call.body.visits) for error in _impossible(i, told, now)]
    if errors:
        raise invalid_fields(errors)
    reports = [VisitReport(person=told.patient.ref(), visit=_fact(told, now)) for told in call.body.visits]
    return await _take_in(deps, reports, now, of="visits")


async def tell_answers(call: Call[Nothing, Nothing, SheetsBody]) -> Answer:
    """Record filled-in surveys and what follows from them."""
    deps, now = call.deps, call.deps.clock.now()
    errors = [
        FieldError(field=f"answers.{i}.at", message="提交时间在将来：请核对日期和时区")
        for i, told in enumerate(call.body.answers)
        if told.at > now + AHEAD
    ]
    if errors:
        raise invalid_fields(errors)
    reports = [
        SheetReport(
            person=told.patient.ref(),
            sheet=SheetFact(survey=told.survey, number=told.number, at=told.at, answers=told.answers),
        )
        for told in call.body.answers
    ]
    return await _take_in(deps, reports, now, of="answers")


async def tell_benefits(call: Call[Nothing, Nothing, BenefitsBody]) -> Answer:
    """Record cards and packages and what follows from them."""
    deps, now = call.deps, call.deps.clock.now()
    today = now.astimezone(deps.zone).date()
    facts = [
        BenefitFact(
            number=told.number.strip() or told.number,
            source=told.source,
            title=told.title.strip() or told.title,
            kind=told.kind.strip(),
            total=told.total,
            used=told.used,
            issued_on=told.issued_on,
            used_on=told.used_on,
            expires_on=told.expires_on,
            changed_at=told.changed_at or now,
            told=told.changed_at is not None,
        )
        for told in call.body.benefits
    ]
    errors = [
        FieldError(field=f"benefits.{i}.{field}", message=why)
        for i, fact in enumerate(facts)
        for field, why in fact.faults(today=today)
    ]
    errors += [
        FieldError(field=f"benefits.{i}.changed_at", message="在将来：请核对时间和时区")
        for i, fact in enumerate(facts)
        if fact.changed_at > now + AHEAD
    ]
    if errors:
        raise invalid_fields(errors)
    reports = [
        BenefitReport(person=told.patient.ref(), benefit=fact)
        for told, fact in zip(call.body.benefits, facts, strict=True)
    ]
    return await _take_in(deps, reports, now, of="benefits")


async def list_visits(call: Call[Nothing, VisitQuery, Nothing]) -> Answer:
    """Return a page of visits in order of their time."""
    query, deps = call.query, call.deps
    async with deps.database.read() as session:
        whose = None
        if query.patient is not None:
            wanted = select(Patient).where(Patient.external_userid == query.patient)
            patient = (await session.scalars(wanted)).one_or_none()
            if patient is None:
                raise Problem(kind=problems.NOT_FOUND, detail="没有这个 external_userid 的客户")
            head = patient.merged_into or patient.id
            ids = select(Patient.id).where(or_(Patient.id == head, Patient.merged_into == head))
            whose = list(await session.scalars(ids))
        found = await visits.page_of(
            session,
            patient_ids=whose,
            start=start_of(query.from_, deps.zone),
            end=end_of(query.to, deps.zone),
            statuses=[status.value for status in query.status],
            after=_read_cursor(query.cursor),
            limit=query.limit + 1,
        )
        shown = found[: query.limit]
        people = select(Patient.id, Patient.external_userid).where(
            Patient.id.in_({visit.patient_id for visit in shown})
        )
        names = {row.id: row.external_userid for row in await session.execute(people)}
    catalogue = Catalogue(deps.pack.treatments)
    items = [_document(visit, names[visit.patient_id], catalogue, deps) for visit in shown]
    more = len(found) > len(shown)
    return Answer(content=Page[VisitDocument](items=items, next=_cursor(shown[-1]) if more else None))


def _fact(told: VisitBody, now: datetime) -> VisitFact:
    return VisitFact(
        source=told.source,
        number=told.number.strip() or told.number,
        status=told.status,
        at=told.at,
        changed_at=told.changed_at or now,
        told=told.changed_at is not None,
        code=told.treatment.strip(),
        doctor=told.doctor.strip(),
        amount_fen=told.amount_fen,
        note=told.note.strip(),
    )


def _impossible(i: int, told: VisitBody, now: datetime) -> list[FieldError]:
    """Tell what cannot be: such a moment would make every later word about the visit an old one."""
    errors = []
    if told.status.took_place and told.at > now + AHEAD:
        errors.append(
            FieldError(field=f"visits.{i}.at", message="还没有到这个时间，却已经到店或完成：请核对")
        )
    if told.changed_at is not None and told.changed_at > now + AHEAD:
        errors.append(FieldError(field=f"visits.{i}.changed_at", message="在将来：请核对时间和时区"))
    return errors


async def _take_in(deps: Deps, reports: Sequence[Report], now: datetime, *, of: str) -> Answer:
    try:
        taken = await take_in(
            deps.database,
            reports,
            pack=deps.pack,
            vault=deps.vault,
            public_url=deps.public_url,
            actor=ACTOR,
            now=now,
        )
    except NotTaken as exc:
        raise invalid_fields(
            [
                FieldError(field=f"{of}.{place}.patient.{fault.field}", message=str(fault))
                for place, fault in exc.faults
            ]
        ) from None
    deps.wake()
    added = sum(one.outcome == "added" for one in taken)
    changed = sum(one.outcome == "changed" for one in taken)
    items = [
        TakenDocument.model_validate(
            {
                "number": one.number,
                "outcome": one.outcome,
                "external_userid": one.external_userid,
                "notice": _UNKNOWN if one.unknown_code else "",
            }
        )
        for one in taken
    ]
    return Answer(
        status=201 if added else 200,
        content=TakenPage(items=items, added=added, changed=changed, unchanged=len(taken) - added - changed),
    )


def _document(visit: Visit, external_userid: str, catalogue: Catalogue, deps: Deps) -> VisitDocument:
    return VisitDocument(
        source=visit.source,
        number=visit.number,
        external_userid=external_userid,
        status=visits.VisitStatus(visit.status),
        at=local(visit.at, deps.zone),
        treatment=visit.treatment,
        treatment_title=catalogue.title_of(visit.treatment),
        treatment_code=visit.treatment_code,
        doctor=visit.doctor,
        amount_fen=visit.amount_fen,
        created_at=local(visit.created_at, deps.zone),
        changed_at=local(visit.updated_at, deps.zone),
    )


def _cursor(visit: Visit) -> str:
    return f"{(visit.at - _EPOCH) // timedelta(microseconds=1)}-{visit.id}"


def _read_cursor(cursor: str | None) -> tuple[datetime, int] | None:
    if cursor is None:
        return None
    microseconds, _, row = cursor.rpartition("-")
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds)), int(row)
    except OverflowError:
        raise invalid_fields([FieldError(field="cursor", message="不是本接口给出的值")]) from None
