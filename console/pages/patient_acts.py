"""What staff do with a patient's record: complete it, merge, take apart, note consents, forget."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from aiohttp import web
from pydantic import StringConstraints

from clinic import audit, consents, erasing, merging, people
from clinic.consents import ConsentKind, ConsentRefused
from clinic.erasing import AlreadyErased
from clinic.identity import NotAPhone
from clinic.merging import NotMergeable
from clinic.people import NumberTaken
from clinic.tables import Patient
from console.forms import FormRefused, PlainForm, local_path, parse
from console.frame import actor_of, deps_of, go, hours_of
from console.pages.patients import HERE, patient_at, show
from console.pages.week import day_of
from sop import forgetting, withdrawals
from sop.forgetting import MessageUnderWay
from sop.journeys import joining
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

CONFIRM: Final = "永久删除"
LONGEST_LIFE: Final = 130
CHANGED: Final = {"clinic_number": "病历号", "phone": "电话", "real_name": "姓名", "born_on": "生日"}
_AT: Final = r"/patients/{id:\d{1,18}}"
Line = Annotated[str, StringConstraints(max_length=200)]


class IdentityForm(PlainForm):
    """Who a patient is; what is left empty stays as it is."""

    real_name: Annotated[str, StringConstraints(max_length=40)] = ""
    phone: Annotated[str, StringConstraints(max_length=40)] = ""
    clinic_number: Annotated[str, StringConstraints(max_length=64)] = ""
    born_on: str = ""


class OtherForm(PlainForm):
    """Another record, by the number in its page's address."""

    other: Annotated[str, StringConstraints(pattern=r"^\d{1,18}$")]
    reason: Line = ""


class ConsentForm(PlainForm):
    """Something a patient agreed to; ``until`` is the last day on which it holds."""

    kind: ConsentKind
    purpose: Line = ""
    proof: Annotated[str, StringConstraints(max_length=300)] = ""
    until: str = ""


class EraseForm(PlainForm):
    """Forget her; ``confirm`` is typed by hand."""

    confirm: str = ""
    reason: Line = ""


def routes() -> Iterable[web.RouteDef]:
    return (
        web.post(f"{_AT}/identity", identify),
        web.post(f"{_AT}/merge", merge),
        web.post(f"{_AT}/split", split),
        web.post(f"{_AT}/distinct", keep_apart),
        web.post(f"{_AT}/consents", give_consent),
        web.post(f"{_AT}/consents/{{consent:\\d{{1,18}}}}/withdraw", withdraw_consent),
        web.post(f"{_AT}/erase", erase),
    )


async def identify(request: web.Request) -> web.StreamResponse:
    """Complete who a patient is."""
    deps = deps_of(request)
    form = parse(IdentityForm, await request.post())
    now = deps.clock.now()
    try:
        born_on = _birthday(form.born_on, today=hours_of(request).today)
        async with deps.database.write() as session:
            patient = await merging.head_of(session, await patient_at(request, session))
            changed = await people.identify(
                session,
                patient,
                deps.vault,
                now=now,
                real_name=form.real_name,
                phone=form.phone,
                clinic_number=form.clinic_number,
                born_on=born_on,
            )
            if changed:
                audit.record(
                    session,
                    at=now,
                    actor=actor_of(request),
                    action="patient.identify",
                    subject=f"patient:{patient.external_userid}",
                    reason=f"补充了{'、'.join(CHANGED[name] for name in changed)}",
                )
    except (NotAPhone, NumberTaken, FormRefused) as exc:
        return await _again(request, str(exc), "identity")
    return go(request, f"{HERE}/{patient.id}", note="资料已保存。" if changed else "资料没有变化。")


async def merge(request: web.Request) -> web.StreamResponse:
    """Let one record speak for both."""
    deps = deps_of(request)
    form = parse(OtherForm, await request.post())
    try:
        async with deps.database.write() as session:
            patient = await patient_at(request, session)
            other = await _other(session, form)
            head = await joining.merge(
                session, patient, other, actor=actor_of(request), reason=form.reason, now=deps.clock.now()
            )
    except NotMergeable as exc:
        return await _again(request, str(exc), "merge")
    return go(request, f"{HERE}/{head.id}", note="两份档案已合并，经过和标签放在一起看。需要时可以拆开。")


async def split(request: web.Request) -> web.StreamResponse:
    """Take a record out again that was merged by mistake."""
    deps = deps_of(request)
    form = parse(OtherForm, await request.post())
    try:
        async with deps.database.write() as session:
            head = await patient_at(request, session)
            other = await _other(session, form, within=head)
            await merging.split(
                session, other, actor=actor_of(request), reason=form.reason, now=deps.clock.now()
            )
    except NotMergeable as exc:
        return await _again(request, str(exc), "merge")
    return go(request, f"{HERE}/{head.id}", note="已拆成两份档案。")


async def keep_apart(request: web.Request) -> web.StreamResponse:
    """Note that a suggested record is somebody else's."""
    deps = deps_of(request)
    fields = await request.post()
    form = parse(OtherForm, fields)
    async with deps.database.write() as session:
        patient = await patient_at(request, session)
        other = await session.get(Patient, int(form.other))
        if other is not None and other.erased_at is None:
            merging.keep_apart(session, patient, other, actor=actor_of(request), now=deps.clock.now())
    back = local_path(str(fields.get("back", "")), f"{HERE}/{patient.id}")
    return go(request, back, note="记下了：不是同一个人，不再提示。")


async def give_consent(request: web.Request) -> web.StreamResponse:
    """Note that a patient agreed to something."""
    deps = deps_of(request)
    form = parse(ConsentForm, await request.post())
    now = deps.clock.now()
    try:
        until = None
        if form.until:
            midnight = datetime.combine(
                day_of(form.until, default=now.date()), datetime.min.time(), tzinfo=deps.zone
            )
            until = midnight + timedelta(days=1)
        async with deps.database.write() as session:
            patient = await merging.head_of(session, await patient_at(request, session))
            await consents.give(
                session,
                patient,
                kind=form.kind,
                purpose=form.purpose,
                proof=form.proof,
                until=until,
                now=now,
                actor=actor_of(request),
            )
    except (ConsentRefused, FormRefused) as exc:
        return await _again(request, str(exc), "consent")
    return go(request, f"{HERE}/{patient.id}#consents", note=f"已登记：{form.kind.title}")


async def withdraw_consent(request: web.Request) -> web.StreamResponse:
    """Note that a patient agrees no more."""
    deps, consent, now = deps_of(request), int(request.match_info["consent"]), deps_of(request).clock.now()
    async with deps.database.write() as session:
        patient = await patient_at(request, session)
        pulled = await withdrawals.withdraw(
            session,
            await merging.family_of(session, patient),
            consent,
            roster=await load_roster(session, deps.pack, now=now),
            pack=await deps.library.pack(session),
            renderer=deps.renderer,
            public_url=deps.public_url,
            actor=actor_of(request),
            now=now,
        )
    here = f"{HERE}/{patient.id}#consents"
    if not pulled.ended:
        return go(request, here, note="这项同意早已失效。", tone="warn")
    deps.wake()
    note = "已撤回，从现在起不再有效。"
    if stopped := len(pulled.drafts) + len(pulled.cancelled):
        note += f"还没发出的 {stopped} 条内容已经撤下。"
    if pulled.todos:
        note += f"交给同事去发的 {len(pulled.todos)} 条待办已经收回。"
    if pulled.published:
        note += f"有 {len(pulled.published)} 条已经发布过，已请店长安排删除。"
    if pulled.sent:
        sent = "、".join(f"{key}（{people} 位客户）" for (_, key), people in pulled.sent)
        note += f"一对一发过的收不回来，名单在内容库：{sent}。"
    return go(request, here, note=note)


async def erase(request: web.Request) -> web.StreamResponse:
    """Forget a person; the two words must have been typed."""
    deps = deps_of(request)
    form = parse(EraseForm, await request.post())
    if form.confirm != CONFIRM:
        return await _again(request, f"没有删除：请在确认框里输入“{CONFIRM}”四个字", "erase")
    if not form.reason:
        return await _again(request, "没有删除：请写明是谁、用什么方式提出的要求", "erase")
    async with deps.database.read() as session:
        family = await merging.family_of(session, await patient_at(request, session))
        traces = await erasing.find_traces(session, [record.external_userid for record in family])
    try:
        async with deps.database.write() as session:
            await forgetting.forget(
                session,
                await patient_at(request, session),
                traces=traces,
                actor=actor_of(request),
                reason=form.reason,
                now=deps.clock.now(),
            )
    except (AlreadyErased, MessageUnderWay) as exc:
        return await _again(request, str(exc), "erase")
    return go(request, HERE, note="这位客户的个人信息已经删除，只保留了不含身份的统计。")


def _birthday(raw: str, *, today: date) -> date | None:
    if not raw:
        return None
    try:
        day = date.fromisoformat(raw)
    except ValueError:
        raise FormRefused("born_on", "生日要写成 1988-03-08 的样子") from None
    if not today.year - LONGEST_LIFE <= day.year or day > today:
        raise FormRefused("born_on", "生日不对：请核对年份")
    return day


async def _other(session: AsyncSession, form: OtherForm, *, within: Patient | None = None) -> Patient:
    other = await session.get(Patient, int(form.other))
    if other is None:
        raise NotMergeable("没有这个编号的档案：编号写在档案页的地址里")
    if within is not None and other.merged_into != within.id:
        raise NotMergeable("那份档案不在这里，可能刚被别人拆开")
    return other


async def _again(request: web.Request, problem: str, place: str) -> web.Response:
    """Show the page once more, with what was wrong at its form."""
    async with deps_of(request).database.read() as session:
        patient = await merging.head_of(session, await patient_at(request, session))
        return await show(request, session, patient, status=422, problem=problem, problem_at=place)
