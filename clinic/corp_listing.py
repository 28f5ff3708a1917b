"""The corp's own list of tags: their ids, and what renaming or deleting one there means for patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from clinic.reconcile import SETTLED, Tally
from clinic.rules.wearing import RULE
from clinic.tables import AuditEntry, Follow, Patient, PatientTag, Tag
from clinic.tagging import split, tags_by_path
from store.statements import table_of
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

IDS_AT_ONCE: Final = 500
_TAGS: Final = table_of(Tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a reading of all corp tags has found: renamed ones by their old path, and deleted ones."""

    tally: Tally
    renamed: Mapping[str, str]
    gone: tuple[str, ...]


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
    new_ids = {path: tag.id for path, tag in (await tags_by_path(session, renamed.values())).items()}
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
