"""What staff do with the library: write, change, put away, take or decline what the pack offers.

A version is never changed. Whoever saves says which version they saw, so that nobody overwrites what somebody
else wrote meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from content.library.importing import STAFF, current_version
from content.library.tables import LibraryItem, LibraryVersion
from content.written import SHAPES, Written, ordered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

ACTIVE: Final = "active"
RETIRED: Final = "retired"


class NotInLibrary(LookupError):
    """The library has nothing of this name."""

    def __init__(self, key: str) -> None:
        super().__init__(f"内容库里没有 {key}")


class Overtaken(Exception):
    """Somebody else saved a newer version since this one was read."""

    def __init__(self, key: str, version: int, author: str) -> None:
        super().__init__(f"“{key}”刚刚被 {author} 改成第 {version} 版，你的改动没有保存，请看过再改")


class KeyTaken(ValueError):
    """There is something of this name already."""

    def __init__(self, key: str) -> None:
        super().__init__(f"编号 {key} 已经用了，请换一个")


class StillUsed(Exception):
    """What is used is not deleted; the message says by whom."""

    def __init__(self, key: str, users: Sequence[str]) -> None:
        super().__init__(f"“{key}”还有地方在用，不能删除：{'；'.join(users)}")
        self.users = tuple(users)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An item with the version it stands at."""

    item: LibraryItem
    version: LibraryVersion

    @property
    def written(self) -> Written:
        return Written(
            kind=self.item.kind,
            key=self.item.key,
            file=self.item.file,
            document=self.version.document,
            picture=self.version.picture,
        )

    @property
    def edited(self) -> bool:
        """Whether staff made it, or changed what the pack says."""
        return self.item.digest != self.item.pack_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """An entry as it stands, for lists."""

    entry: Written
    version: int
    offered: bool
    edited: bool
    changed_at: datetime


async def stock(session: AsyncSession, *, shelf: str | None = None) -> list[Stocked]:
    """Return what the library has, in the order of the files; retired entries too."""
    query = (
        select(LibraryItem, LibraryVersion.document, LibraryVersion.picture)
        .join(LibraryVersion, current_version())
        .order_by(LibraryItem.file, LibraryItem.position, LibraryItem.key)
    )
    if shelf is not None:
        query = query.where(LibraryItem.shelf == shelf)
    return [
        Stocked(
            entry=Written(kind=item.kind, key=item.key, file=item.file, document=document, picture=picture),
            version=item.version,
            offered=item.offered is not None,
            edited=item.digest != item.pack_digest,
            changed_at=item.changed_at,
        )
        for item, document, picture in await session.execute(query)
    ]


async def get(session: AsyncSession, shelf: str, key: str, *, lock: bool = False) -> Kept:
    """Return an item as it stands, locked against other writers when asked.

    Raises:
        NotInLibrary: there is no such item.
    """
    item = await session.get(
        LibraryItem, (shelf, key), with_for_update=True if lock else None, populate_existing=lock
    )
    if item is None:
        raise NotInLibrary(key)
    return Kept(item=item, version=await version_of(session, shelf, key, item.version))


async def version_of(session: AsyncSession, shelf: str, key: str, number: int) -> LibraryVersion:
    """Return one version.

    Raises:
        NotInLibrary: there is none of this number.
    """
    found = await session.scalars(
        select(LibraryVersion).where(
            LibraryVersion.shelf == shelf, LibraryVersion.key == key, LibraryVersion.number == number
        )
    )
    version = found.one_or_none()
    if version is None:
        raise NotInLibrary(f"{key} 的第 {number} 版")
    return version


async def history(session: AsyncSession, shelf: str, key: str) -> Sequence[LibraryVersion]:
    """Return all versions of an item, the newest first."""
    rows = await session.scalars(
        select(LibraryVersion)
        .where(LibraryVersion.shelf == shelf, LibraryVersion.key == key)
        .order_by(LibraryVersion.number.desc())
    )
    return rows.all()


async def add(session: AsyncSession, entry: Written, *, author: str, now: datetime) -> Kept:
    """Put a new text or asset into the library; its document must have been judged (see fitness).

    Raises:
        KeyTaken: there is one of this name.
    """
    shelf = entry.shelf
    if await session.get(LibraryItem, (shelf, entry.key)) is not None:
        raise KeyTaken(entry.key)
    file = entry.file or file_for(entry.kind, year=now.year)
    last = await session.scalar(select(func.max(LibraryItem.position)).where(LibraryItem.file == file))
    item = LibraryItem(
        shelf=shelf,
        key=entry.key,
        file=file,
        position=0 if last is None else last + 1,
        version=0,
    )
    session.add(item)
    return await _step(session, item, entry, author=author, note="", now=now)


async def save(
    session: AsyncSession, entry: Written, *, seen: int, author: str, now: datetime, note: str = ""
) -> Kept:
    """Keep a new version of an item; the same words again change nothing.

    Args:
        seen: the number of the version that was edited.

    Raises:
        NotInLibrary: there is no such item.
        Overtaken: it stands at another version by now.
    """
    kept = await get(session, entry.shelf, entry.key, lock=True)
    if kept.item.version != seen:
        raise Overtaken(entry.key, kept.item.version, kept.version.author)
    if entry.digest == kept.item.digest:
        return kept
    return await _step(session, kept.item, entry, author=author, note=note, now=now)


async def put_away(
    session: AsyncSession, shelf: str, key: str, *, state: str, seen: int, author: str, now: datetime
) -> Kept:
    """Retire an item, or bring it back: a version like any other.

    Raises:
        NotInLibrary, Overtaken: as for :func:`save`.
    """
    kept = await get(session, shelf, key, lock=True)
    document = {name: value for name, value in kept.version.document.items() if name != "state"}
    if state == RETIRED:
        document["state"] = RETIRED
    entry = replace(kept.written, document=ordered(document))
    note = "停用" if state == RETIRED else "恢复使用"
    return await save(session, entry, seen=seen, author=author, now=now, note=note)


async def take_offer(
    session: AsyncSession, shelf: str, key: str, *, seen: int, author: str, now: datetime
) -> Kept:
    """Let the pack's newer wording replace what staff wrote; from then on the item follows the pack.

    Raises:
        NotInLibrary, Overtaken: as for :func:`save`; also when nothing is offered.
    """
    kept = await get(session, shelf, key, lock=True)
    if kept.item.offered is None:
        raise NotInLibrary(f"{key} 的新版本")
    entry = replace(kept.written, document=kept.item.offered, picture=kept.item.offered_picture)
    kept.item.pack_digest = entry.digest
    kept.item.offered, kept.item.offered_picture = None, ""
    return await save(session, entry, seen=seen, author=author, now=now, note="改用内容包的新版本")


async def decline_offer(session: AsyncSession, shelf: str, key: str) -> None:
    """Keep what staff wrote; the same wording is not offered again.

    Raises:
        NotInLibrary: there is no such item.
    """
    item = (await get(session, shelf, key, lock=True)).item
    if item.offered is not None:
        entry = Written(
            kind=item.kind, key=key, file=item.file, document=item.offered, picture=item.offered_picture
        )
        item.pack_digest = entry.digest
        item.offered, item.offered_picture = None, ""


async def delete(session: AsyncSession, shelf: str, key: str, *, users: Sequence[str]) -> None:
    """Delete what staff made, with its versions. What came with the pack can only be retired.

    Args:
        users: who uses it now, in words; see `content.library.usage`.

    Raises:
        NotInLibrary: there is no such item.
        StillUsed: somebody uses it, or it belongs to the pack.
    """
    kept = await get(session, shelf, key, lock=True)
    if kept.item.pack_digest:
        raise StillUsed(key, ["它是内容包带来的，只能停用"])
    if users:
        raise StillUsed(key, users)
    for version in await history(session, shelf, key):
        await session.delete(version)
    await session.flush()
    await session.delete(kept.item)


def file_for(kind: str, *, year: int) -> str:
    """Return the file that something new is exchanged in: by year, so that none grows without end."""
    return SHAPES[kind].file.replace("*", f"clinic-{year}")


async def _step(
    session: AsyncSession, item: LibraryItem, entry: Written, *, author: str, note: str, now: datetime
) -> Kept:
    document: Mapping[str, Any] = entry.document
    item.version += 1
    item.kind = entry.kind
    item.category = str(document.get("category", ""))
    item.state = str(document.get("state", ACTIVE))
    item.digest = entry.digest
    item.changed_at = now
    version = LibraryVersion(
        shelf=item.shelf,
        key=item.key,
        number=item.version,
        document=dict(document),
        picture=entry.picture,
        digest=entry.digest,
        origin=STAFF,
        author=author[:80],
        note=note[:200],
        at=now,
    )
    await session.flush()
    session.add(version)
    await session.flush()
    return Kept(item=item, version=version)
