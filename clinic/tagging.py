"""Corp tags: our names, WeCom's ids, and who carries which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.reconcile import SETTLED
from clinic.rules.wearing import RULE, STAFF, Word
from clinic.tables import Follow, PatientTag, Tag, TagWord
from store.statements import table_of
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


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
    tags = await tags_by_path(session, [*added, *removed])
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


async def tags_by_path(session: AsyncSession, paths: Iterable[str]) -> dict[str, Tag]:
    """Return those of the corp's tags that are on record, by ``组/标签``."""
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
        tag = (await tags_by_path(session, [path]))[path]
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
    tags = await tags_by_path(session, [*put, *taken])
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
