"""Patients and follows: kept by events that may come twice, late or in the wrong order.

Event time decides: an event older than what a follow already knows changes nothing about its standing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm.attributes import set_committed_value

from clinic import audit, terms, todos
from clinic.identity import NotAPhone, canonical_phone
from clinic.tables import LOCAL, Follow, Patient
from store.statements import PerDatabase, table_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

NAME: Final = "patient.name"  # what a sealed name is bound to
REAL_NAME: Final = "patient.real_name"
PHONE: Final = "patient.phone"
REMARK: Final = "follow.remark"
RECORDED_NOW: Final = "patients recorded in this session"  # their row ids, in the session's info
BY_PATIENT: Final = "patient"
BY_MEMBER: Final = "member"
BY_TRANSFER: Final = "transfer"  # handed over to a colleague (在职继承)
BY_SYNC: Final = "sync"  # nobody told us; the member's list no longer holds her
AT_ONCE: Final = 1000  # parameters of one statement

_KNOWN: Final = select(Patient).where(Patient.external_userid == bindparam("who"))
_MEET: Final = PerDatabase(
    lambda insert: (
        insert(_PATIENTS := table_of(Patient))
        .on_conflict_do_nothing(index_elements=["external_userid"])
        .returning(_PATIENTS.c.id)
    )
)
_RELATION: Final = (
    select(Follow)
    .where(Follow.patient_id == bindparam("patient"), Follow.userid == bindparam("userid"))
    .with_for_update()
)
_RELATE: Final = PerDatabase(
    lambda insert: insert(table_of(Follow)).on_conflict_do_nothing(index_elements=["patient_id", "userid"])
)
_RELATIONS: Final = select(Follow).where(Follow.patient_id == bindparam("patient"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What WeCom tells about a person (externalcontact/get, doc 92114)."""

    external_userid: str
    name: str
    unionid: str | None
    gender: int
    follows: tuple[FollowFact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowFact:
    """One member's relation as WeCom lists it."""

    userid: str
    channel: str
    add_way: int | None
    added_at: datetime
    remark: str | None = None  # what the member calls her; None = not told
    phones: tuple[str, ...] = ()  # what the member noted as her phones
    tags: tuple[tuple[str, str], ...] | None = None  # corp tags: 组/标签 and id; None = not told


class NumberTaken(ValueError):
    """The clinic's number belongs to another record; ``patient_id`` says which."""

    def __init__(self, patient_id: int) -> None:
        super().__init__("这个病历号已经属于另一份档案：请核对，或者把两份档案合并")
        self.patient_id = patient_id


class Forgotten(LookupError):
    """Somebody asked to be forgotten, and what is heard of her is no new meeting: nothing is recorded."""

    def __init__(self) -> None:
        super().__init__("this person asked to be forgotten and has not come back since")


async def patient_of(
    session: AsyncSession, external_userid: str, *, now: datetime, met_at: datetime | None = None
) -> Patient:
    """Return the patient with this id, recorded now if new.

    Somebody who asked to be forgotten and comes back is a new person, and a manager is asked to make sure
    that she agrees to a new record.

    Args:
        met_at: since when she and a member are connected; None: what is heard of her says no such thing.

    Raises:
        Forgotten: she asked for it and has not added anybody since.
    """
    who = {"who": external_userid}
    known = (await session.scalars(_KNOWN, who)).one_or_none()
    if known is not None:
        return known
    values = {"external_userid": external_userid, "first_seen_at": now, "updated_at": now}
    new = await session.scalar(_MEET.on(session), values)
    if new is not None:
        session.info.setdefault(RECORDED_NOW, set()).add(new)
        erased = await terms.erased_since(session, [external_userid])
        if erased:
            # Our own advice is to delete her in WeCom too: what that makes WeCom say must not bring her back.
            if met_at is None or met_at <= erased[external_userid]:
                await session.execute(delete(Patient).where(Patient.id == new))
                raise Forgotten
            await ask_consent(session, new, external_userid, now=now)
    return (await session.scalars(_KNOWN, who)).one()


async def forgotten(session: AsyncSession, external_userid: str) -> bool:
    """Tell whether she asked to be forgotten and has not come back since."""
    known = await session.scalar(select(Patient.id).where(Patient.external_userid == external_userid))
    return known is None and bool(await terms.erased_since(session, [external_userid]))


async def ask_consent(session: AsyncSession, patient_id: int, external_userid: str, *, now: datetime) -> None:
    reason = "这位客户曾要求删除个人信息，现在又出现了：请先问清是否同意重新建档，并登记同意"
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action="patient.returned",
        subject=f"patient:{external_userid}",
        reason=reason,
    )
    await todos.ask(
        session,
        key=f"consent:{external_userid}:{patient_id}",
        kind="consent",
        assignee=todos.MANAGER,
        title="要求删除过信息的客户又出现了，请确认是否同意建档",
        body=reason,
        now=now,
        patient_id=patient_id,
    )


async def local_patient(session: AsyncSession, *, now: datetime) -> Patient:
    """Record somebody whom only the clinic's own system knows; WeCom is never told this id."""
    return await patient_of(session, new_local_id(), now=now)


def new_local_id() -> str:
    """Return an id for somebody whom WeCom does not know."""
    return f"{LOCAL}{secrets.token_hex(12)}"


async def identify(
    session: AsyncSession,
    patient: Patient,
    vault: Vault,
    *,
    now: datetime,
    real_name: str | None = None,
    phone: str | None = None,
    clinic_number: str | None = None,
    born_on: date | None = None,
) -> tuple[str, ...]:
    """Write down who a patient is; what is None or empty stays. Return the names of what changed.

    Raises:
        NotAPhone: ``phone`` is none.
        NumberTaken: the clinic's number belongs to another record.
    """
    changed = []
    number = (clinic_number or "").strip()
    if number and number != patient.clinic_number:
        owner = await session.scalar(select(Patient.id).where(Patient.clinic_number == number))
        if owner is not None and owner != patient.id:
            raise NumberTaken(owner)
        patient.clinic_number = number
        changed.append("clinic_number")
    number = canonical_phone(phone) if phone and phone.strip() else ""
    if number and number != phone_of(patient, vault):
        patient.phone_sealed = vault.seal(number, about=PHONE)
        await terms.record_phone(session, patient.id, number, vault)
        changed.append("phone")
    name = (real_name or "").strip()
    if name and name != real_name_of(patient, vault):
        patient.real_name_sealed = vault.seal(name, about=REAL_NAME)
        await terms.record_real_name(session, patient.id, name, vault)
        changed.append("real_name")
    if born_on is not None and born_on != patient.born_on:
        patient.born_on = born_on
        changed.append("born_on")
    if changed:
        patient.updated_at = now
    return tuple(changed)


async def follow_of(session: AsyncSession, patient: Patient, userid: str, *, at: datetime) -> Follow:
    """Return the locked relation of a member and a patient, recorded with time ``at`` if new."""
    relation = {"patient": patient.id, "userid": userid}
    follow = (await session.scalars(_RELATION, relation)).one_or_none()
    if follow is None:
        values = {"patient_id": patient.id, "userid": userid, "changed_at": at}
        await session.execute(_RELATE.on(session), values)
        follow = (await session.scalars(_RELATION, relation)).one()
    set_committed_value(follow, "patient", patient)  # at hand for whoever goes on with it
    return follow


async def added(
    session: AsyncSession,
    *,
    external_userid: str,
    userid: str,
    channel: str | None,
    at: datetime,
    now: datetime,
    half: bool = False,
) -> Follow:
    """A member and a patient are (again) connected since ``at``.

    Args:
        half: the member has not confirmed yet; the full event, or a listing, ends that.

    Raises:
        Forgotten: she asked for it after ``at``.
    """
    patient = await patient_of(session, external_userid, now=now, met_at=at)
    follow = await follow_of(session, patient, userid, at=at)
    known_at = follow.channel_at or (follow.added_at if follow.channel else None)
    if channel and (known_at is None or (at, channel[:64]) > (known_at, follow.channel)):
        follow.channel, follow.channel_at = channel[:64], at
    # The two events of one addition may come in the wrong order: a confirmed relation stays confirmed.
    if half and (follow.added_at is None or at > follow.added_at):
        follow.half = True
    elif not half and (follow.added_at is None or at >= follow.added_at):
        follow.half = False
    if follow.added_at is None or at > follow.added_at:
        follow.added_at = at
    if follow.first_added_at is None or at < follow.first_added_at:
        follow.first_added_at = at
    # Within one second the two cannot be told apart; then the deletion counts: it disturbs nobody.
    if follow.lost_at is not None and at > follow.lost_at:
        follow.lost_at = follow.lost_by = None
        follow.tags_asked = []  # WeCom may have forgotten her tags with the relation
    follow.changed_at = max(at, follow.changed_at)
    return follow


async def lost(
    session: AsyncSession, *, external_userid: str, userid: str, by: str, at: datetime, now: datetime
) -> Follow:
    """The relation was ended at ``at`` by :data:`BY_PATIENT`, :data:`BY_MEMBER` or :data:`BY_TRANSFER`.

    Raises:
        Forgotten: she asked for it.
    """
    patient = await patient_of(session, external_userid, now=now)
    follow = await follow_of(session, patient, userid, at=at)
    # A late event knows better than a sync when it was, and who did it. Of two in one second the patient's
    # own counts, whichever came first.
    unknown = (
        follow.lost_at is None
        or follow.lost_by == BY_SYNC
        or (at, by == BY_PATIENT, by) > (follow.lost_at, follow.lost_by == BY_PATIENT, follow.lost_by or "")
    )
    if (follow.added_at is None or at >= follow.added_at) and unknown:
        follow.lost_at, follow.lost_by = at, by
    follow.changed_at = max(at, follow.changed_at)
    return follow


async def apply_profile(session: AsyncSession, profile: Profile, *, vault: Vault, now: datetime) -> Patient:
    """Write what WeCom tells about a person; relations it lists that we missed are added.

    Raises:
        Forgotten: she asked for it and has added nobody since.
    """
    met_at = max((fact.added_at for fact in profile.follows), default=None)
    patient = await patient_of(session, profile.external_userid, now=now, met_at=met_at)
    if profile.name and profile.name != name_of(patient, vault):
        patient.name_sealed = vault.seal(profile.name, about=NAME)
        await terms.record_names(session, {patient.id: [profile.name]}, vault)
    patient.unionid = profile.unionid or patient.unionid
    patient.gender, patient.updated_at = profile.gender, now
    renamed = False
    for fact in profile.follows:
        follow = await follow_of(session, patient, fact.userid, at=fact.added_at)
        follow.channel = follow.channel or fact.channel[:64]
        follow.half = False  # WeCom lists confirmed relations only
        follow.add_way = fact.add_way if fact.add_way is not None else follow.add_way
        if follow.added_at is None:
            follow.added_at = fact.added_at
        if follow.first_added_at is None:
            follow.first_added_at = follow.added_at
        if fact.remark is not None:
            renamed |= note_remark(follow, fact.remark, nickname=profile.name, vault=vault)
    if renamed:
        await record_remarks(session, patient.id, vault)
    if patient.phone_sealed is None:
        await _learn_phone(session, patient, profile, vault, now=now)
    return patient


def note_remark(follow: Follow, remark: str, *, nickname: str, vault: Vault) -> bool:
    """Write what the member calls the patient; return whether that is news (the index must learn it)."""
    # Where a member wrote nothing, WeCom repeats the nickname.
    wanted = "" if remark == nickname else remark
    if wanted == remark_of(follow, vault):
        return False
    follow.remark_sealed = vault.seal(wanted, about=REMARK) if wanted else None
    return True


async def record_remarks(session: AsyncSession, patient_id: int, vault: Vault) -> None:
    """Let a patient be found by what all her members call her."""
    await session.flush()
    follows = await session.scalars(_RELATIONS, {"patient": patient_id})
    remarks = [remark_of(follow, vault) for follow in follows]
    await terms.record_names(session, {patient_id: remarks}, vault, kind=terms.REMARK)


async def _learn_phone(
    session: AsyncSession, patient: Patient, profile: Profile, vault: Vault, *, now: datetime
) -> None:
    """Take the first phone that a member noted on the contact, while nothing better is known."""
    for noted in (phone for fact in profile.follows for phone in fact.phones):
        try:
            phone = canonical_phone(noted)
        except NotAPhone:
            continue  # members write all sorts of things there
        await identify(session, patient, vault, now=now, phone=phone)
        return


def name_of(patient: Patient, vault: Vault) -> str:
    """Return the patient's WeChat nickname in clear, empty when not known."""
    return vault.open(patient.name_sealed, about=NAME) if patient.name_sealed else ""


def real_name_of(patient: Patient, vault: Vault) -> str:
    """Return the patient's real name in clear, empty when not known."""
    return vault.open(patient.real_name_sealed, about=REAL_NAME) if patient.real_name_sealed else ""


def phone_of(patient: Patient, vault: Vault) -> str:
    """Return the patient's phone in its canonical form, empty when not known."""
    return vault.open(patient.phone_sealed, about=PHONE) if patient.phone_sealed else ""


def remark_of(follow: Follow, vault: Vault) -> str:
    """Return what the member calls the patient, empty when nothing else than her nickname."""
    return vault.open(follow.remark_sealed, about=REMARK) if follow.remark_sealed else ""


async def hold(session: AsyncSession, external_userids: Iterable[str]) -> None:
    """Let nobody else change these patients until this transaction ends; one order for all who hold many."""
    wanted = sorted(set(external_userids))
    for start in range(0, len(wanted), AT_ONCE):
        await session.execute(
            select(Patient.id)
            .where(Patient.external_userid.in_(wanted[start : start + AT_ONCE]))
            .order_by(Patient.external_userid)
            .with_for_update()
        )
