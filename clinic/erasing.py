"""Forgetting a person who asks for it: what names her or tells of her goes, what is only counted stays.

Her rows keep an alias that says nothing instead of her ids, so that visits, receipts and stages still count.
WeCom's own copy is not touched: staff delete the contact there (the page says so).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import LargeBinary, String, cast, delete, func, literal, or_, select, update

from clinic import audit, merging, terms
from clinic.care_tables import (
    Consent,
    Greeting,
    GroupMove,
    KfMessage,
    StageMove,
    SurveyAnswer,
    Todo,
    Transfer,
    Visit,
)
from clinic.tables import AuditEntry, Follow, GroupMember, Patient, PatientTag, TagWord
from clinic.todos import TodoState
from store import inbox, outbox
from store.inbox import InboxEvent
from store.outbox import OutboxEffect

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

ERASED: Final = "erased:"  # how the alias of an erased record begins
BY_ERASURE: Final = "erasure"
ACTION: Final = "patient.erase"
GONE: Final = "这位客户的信息已按本人要求删除"
AT_ONCE: Final = 500


class AlreadyErased(ValueError):
    """There is nothing left to erase."""

    def __init__(self) -> None:
        super().__init__(GONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Where a person is named besides her own rows; up to which rows was searched.

    That is: in what WeCom told us, in what we told WeCom, and in what was decided about others.
    """

    inbox: tuple[int, ...] = ()
    outbox: tuple[int, ...] = ()
    audit: tuple[int, ...] = ()
    inbox_until: int = 0
    outbox_until: int = 0
    audit_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """The alias that stands for each id now."""

    aliases: dict[str, str]
    records: int


async def find_traces(
    session: AsyncSession, external_userids: Sequence[str], *, since: Traces | None = None
) -> Traces:
    """Look for these ids through everything received and sent. It takes a second per million rows.

    So it is done before the transaction that erases, which then looks only at what came ``since``.
    """
    since = since or Traces()
    payload, body = cast(OutboxEffect.payload, String), InboxEvent.body
    sqlite = session.get_bind().dialect.name == "sqlite"
    detail = cast(AuditEntry.detail, String)
    sent, received, decided = [], [], []
    for who in external_userids:
        decided.append(detail.contains(who, autoescape=True))
        sent += [payload.contains(who, autoescape=True), OutboxEffect.key.contains(who, autoescape=True)]
        needle = cast(who.encode(), LargeBinary)
        received.append((func.instr(body, needle) if sqlite else func.position(needle.op("IN")(body))) > 0)
    in_outbox = await session.scalars(
        select(OutboxEffect.id).where(OutboxEffect.id > since.outbox_until, or_(*sent))
    )
    in_inbox = await session.scalars(
        select(InboxEvent.id).where(InboxEvent.id > since.inbox_until, or_(*received))
    )
    in_audit = await session.scalars(
        select(AuditEntry.id).where(AuditEntry.id > since.audit_until, or_(*decided))
    )
    return Traces(
        inbox=(*since.inbox, *in_inbox),
        outbox=(*since.outbox, *in_outbox),
        audit=(*since.audit, *in_audit),
        inbox_until=await session.scalar(select(func.max(InboxEvent.id))) or 0,
        outbox_until=await session.scalar(select(func.max(OutboxEffect.id))) or 0,
        audit_until=await session.scalar(select(func.max(AuditEntry.id))) or 0,
    )


async def erase(
    session: AsyncSession, patient: Patient, *, traces: Traces, actor: str, reason: str, now: datetime
) -> Erased:
    """Forget a person with all her records; only that it was done, by whom and why is left.

    Args:
        traces: what :func:`find_traces` found a moment ago.
        reason: for the audit trail, e.g. ``本人电话要求``; it must not name her.

    Raises:
        AlreadyErased: she was forgotten before.
    """
    family = await merging.family_of(session, patient)
    ids = [record.id for record in family]
    await session.execute(
        select(Patient.id).where(Patient.id.in_(ids)).order_by(Patient.id).with_for_update()
    )
    if any(record.erased_at is not None for record in family):
        raise AlreadyErased
    aliases = {record.external_userid: f"{ERASED}{secrets.token_hex(12)}" for record in family}
    found = await find_traces(session, list(aliases), since=traces)
    cards = await _cards_about(session, ids)
    found = replace(found, outbox=(*found.outbox, *cards))
    for record in family:
        external, alias = record.external_userid, aliases[record.external_userid]
        await _forget_told(session, record.id, now=now)
        await _forget_asked(session, record.id, external, now=now)
        await _rename(session, external, alias)
        await terms.record_erased(session, record.id, external)
        _blank(record, alias, now=now)
    await session.flush()
    await _forget_received(session, found)
    await _forget_sent(session, found, aliases, now=now)
    await _forget_decided(session, found, aliases)
    for alias in aliases.values():
        audit.record(
            session,
            at=now,
            actor=actor,
            action=ACTION,
            subject=f"patient:{alias}",
            reason=f"按本人要求删除个人信息：{reason}" if reason else "按本人要求删除个人信息",
        )
    return Erased(aliases=aliases, records=len(family))


async def _cards_about(session: AsyncSession, patient_ids: Sequence[int]) -> Sequence[int]:
    """Return the cards by which members were told of to-dos about her: they may call her by her nickname."""
    keys = await session.scalars(select(Todo.key).where(Todo.patient_id.in_(patient_ids)))
    cards = [f"todo:{key}"[:200] for key in keys]
    return (await session.scalars(select(OutboxEffect.id).where(OutboxEffect.key.in_(cards)))).all()


def _blank(record: Patient, alias: str, *, now: datetime) -> None:
    record.external_userid = alias
    record.unionid = record.clinic_number = None
    record.name_sealed = record.real_name_sealed = record.phone_sealed = None
    record.gender, record.born_on, record.referrer_id = 0, None, None
    record.erased_at = record.updated_at = now


async def _forget_told(session: AsyncSession, patient_id: int, *, now: datetime) -> None:
    """Empty what is written on the record's own rows; their kinds, states and times stay to be counted."""
    # Relations end, so that nothing is planned, tagged or sent for them any more.
    await session.execute(
        update(Follow)
        .where(Follow.patient_id == patient_id)
        .values(remark_sealed=None, lost_at=func.coalesce(Follow.lost_at, now), tags_asked=None)
    )
    await session.execute(
        update(Follow)
        .where(Follow.patient_id == patient_id, Follow.lost_by.is_(None))
        .values(lost_by=BY_ERASURE)
    )
    # Tags and answers tell of her health; a count of them is a count of living people.
    await session.execute(delete(PatientTag).where(PatientTag.patient_id == patient_id))
    await session.execute(delete(TagWord).where(TagWord.patient_id == patient_id))
    alias = f"{ERASED}{patient_id}:"
    for table, key in (
        (Visit, Visit.number),
        (SurveyAnswer, SurveyAnswer.number),
        (StageMove, StageMove.key),
    ):
        values: dict[str, Any] = {key.key: literal(alias) + cast(table.id, String)}
        if table is Visit:
            values["note_sealed"] = None
        elif table is SurveyAnswer:
            values["answers"] = {}
        else:
            values["reason"] = ""
        await session.execute(update(table).where(table.patient_id == patient_id).values(values))
    await session.execute(
        update(Consent)
        .where(Consent.patient_id == patient_id)
        .values(purpose="", proof="", withdrawn_at=func.coalesce(Consent.withdrawn_at, now))
    )
    await session.execute(update(Greeting).where(Greeting.patient_id == patient_id).values(cause="", why=""))


async def _forget_asked(session: AsyncSession, patient_id: int, external: str, *, now: datetime) -> None:
    """Close what people should do about her, and empty what was said of it."""
    about = or_(Todo.patient_id == patient_id, Todo.key.contains(external, autoescape=True))
    await session.execute(
        update(Todo)
        .where(about, Todo.state == TodoState.OPEN)
        .values(state=TodoState.DROPPED, closed_at=now, closed_by=audit.RULES)
    )
    await session.execute(
        update(Todo)
        .where(about)
        .values(title=GONE, body="", text_sealed=None, key=literal(ERASED) + cast(Todo.id, String))
    )


async def _rename(session: AsyncSession, external: str, alias: str) -> None:
    """Put the alias where rows are found by the id WeCom gave her, and empty what they say."""
    await session.execute(
        update(KfMessage)
        .where(KfMessage.external_userid == external)
        .values(external_userid=alias, text_sealed=None)
    )
    await session.execute(update(GroupMove).where(GroupMove.person == external).values(person=alias))
    await session.execute(delete(GroupMember).where(GroupMember.person == external))
    await session.execute(
        update(Transfer).where(Transfer.subject == external).values(subject=alias, reason="")
    )
    await session.execute(
        update(AuditEntry)
        .where(AuditEntry.subject == f"patient:{external}")
        .values(subject=f"patient:{alias}", reason="", detail={})
    )


async def _forget_received(session: AsyncSession, traces: Traces) -> None:
    """Empty the callbacks about her. One that waits to be handled stays: it is a later event."""
    for some in _slices(traces.inbox):
        await session.execute(
            update(InboxEvent)
            .where(InboxEvent.id.in_(some), InboxEvent.state.not_in(inbox.PENDING))
            .values(body=b"", lane="", error=None)
        )


async def _forget_sent(
    session: AsyncSession, traces: Traces, aliases: Mapping[str, str], *, now: datetime
) -> None:
    """Empty the effects about her and send none that waits; take her out of those about many."""
    for some in _slices(traces.outbox):
        effects = await session.scalars(
            select(OutboxEffect).where(OutboxEffect.id.in_(some)).with_for_update()
        )
        for effect in effects:
            left = without(effect.payload, aliases)
            shared = left is not None and left != effect.payload
            if effect.state in outbox.OPEN and not shared:
                effect.state, effect.lease_owner, effect.leased_until = outbox.CANCELLED, None, None
            effect.payload = left if shared and left is not None else {}
            effect.result = without(effect.result, aliases) if shared and effect.result else None
            if not shared or any(who in effect.key for who in aliases):
                effect.key = f"{ERASED}{effect.id}"
            effect.error, effect.updated_at = None, now
            effect.cause = effect.cause if shared else GONE


async def _forget_decided(session: AsyncSession, traces: Traces, aliases: Mapping[str, str]) -> None:
    """Take her out of decisions about many."""
    for some in _slices(traces.audit):
        for entry in await session.scalars(select(AuditEntry).where(AuditEntry.id.in_(some))):
            entry.detail = without(entry.detail, aliases) or {}


def without(document: Any, who: Container[str]) -> Any:
    """Return a JSON document without these ids: out of lists and mappings of many; None when it is about one.

    A list that becomes empty was about nobody else.
    """
    if isinstance(document, Mapping):
        left = {key: without(value, who) for key, value in document.items() if key not in who}
        return None if any(left[key] is None is not document[key] for key in left) else left
    if isinstance(document, list):
        items = [without(item, who) for item in document if not (isinstance(item, str) and item in who)]
        kept = [item for item in items if item is not None]
        return None if document and not kept else kept
    return None if isinstance(document, str) and document in who else document


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
