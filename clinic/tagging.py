"""Corp tags: our names, WeCom's ids, and who carries which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from clinic.reconcile import SETTLED, Tally
from clinic.rules.wearing import RULE, STAFF, Word
from clinic.tables import AuditEntry, Follow, Patient, PatientTag, Tag, TagWord
from store.statements import table_of
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


IDS_AT_ONCE: Final = 500
_TAGS: Final = table_of(Tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Why a tag was put on, by which rule, and until when."""

    reason: str
    rule: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The tags (``组/标签``) that a person put on and took off."""

    put: tuple[str, ...]
    taken: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.put or self.taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a reading of all corp tags has found: renamed ones by their old path, and deleted ones."""

    tally: Tally
    renamed: Mapping[str, str]
    gone: tuple[str, ...]


def split(path: str) -> tuple[str, str]:
    """Return group and name of ``组/标签``.

    Raises:
        ValueError: there is no group.
    """
    group, slash, name = path.partition("/")
    if not (group and slash and name):
        raise ValueError(f"标签“{path}”要写成“组/标签”")
    return group, name


def mark_key(userid: str, external_userid: str, *, at: datetime) -> str:
    """Return the key under which the source tags of an addition are queued: its event and a sync share it."""
    return f"tags:{userid}:{external_userid}:{int(at.timestamp())}"


async def record_corp_tags(session: AsyncSession, ids: Mapping[str, str]) -> None:
    """Write down WeCom's ids of tags, by path."""
    known = await _paths_by_id(session, list(ids.values()))
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for path, wecom_id in ids.items():
        if known.get(wecom_id) == path:  # nearly always: each tag put on brings its id
            continue
        group, name = split(path)
        # An id may have moved to another name (a tag renamed on the phone): the old row loses it first.
        for stale in await session.scalars(select(Tag).where(Tag.wecom_id == wecom_id)):
            if (stale.group_name, stale.name) != (group, name):
                stale.wecom_id = None
        await session.flush()
        await session.execute(
            insert(Tag)
            .values(group_name=group, name=name, wecom_id=wecom_id)
            .on_conflict_do_update(index_elements=["group_name", "name"], set_={"wecom_id": wecom_id})
        )


async def _paths_by_id(session: AsyncSession, wecom_ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(wecom_ids), IDS_AT_ONCE):
        rows = await session.execute(
            select(_TAGS.c.group_name, _TAGS.c.name, _TAGS.c.wecom_id).where(
                _TAGS.c.wecom_id.in_(wecom_ids[start : start + IDS_AT_ONCE])
            )
        )
        found |= {wecom_id: f"{group}/{name}" for group, name, wecom_id in rows}
    return found


async def known_ids(session: AsyncSession, paths: Iterable[str]) -> dict[str, str]:
    """Return WeCom's ids of those tags that have one, by path."""
    wanted = {path: split(path) for path in paths}
    groups = {group for group, _ in wanted.values()}
    rows = await session.scalars(select(Tag).where(Tag.group_name.in_(groups), Tag.wecom_id.is_not(None)))
    by_path = {tag.path: tag.wecom_id for tag in rows}
    return {path: wecom_id for path in wanted if (wecom_id := by_path.get(path)) is not None}


async def record_marked(
    session: AsyncSession,
    *,
    userid: str,
    patient_id: int,
    added: Mapping[str, Mark],
    removed: Sequence[str] = (),
    now: datetime,
) -> None:
    """Write down tags that WeCom has accepted: its API sends no callback for our own changes."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    tags = await _tags_by_path(session, [*added, *removed])
    rows = [
        {
            "patient_id": patient_id,
            "userid": userid,
            "tag_id": tags[path].id,
            "origin": RULE,
            "reason": mark.reason[:200],
            "rule": mark.rule,
            "expires_at": mark.expires_at,
            "at": now,
        }
        for path, mark in added.items()
    ]
    if rows:
        connection = await session.connection()
        await connection.execute(insert(table_of(PatientTag)).on_conflict_do_nothing(), rows)
    gone = [tags[path].id for path in removed if path in tags]
    if gone:
        await session.execute(
            delete(PatientTag).where(
                PatientTag.patient_id == patient_id,
                PatientTag.userid == userid,
                PatientTag.tag_id.in_(gone),
            )
        )


async def _tags_by_path(session: AsyncSession, paths: Iterable[str]) -> dict[str, Tag]:
    wanted = {path: split(path) for path in paths}
    rows = await session.scalars(
        select(Tag).where(Tag.group_name.in_({group for group, _ in wanted.values()}))
    )
    return {tag.path: tag for tag in rows if tag.path in wanted}


async def keep(
    session: AsyncSession, follow: Follow, wanted: Mapping[str, Word], rows: Mapping[str, PatientTag]
) -> None:
    """Make the tags on record those ``wanted``, for a relation that WeCom is not asked about."""
    for path, row in rows.items():
        if path not in wanted:
            await session.delete(row)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for path, word in wanted.items():
        if path in rows:
            continue
        group, name = split(path)
        await session.execute(insert(Tag).values(group_name=group, name=name).on_conflict_do_nothing())
        tag = (await _tags_by_path(session, [path]))[path]
        await session.execute(
            insert(PatientTag)
            .values(
                patient_id=follow.patient_id,
                userid=follow.userid,
                tag_id=tag.id,
                origin=word.origin,
                reason=word.reason,
                rule=word.rule,
                expires_at=word.expires_at,
                at=word.at,
            )
            .on_conflict_do_nothing()
        )
    await session.flush()


async def nothing_under_way(session: AsyncSession, patient_id: int, userid: str) -> None:
    """Say that what was asked of WeCom for this relation will not come: the tags are those on record."""
    await session.execute(
        update(Follow).where(Follow.patient_id == patient_id, Follow.userid == userid).values(tags_asked=None)
    )


async def worn_rows(
    session: AsyncSession, patient_ids: Sequence[int]
) -> dict[tuple[int, str], dict[str, PatientTag]]:
    """Return the tags on record by relation (patient, member) and path."""
    rows = await session.execute(
        select(PatientTag, Tag.group_name, Tag.name)
        .join(Tag, Tag.id == PatientTag.tag_id)
        .where(PatientTag.patient_id.in_(patient_ids))
    )
    found: dict[tuple[int, str], dict[str, PatientTag]] = {}
    for row, group, name in rows:
        found.setdefault((row.patient_id, row.userid), {})[f"{group}/{name}"] = row
    return found


async def say(session: AsyncSession, patient_id: int, words: Iterable[Word], *, now: datetime) -> None:
    """Keep words about tags; one whose key is known already is the same word."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = [
        {
            "patient_id": patient_id,
            "key": word.key[:300],
            "userid": word.userid,
            "path": word.path,
            "present": word.present,
            "at": word.at,
            "origin": word.origin,
            "rule": word.rule,
            "reason": word.reason[:200],
            "expires_at": word.expires_at,
            "recorded_at": now,
        }
        for word in words
    ]
    if values:
        table = Base.metadata.tables[TagWord.__tablename__]
        connection = await session.connection()
        await connection.execute(
            insert(table).on_conflict_do_nothing(index_elements=["patient_id", "key"]), values
        )


async def words_about(session: AsyncSession, patient_ids: Sequence[int]) -> list[Word]:
    """Return everything that was ever said about the tags of these records."""
    rows = await session.scalars(select(TagWord).where(TagWord.patient_id.in_(patient_ids)))
    return [
        Word(
            key=row.key,
            path=row.path,
            present=row.present,
            at=row.at,
            origin=row.origin,
            reason=row.reason,
            rule=row.rule,
            userid=row.userid,
            expires_at=row.expires_at,
        )
        for row in rows
    ]


async def note_worn(
    session: AsyncSession,
    follow: Follow,
    listed: Collection[str],
    *,
    at: datetime,
    asked_at: datetime,
    now: datetime,
) -> Edited:
    """Compare the tags that WeCom shows on a relation with ours; what differs, a person changed.

    Args:
        listed: paths of the corp tags on it; those our records do not know are left for the next sync.
        at: when the person did it, as far as we know.
        asked_at: when WeCom was asked: a tag that we put on since is not taken for removed.
    """
    rows = (await worn_rows(session, [follow.patient_id])).get((follow.patient_id, follow.userid), {})
    asked = set(rows) if follow.tags_asked is None else set(follow.tags_asked)
    # What is still under way from us is not a person's doing, whichever side of it WeCom shows.
    ours = asked ^ set(rows)
    put = sorted(set(listed) - rows.keys() - ours)
    taken = sorted(
        path
        for path, row in rows.items()
        if path not in listed and path not in ours and row.at <= asked_at - SETTLED
    )
    if not put and not taken:
        return Edited(put=(), taken=())
    tags = await _tags_by_path(session, [*put, *taken])
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for path in put:
        await session.execute(
            insert(PatientTag)
            .values(
                patient_id=follow.patient_id,
                userid=follow.userid,
                tag_id=tags[path].id,
                origin=STAFF,
                reason=f"成员 {follow.userid} 在手机上加的",
                at=at,
            )
            .on_conflict_do_nothing()
        )
    for path in taken:
        await session.delete(rows[path])
    await say(
        session,
        follow.patient_id,
        (
            Word(
                key=f"staff:{follow.userid}:{path}:{int(at.timestamp())}",
                path=path,
                present=False,
                at=at,
                origin=STAFF,
                reason=f"成员 {follow.userid} 在手机上去掉的",
                userid=follow.userid,
            )
            for path in taken
        ),
        now=now,
    )
    if follow.tags_asked is not None:
        follow.tags_asked = sorted((asked | set(put)) - set(taken))
    await session.flush()
    return Edited(put=tuple(put), taken=tuple(taken))


async def record_listing(session: AsyncSession, listed: Mapping[str, str], *, asked_at: datetime) -> Listing:
    """Write all corp tags as WeCom lists them, ids by path; what is listed no more is on nobody any more.

    A tag that was renamed is lost under its old name and added under the new one, and whoever wears it goes
    on wearing it.

    Args:
        asked_at: when WeCom was asked; what we put on somebody since stays.
    """
    known = {tag.path: tag for tag in await session.scalars(select(Tag))}
    by_id = {tag.wecom_id: tag for tag in known.values() if tag.wecom_id is not None}
    fresh = [path for path in listed if path not in known]
    changed = [path for path in listed if path in known and known[path].wecom_id != listed[path]]
    lost = [path for path, tag in known.items() if path not in listed and tag.wecom_id is not None]
    renamed = {
        path: by_id[listed[path]].path for path in (*fresh, *changed) if listed[path] in by_id
    }  # new path: old path
    for path in (*lost, *changed, *renamed.values()):
        known[path].wecom_id = None
    await session.flush()
    await record_corp_tags(session, {path: listed[path] for path in (*fresh, *changed)})
    await _go_on_wearing(session, {known[old].id: new for new, old in renamed.items()})
    gone = [path for path in lost if path not in renamed.values()]
    for path in gone:
        await _take_off(session, known[path], before=asked_at - SETTLED, now=asked_at)
    return Listing(
        tally=Tally(seen=len(listed), added=len(fresh), changed=len(changed), lost=len(lost)),
        renamed={old: new for new, old in renamed.items()},
        gone=tuple(gone),
    )


async def _go_on_wearing(session: AsyncSession, renamed: Mapping[int, str]) -> None:
    """Carry the tags of patients over to their new names, all at once: two tags may have swapped names."""
    if not renamed:
        return
    new_ids = {path: tag.id for path, tag in (await _tags_by_path(session, renamed.values())).items()}
    table = Base.metadata.tables[PatientTag.__tablename__]
    rows = (await session.execute(select(table).where(table.c.tag_id.in_(renamed)))).mappings()
    moved = [{**row, "tag_id": new_ids[renamed[row["tag_id"]]]} for row in rows]
    await session.execute(delete(PatientTag).where(PatientTag.tag_id.in_(renamed)))
    if moved:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        connection = await session.connection()
        await connection.execute(insert(table).on_conflict_do_nothing(), moved)


async def _take_off(
    session: AsyncSession, tag: Tag, *, now: datetime, before: datetime | None = None
) -> None:
    """Take a tag from everybody who wore it then, and say so in their timelines: thousands may wear one."""
    worn = [PatientTag.tag_id == tag.id]
    if before is not None:
        worn.append(PatientTag.at <= before)
    told = select(
        literal(now, AuditEntry.at.type),
        literal(audit.RULES),
        literal("tags.deleted"),
        literal("patient:") + Patient.external_userid,
        literal(f"去掉标签 {tag.path}：企业微信里删除了这个标签"),
        literal({}, AuditEntry.detail.type),
    ).where(Patient.id.in_(select(PatientTag.patient_id).where(*worn)))
    columns = ("at", "actor", "action", "subject", "reason", "detail")
    await session.execute(insert(AuditEntry).from_select(columns, told))
    # What people put on is gone with it; what a rule wants is asked for again when something new happens.
    by_hand = await session.scalars(
        select(Follow)
        .join(
            PatientTag,
            and_(PatientTag.patient_id == Follow.patient_id, PatientTag.userid == Follow.userid),
        )
        .where(*worn, PatientTag.origin != RULE)
    )
    for follow in by_hand:
        if follow.tags_asked is not None:
            follow.tags_asked = [path for path in follow.tags_asked if path != tag.path]
    await session.execute(delete(PatientTag).where(*worn))


async def forget_deleted(session: AsyncSession, wecom_id: str, *, now: datetime) -> None:
    """Somebody deleted a corp tag in the console: it is on nobody any more. An unknown id is no error."""
    tag = (await session.scalars(select(Tag).where(Tag.wecom_id == wecom_id))).one_or_none()
    if tag is not None:
        tag.wecom_id = None
        await _take_off(session, tag, now=now)
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="corp_tags.changed",
            subject="corp:tags",
            reason=f"企业微信里的标签有改动：{tag.path} 被删除",
            detail={"renamed": {}, "gone": [tag.path]},
        )
