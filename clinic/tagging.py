"""Corp tags: our names, WeCom's ids, and who carries which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import people
from clinic.reconcile import Tally
from clinic.tables import PatientTag, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


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
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for path, wecom_id in ids.items():
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
    external_userid: str,
    added: Sequence[str],
    origin: str,
    reason: str,
    now: datetime,
) -> None:
    """Write down tags that WeCom has accepted: its API sends no callback for our own changes."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    patient = await people.patient_of(session, external_userid, now=now)
    for path in added:
        group, name = split(path)
        tag = (await session.scalars(select(Tag).where(Tag.group_name == group, Tag.name == name))).one()
        await session.execute(
            insert(PatientTag)
            .values(
                patient_id=patient.id,
                userid=userid,
                tag_id=tag.id,
                origin=origin,
                reason=reason[:200],
                at=now,
            )
            .on_conflict_do_nothing()
        )


async def record_listing(session: AsyncSession, listed: Mapping[str, str]) -> Tally:
    """Write all corp tags as WeCom lists them, ids by path; what is listed no more loses its id.

    A tag that was renamed is lost under its old name and added under the new one.
    """
    known = {tag.path: tag for tag in await session.scalars(select(Tag))}
    fresh = {path: wecom_id for path, wecom_id in listed.items() if path not in known}
    moved = {
        path: wecom_id
        for path, wecom_id in listed.items()
        if path in known and known[path].wecom_id != wecom_id
    }
    gone = [tag for path, tag in known.items() if path not in listed and tag.wecom_id is not None]
    for tag in gone:
        tag.wecom_id = None
    await session.flush()
    await record_corp_tags(session, fresh | moved)
    return Tally(seen=len(listed), added=len(fresh), changed=len(moved), lost=len(gone))
