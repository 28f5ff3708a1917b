"""Writing down what WeCom lists, a page at a time: patients, relations and the tags on them.

A page is one transaction of a few statements, however much it holds. Recording a page again changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit, listed_tags, stages, terms
from clinic.care_tables import StageMove
from clinic.listed import Recorded
from clinic.people import BY_SYNC, NAME, REMARK, ask_consent, note_remark, remark_of
from clinic.reconcile import Found, Relation, Tally, judge_listed
from clinic.rules.happenings import Happening
from clinic.stages import Stage
from clinic.tables import Follow, Patient
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.listed import ListedContact, Lookup
    from store.vault import Vault

PATIENTS: Final = "patients"
FOLLOWS: Final = "follows"
MARKS: Final = "marks"


async def record(
    session: AsyncSession,
    contacts: Sequence[ListedContact],
    lookup: Lookup,
    *,
    asked_at: datetime,
    now: datetime,
) -> Recorded:
    """Write a page of WeCom's list and return what was different.

    What follows from an addition whose event never came is the caller's matter: tags, a stage, to-dos; never
    a welcome, whose 20 s are over.

    Args:
        asked_at: when the page was asked for; what happened since is not overruled by it.
    """
    # A page never names one relation twice, but a listing that moves under its cursor may.
    by_pair = {
        (contact.external_userid, contact.userid): contact for contact in await _remembered(session, contacts)
    }
    ids, patients = await _record_patients(session, by_pair.values(), lookup.vault, now=now)
    pairs = {(ids[who], userid): contact for (who, userid), contact in by_pair.items()}
    known, follows, happenings = await _record_follows(session, pairs, lookup, now=now)
    worn = {
        pair: {lookup.tags[tag] for tag in contact.tag_ids if tag in lookup.tags}
        for pair, contact in pairs.items()
    }
    marks, edited = await listed_tags.record(
        session, worn, known, asked_at=asked_at, now=now, news=lookup.tags_read
    )
    concerned = {patient_id for patient_id, _ in happenings}
    happenings += [
        (patient_id, Happening(kind="tags_changed", at=now)) for patient_id in sorted(edited - concerned)
    ]
    return Recorded(
        tallies={PATIENTS: patients, FOLLOWS: follows, MARKS: marks}, happenings=tuple(happenings)
    )


async def _remembered(session: AsyncSession, contacts: Sequence[ListedContact]) -> Sequence[ListedContact]:
    """Leave out who asked to be forgotten: that WeCom still lists her is no new meeting."""
    erased = await terms.erased_since(session, {contact.external_userid for contact in contacts})
    if not erased:
        return contacts
    return [
        contact
        for contact in contacts
        if (since := erased.get(contact.external_userid)) is None
        or (contact.relation.added_at is not None and contact.relation.added_at > since)
    ]


async def _record_patients(
    session: AsyncSession, contacts: Iterable[ListedContact], vault: Vault, *, now: datetime
) -> tuple[dict[str, int], Tally]:
    people = {contact.external_userid: contact for contact in contacts}
    query = select(
        Patient.id, Patient.external_userid, Patient.name_sealed, Patient.unionid, Patient.gender
    ).where(Patient.external_userid.in_(people))
    known = {row.external_userid: row for row in await session.execute(query)}
    changes = []
    named: dict[int, list[str]] = {}  # whose names the index must learn
    nameless = await terms.unnamed(session, [row.id for row in known.values()])
    for who, row in known.items():
        person = people[who]
        name = vault.open(row.name_sealed, about=NAME) if row.name_sealed else ""
        wanted = (person.name or name, person.unionid or row.unionid, person.gender)
        if wanted[0] and (wanted[0] != name or row.id in nameless):
            named[row.id] = [wanted[0]]
        if wanted != (name, row.unionid, row.gender):
            sealed = row.name_sealed if wanted[0] == name else vault.seal(person.name, about=NAME)
            changes.append(
                {
                    "id": row.id,
                    "name_sealed": sealed,
                    "unionid": wanted[1],
                    "gender": person.gender,
                    "updated_at": now,
                }
            )
    if changes:
        await session.execute(update(Patient), changes)
    ids = {who: int(row.id) for who, row in known.items()}
    new = [person for who, person in people.items() if who not in known]
    if new:
        values = [
            {
                "external_userid": person.external_userid,
                "unionid": person.unionid or None,
                "name_sealed": vault.seal(person.name, about=NAME) if person.name else None,
                "gender": person.gender,
                "first_seen_at": now,
                "updated_at": now,
            }
            for person in new
        ]
        await _insert_missing(session, Patient, values)
        fresh = select(Patient.external_userid, Patient.id).where(
            Patient.external_userid.in_([person.external_userid for person in new])
        )
        ids |= dict((await session.execute(fresh)).all())
        for who in await terms.erased_since(session, [person.external_userid for person in new]):
            await ask_consent(session, ids[who], who, now=now)
        named |= {ids[person.external_userid]: [person.name] for person in new if person.name}
    if named:
        await terms.record_names(session, named, vault)
    return ids, Tally(seen=len(people), added=len(new), changed=len(changes))


async def _record_follows(
    session: AsyncSession,
    pairs: Mapping[tuple[int, str], ListedContact],
    lookup: Lookup,
    *,
    now: datetime,
) -> tuple[dict[tuple[int, str], Follow], Tally, list[tuple[int, Happening]]]:
    # By patient only: with the members named too, a database may walk through all their patients instead.
    query = (
        select(Follow)
        .where(Follow.patient_id.in_({pair[0] for pair in pairs}))
        .order_by(Follow.id)
        .with_for_update()
    )
    known = {(follow.patient_id, follow.userid): follow for follow in await session.scalars(query)}
    fresh: list[dict[str, Any]] = []
    happenings: list[tuple[int, Happening]] = []
    lost = set(
        await session.scalars(
            select(Patient.id).where(
                Patient.id.in_({pair[0] for pair in pairs}), Patient.stage == Stage.LOST.value
            )
        )
    )
    changed = 0
    for pair, contact in pairs.items():
        follow = known.get(pair)
        verdict = judge_listed(
            _relation_of(follow) if follow is not None else None,
            contact.relation,
            late_since=lookup.late_since,
            now=now,
        )
        stands = verdict.relation
        ended_at = follow.lost_at if follow is not None else None
        values = {
            "channel": stands.channel[:64],
            "add_way": stands.add_way,
            "added_at": stands.added_at,
            "lost_at": stands.lost_at,
            "lost_by": stands.lost_by,
            "half": stands.half,
        }
        if follow is None:
            fresh.append(
                {
                    "patient_id": pair[0],
                    "userid": pair[1],
                    "changed_at": stands.added_at or now,
                    "first_added_at": stands.added_at,
                    "remark_sealed": _seal_remark(contact, lookup.vault),
                    **values,
                }
            )
        elif verdict.found is not Found.SAME:
            changed += 1
            for name, value in values.items():
                setattr(follow, name, value)
            follow.changed_at = max(follow.changed_at, stands.added_at or follow.changed_at)
        if verdict.late:
            _tell_late(session, contact, stands, lookup, now=now)
        # Who was lost and is listed is back, however long ago that was.
        if verdict.late or (verdict.found is Found.ADDED and pair[0] in lost):
            began = stands.added_at or now
            happenings.append(
                (
                    pair[0],
                    Happening(
                        kind="added",
                        # We noticed the loss later than she came back, or were mistaken about it.
                        at=now if ended_at is not None and began <= ended_at else began,
                        userid=contact.userid,
                        channel=stands.channel,
                    ),
                )
            )
    if fresh:
        await _insert_missing(session, Follow, fresh)
        await _record_old_stock(session, fresh, now=now)
    await _record_remarks(session, pairs, known, lookup.vault)
    await session.flush()
    session.expunge_all()
    return known, Tally(seen=len(pairs), added=len(fresh), changed=changed), happenings


async def _record_old_stock(
    session: AsyncSession, fresh: Sequence[Mapping[str, Any]], *, now: datetime
) -> None:
    """Write down for every relation new to us that it began, without deciding anything from it."""
    began = [(row["patient_id"], row["userid"], row["added_at"] or now) for row in fresh]
    await _insert_missing(
        session,
        StageMove,
        [
            {
                "patient_id": patient_id,
                "key": stages.connection_key(stages.ADDED_KEY, userid, at),
                "stage": Stage.ADDED.value,
                "at": at,
                "recorded_at": now,
                "actor": audit.RULES,
                "reason": f"添加了成员 {userid}",
            }
            for patient_id, userid, at in began
        ],
    )
    patients = Base.metadata.tables[Patient.__tablename__]
    earlier = (
        update(patients)
        .where(
            patients.c.id == bindparam("whose"),
            patients.c.stage == Stage.ADDED.value,
            or_(patients.c.stage_at.is_(None), patients.c.stage_at > bindparam("began")),
        )
        .values(stage_at=bindparam("began"))
    )
    connection = await session.connection()
    await connection.execute(earlier, [{"whose": whose, "began": at} for whose, _, at in began])


async def _record_remarks(
    session: AsyncSession,
    pairs: Mapping[tuple[int, str], ListedContact],
    known: Mapping[tuple[int, str], Follow],
    vault: Vault,
) -> None:
    """Note what members call their patients now, and let these be found by it.

    Args:
        known: all the relations of these patients that were on record before this page.
    """
    found: dict[int, list[str]] = {}
    for pair, contact in pairs.items():
        follow = known.get(pair)
        if follow is None and contact.remark not in ("", contact.name):
            found.setdefault(pair[0], []).append(contact.remark)
        elif follow is not None and note_remark(follow, contact.remark, nickname=contact.name, vault=vault):
            found.setdefault(pair[0], [])
    for (patient_id, _), follow in known.items():
        if patient_id in found:
            found[patient_id].append(remark_of(follow, vault))
    if found:
        await terms.record_names(session, found, vault, kind=terms.REMARK)


def _seal_remark(contact: ListedContact, vault: Vault) -> bytes | None:
    # Where a member wrote nothing, WeCom repeats the nickname.
    written = contact.remark not in ("", contact.name)
    return vault.seal(contact.remark, about=REMARK) if written else None


def _relation_of(follow: Follow) -> Relation:
    return Relation(
        channel=follow.channel,
        add_way=follow.add_way,
        added_at=follow.added_at,
        lost_at=follow.lost_at,
        lost_by=follow.lost_by,
        half=follow.half,
    )


def _tell_late(
    session: AsyncSession, contact: ListedContact, relation: Relation, lookup: Lookup, *, now: datetime
) -> None:
    """Write down what the lost event would have told."""
    title = lookup.channels.get(relation.channel, relation.channel or "未知")
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action="contact.added",
        subject=f"patient:{contact.external_userid}",
        reason=f"对账发现：添加了成员 {contact.userid}（没有收到回调），渠道：{title}",
        detail={"userid": contact.userid, "state": relation.channel, "origin": BY_SYNC},
    )


async def standing(session: AsyncSession, userid: str) -> dict[str, datetime]:
    """Return the confirmed patients of a member by external_userid, each with the last event's time."""
    rows = await session.execute(
        select(Patient.external_userid, Follow.changed_at)
        .join(Follow, Follow.patient_id == Patient.id)
        .where(Follow.userid == userid, Follow.lost_at.is_(None), Follow.half.is_(False))
    )
    return dict(rows.all())


async def record_lost(
    session: AsyncSession, userid: str, gone: Sequence[str], *, asked_at: datetime, now: datetime
) -> list[tuple[int, Happening]]:
    """Note that a member's list no longer holds these patients; return whom that was news about.

    Args:
        asked_at: when the list was asked for; a relation that changed since stays as it is.
    """
    query = (
        select(Follow, Patient.external_userid)
        .join(Patient, Patient.id == Follow.patient_id)
        .where(
            Patient.external_userid.in_(gone),
            Follow.userid == userid,
            Follow.lost_at.is_(None),
            Follow.changed_at < asked_at,
        )
        .order_by(Follow.id)
        .with_for_update(of=Follow)
    )
    happenings = []
    for follow, external_userid in (await session.execute(query)).all():
        follow.lost_at, follow.lost_by = asked_at, BY_SYNC
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="contact.lost",
            subject=f"patient:{external_userid}",
            reason=f"对账发现：已不在成员 {userid} 的客户列表里（没有收到回调）",
            detail={"userid": userid, "by": BY_SYNC, "origin": BY_SYNC},
        )
        happenings.append((follow.patient_id, Happening(kind="lost", at=asked_at, userid=userid, by=BY_SYNC)))
    return happenings


async def _insert_missing(
    session: AsyncSession, table: type[Patient | Follow | StageMove], values: list[dict[str, Any]]
) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # Past the object mapping, one row's statement for all: a statement of 100 rows is compiled each time
    # anew, and that was two thirds of a sync. An event may have brought the same row a moment ago.
    rows = Base.metadata.tables[table.__tablename__]
    connection = await session.connection()
    await connection.execute(insert(rows).on_conflict_do_nothing(), values)
