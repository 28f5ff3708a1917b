"""The tags that WeCom lists on patients, against ours: what differs, a person changed on the phone.

A page is a few statements, however much it holds: most of a first sync is here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic import tagging
from clinic.reconcile import Tally, judge_tags
from clinic.rules.wearing import STAFF, WECOM, Word
from clinic.tables import Follow, PatientTag, Tag
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

Pair = tuple[int, str]  # patient's row id, member


async def record(
    session: AsyncSession,
    listed: Mapping[Pair, AbstractSet[int]],
    known: Mapping[Pair, Follow],
    *,
    asked_at: datetime,
    now: datetime,
    news: bool = False,
) -> tuple[Tally, set[int]]:
    """Write down the tags of a page of relations; return what differed, and whose rules must look again.

    Args:
        listed: our ids of the corp tags that WeCom shows, by relation. Strategy tags and tags made this
            minute are not in our table; the next run knows them.
        news: the tags were read before, so that one that a known relation has and had not was put on by a
            person since; else it may have been there for years, and begins nothing.
        known: the relations that were on record before the page; of others nothing is concluded.
    """
    ids = {pair[0] for pair in listed}
    rows = await session.execute(
        select(PatientTag.patient_id, PatientTag.userid, PatientTag.tag_id, PatientTag.at).where(
            PatientTag.patient_id.in_(ids)
        )
    )
    worn: dict[Pair, dict[int, datetime]] = defaultdict(dict)
    for patient_id, userid, tag_id, at in rows:
        worn[patient_id, userid][tag_id] = at
    paths = await _paths(session, {tag for tags in (*listed.values(), *worn.values()) for tag in tags})
    fresh: list[dict[str, Any]] = []
    gone: list[tuple[int, str, int]] = []
    edited: set[int] = set()
    for pair, tags in listed.items():
        note, forget = judge_tags(worn[pair], tags, asked_at=asked_at)
        follow = known.get(pair)
        if follow is not None and follow.tags_asked is not None:
            # What is still under way from us is no person's doing, whichever side of it WeCom shows.
            ours = set(follow.tags_asked) ^ {paths[tag] for tag in worn[pair]}
            note = {tag for tag in note if paths[tag] not in ours}
            forget = {tag for tag in forget if paths[tag] not in ours}
        gone += [(*pair, tag) for tag in forget]
        fresh += [
            {
                "patient_id": pair[0],
                "userid": pair[1],
                "tag_id": tag,
                "origin": STAFF if news and follow is not None else WECOM,
                "reason": f"{pair[1]} 在手机上加的（对账发现）"
                if news and follow is not None
                else "企业微信里已有的标签",
                "at": now,
            }
            for tag in sorted(note)
        ]
        if follow is not None and (note or forget):
            edited.add(pair[0])
            await _remember(session, follow, paths, put=note, taken=forget, asked_at=asked_at, now=now)
    if fresh:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        table = Base.metadata.tables[PatientTag.__tablename__]
        connection = await session.connection()
        await connection.execute(insert(table).on_conflict_do_nothing(), fresh)
    if gone:
        columns = tuple_(PatientTag.patient_id, PatientTag.userid, PatientTag.tag_id)
        await session.execute(delete(PatientTag).where(columns.in_(gone)))
    seen = sum(len(tags) for tags in listed.values())
    return Tally(seen=seen, added=len(fresh), lost=len(gone)), edited


async def _paths(session: AsyncSession, tag_ids: AbstractSet[int]) -> dict[int, str]:
    rows = await session.execute(select(Tag.id, Tag.group_name, Tag.name).where(Tag.id.in_(tag_ids)))
    return {tag_id: f"{group}/{name}" for tag_id, group, name in rows}


async def _remember(
    session: AsyncSession,
    follow: Follow,
    paths: Mapping[int, str],
    *,
    put: AbstractSet[int],
    taken: AbstractSet[int],
    asked_at: datetime,
    now: datetime,
) -> None:
    """Let rules know what a person took off, so that they do not simply put it back."""
    await tagging.say(
        session,
        follow.patient_id,
        (
            Word(
                key=f"staff:{follow.userid}:{paths[tag]}:{int(asked_at.timestamp())}",
                path=paths[tag],
                present=False,
                at=asked_at,
                origin=STAFF,
                reason=f"成员 {follow.userid} 在手机上去掉的（对账发现）",
                userid=follow.userid,
            )
            for tag in sorted(taken)
        ),
        now=now,
    )
    if follow.tags_asked is not None:
        asked = (set(follow.tags_asked) | {paths[tag] for tag in put}) - {paths[tag] for tag in taken}
        await session.execute(update(Follow).where(Follow.id == follow.id).values(tags_asked=sorted(asked)))
