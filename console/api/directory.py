"""Who the clinic deals with, by the API: patients, customer groups, personas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic import audit
from clinic.people import name_of
from clinic.tables import CustomerGroup, Follow, Patient, PatientTag, Tag
from console.api import problems
from console.api.documents import (
    FollowDocument,
    GroupDocument,
    Page,
    PatientDocument,
    PatientTagDocument,
    PersonaDocument,
    TimelineEntry,
)
from console.api.operation import Answer, Call
from console.api.problems import Problem
from console.api.views import local
from sop.roster import load_roster

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.api.requests import GroupQuery, Nothing, PatientPath


async def read_patient(call: Call[PatientPath, Nothing, Nothing]) -> Answer:
    """Return what is known of a patient, and why."""
    zone, wanted = call.deps.zone, call.path.external_userid
    async with call.deps.database.read() as session:
        patient = (
            await session.scalars(select(Patient).where(Patient.external_userid == wanted))
        ).one_or_none()
        if patient is None:
            raise Problem(kind=problems.NOT_FOUND, detail="没有这个 external_userid 的客户")
        return Answer(
            content=PatientDocument(
                external_userid=patient.external_userid,
                unionid=patient.unionid,
                name=name_of(patient, call.deps.vault),
                gender=patient.gender,
                first_seen_at=local(patient.first_seen_at, zone),
                follows=await _follows(session, patient, zone),
                tags=await _tags(session, patient, zone),
                timeline=await _timeline(session, patient, zone),
            )
        )


async def _follows(session: AsyncSession, patient: Patient, zone: ZoneInfo) -> list[FollowDocument]:
    rows = await session.scalars(select(Follow).where(Follow.patient_id == patient.id).order_by(Follow.id))
    return [
        FollowDocument(
            userid=follow.userid,
            channel=follow.channel,
            add_way=follow.add_way,
            added_at=local(follow.added_at, zone),
            lost_at=local(follow.lost_at, zone),
            lost_by=follow.lost_by,
        )
        for follow in rows
    ]


async def _tags(session: AsyncSession, patient: Patient, zone: ZoneInfo) -> list[PatientTagDocument]:
    rows = await session.execute(
        select(PatientTag, Tag)
        .join(Tag, Tag.id == PatientTag.tag_id)
        .where(PatientTag.patient_id == patient.id)
        .order_by(Tag.group_name, Tag.name, PatientTag.userid)
    )
    return [
        PatientTagDocument(
            group=tag.group_name,
            name=tag.name,
            userid=worn.userid,
            origin=worn.origin,
            reason=worn.reason,
            at=local(worn.at, zone),
        )
        for worn, tag in rows
    ]


async def _timeline(session: AsyncSession, patient: Patient, zone: ZoneInfo) -> list[TimelineEntry]:
    entries = await audit.of_subject(session, f"patient:{patient.external_userid}")
    return [
        TimelineEntry(
            at=local(entry.at, zone),
            actor=entry.actor,
            action=entry.action,
            reason=entry.reason,
            detail=entry.detail,
        )
        for entry in entries
    ]


async def list_groups(call: Call[Nothing, GroupQuery, Nothing]) -> Answer:
    """Return the customer groups that exist, by their ids."""
    query = select(CustomerGroup).where(CustomerGroup.dismissed_at.is_(None)).order_by(CustomerGroup.chat_id)
    if call.query.cursor is not None:
        query = query.where(CustomerGroup.chat_id > call.query.cursor)
    async with call.deps.database.read() as session:
        found = (await session.scalars(query.limit(call.query.limit + 1))).all()
    shown = found[: call.query.limit]
    items = [
        GroupDocument(
            chat_id=group.chat_id,
            name=group.name,
            owner=group.owner,
            members=group.members,
            role=call.deps.pack.role_of_group(group.name, chosen=group.role).key,
        )
        for group in shown
    ]
    return Answer(
        content=Page[GroupDocument](items=items, next=shown[-1].chat_id if len(found) > len(shown) else None)
    )


async def list_personas(call: Call[Nothing, Nothing, Nothing]) -> Answer:
    """Return the pack's personas with the people behind them now."""
    pack = call.deps.pack
    async with call.deps.database.read() as session:
        roster = await load_roster(session, pack)
    items = [
        PersonaDocument(
            key=persona.key,
            kind=persona.kind,
            name=persona.name,
            title=persona.title,
            speakers=list(roster.senders(persona.key)),
            reviewers=list(roster.reviewers(persona.key)),
        )
        for persona in pack.personas
    ]
    return Answer(content=Page[PersonaDocument](items=items, next=None))
