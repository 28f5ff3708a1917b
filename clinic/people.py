"""Patients and follows: kept by events that may come twice, late or in the wrong order.

Event time decides: an event older than what a follow already knows changes nothing about its standing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.tables import Follow, Member, Patient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

NAME: Final = "patient.name"  # what a sealed name is bound to
BY_PATIENT: Final = "patient"
BY_MEMBER: Final = "member"
BY_SYNC: Final = "sync"  # nobody told us; the member's list no longer holds her


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


async def patient_of(session: AsyncSession, external_userid: str, *, now: datetime) -> Patient:
    """Return the patient with this id, recorded now if new."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(Patient)
        .values(external_userid=external_userid, gender=0, first_seen_at=now, updated_at=now)
        .on_conflict_do_nothing(index_elements=["external_userid"])
    )
    return (await session.scalars(select(Patient).where(Patient.external_userid == external_userid))).one()


async def follow_of(session: AsyncSession, patient: Patient, userid: str, *, at: datetime) -> Follow:
    """Return the locked relation of a member and a patient, recorded with time ``at`` if new."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(Follow)
        .values(patient_id=patient.id, userid=userid, channel="", changed_at=at)
        .on_conflict_do_nothing(index_elements=["patient_id", "userid"])
    )
    query = select(Follow).where(Follow.patient_id == patient.id, Follow.userid == userid).with_for_update()
    return (await session.scalars(query)).one()


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
    """
    patient = await patient_of(session, external_userid, now=now)
    follow = await follow_of(session, patient, userid, at=at)
    if channel and (not follow.channel or follow.added_at is None or at >= follow.added_at):
        follow.channel = channel[:64]
    # The two events of one addition may come in the wrong order: a confirmed relation stays confirmed.
    follow.half = half and (follow.added_at is None or follow.half or at > follow.added_at)
    if follow.added_at is None or at > follow.added_at:
        follow.added_at = at
    # Within one second the two cannot be told apart; then the deletion counts: it disturbs nobody.
    if follow.lost_at is None or at > follow.lost_at:
        follow.lost_at = follow.lost_by = None
    follow.changed_at = max(at, follow.changed_at)
    return follow


async def lost(
    session: AsyncSession, *, external_userid: str, userid: str, by: str, at: datetime, now: datetime
) -> Follow:
    """The relation was ended at ``at`` by :data:`BY_PATIENT` or :data:`BY_MEMBER`."""
    patient = await patient_of(session, external_userid, now=now)
    follow = await follow_of(session, patient, userid, at=at)
    # A late event knows better than a sync when it was, and who did it.
    unknown = follow.lost_at is None or follow.lost_by == BY_SYNC or at > follow.lost_at
    if (follow.added_at is None or at >= follow.added_at) and unknown:
        follow.lost_at, follow.lost_by = at, by
    follow.changed_at = max(at, follow.changed_at)
    return follow


async def apply_profile(session: AsyncSession, profile: Profile, *, vault: Vault, now: datetime) -> Patient:
    """Write what WeCom tells about a person; relations it lists that we missed are added."""
    patient = await patient_of(session, profile.external_userid, now=now)
    if profile.name:
        patient.name_sealed = vault.seal(profile.name, about=NAME)
    patient.unionid = profile.unionid or patient.unionid
    patient.gender, patient.updated_at = profile.gender, now
    for fact in profile.follows:
        follow = await follow_of(session, patient, fact.userid, at=fact.added_at)
        follow.channel = follow.channel or fact.channel[:64]
        follow.half = False  # WeCom lists confirmed relations only
        follow.add_way = fact.add_way if fact.add_way is not None else follow.add_way
        if follow.added_at is None:
            follow.added_at = fact.added_at
    return patient


def name_of(patient: Patient, vault: Vault) -> str:
    """Return the patient's name in clear, empty when not known."""
    return vault.open(patient.name_sealed, about=NAME) if patient.name_sealed else ""


async def record_serving(session: AsyncSession, userids: Iterable[str], *, now: datetime) -> None:
    """Write down who has the customer-contact function now (get_follow_user_list, doc 92571)."""
    serving = set(userids)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for userid in sorted(serving):
        values = {"serves": True, "seen_at": now}
        await session.execute(
            insert(Member)
            .values(userid=userid, name="", alias="", **values)
            .on_conflict_do_update(index_elements=["userid"], set_=values)
        )
    await session.execute(update(Member).where(Member.userid.not_in(serving)).values(serves=False))


async def record_member(session: AsyncSession, userid: str, *, name: str, alias: str) -> None:
    """Write down how a member is called."""
    await session.execute(
        update(Member).where(Member.userid == userid).values(name=name[:64], alias=alias[:64])
    )
