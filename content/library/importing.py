"""Files come into the library: the running pack at every start, any folder when somebody asks for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, text, update

from content.library import pictures
from content.library.intake import Fate, Known, fate, fate_of_file, gone
from content.library.tables import LibraryItem, LibraryVersion
from content.written import Written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.library.intake import Shelved
    from content.pack import Pack
    from store.database import Database

# Any number, as long as it is ours: processes that start together must not both bring the pack in.
LIBRARY_LOCK: Final = 0x_5869_616F_6C69
PACK: Final = "pack"
FILES: Final = "files"
STAFF: Final = "staff"
GONE: Final = "内容包里不再有这一条"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What bringing files in did, counted."""

    new: int = 0
    changed: int = 0
    offered: int = 0
    retired: int = 0

    @property
    def anything(self) -> bool:
        return bool(self.new or self.changed or self.offered or self.retired)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing(Known):
    version: int
    filed: tuple[str, int]
    offered: bool


async def keep_up(database: Database, pack: Pack, *, now: datetime) -> Taken:
    """Bring the pack that the program runs with into the library; done again it changes nothing.

    What staff edited stays; the pack's newer wording of it is offered. What left the pack and nobody edited
    is retired, and comes back with the pack.
    """
    async with database.write() as session:
        known = await _known(session)
        await pictures.keep_files(session, pictures.files_of(pack), now=now)
        author = f"内容包 {pack.name} {pack.version}"
        intake = _Intake(known, origin=PACK, author=author, now=now)
        for position, entry in enumerate(pack.written):
            intake.take(entry, fate(entry, known.get(_place(entry))), position=position)
        for place in gone(pack.written, known):
            intake.put_away(place, await _document(session, place))
        await intake.write(session)
        return intake.taken


async def bring_in(database: Database, pack: Pack, *, now: datetime, author: str) -> Taken:
    """Bring a folder's texts and assets in, as somebody asked: what it says replaces what stands.

    Everything or nothing. What the library has and the folder has not stays as it is.
    """
    async with database.write() as session:
        known = await _known(session)
        await pictures.keep_files(session, pictures.files_of(pack), now=now)
        intake = _Intake(known, origin=FILES, author=author, now=now)
        for position, entry in enumerate(pack.written):
            intake.take(entry, fate_of_file(entry, known.get(_place(entry))), position=position)
        await intake.write(session)
        return intake.taken


def _place(entry: Written) -> Shelved:
    return entry.shelf, entry.key


async def _known(session: AsyncSession) -> dict[Shelved, _Standing]:
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LIBRARY_LOCK})
    item = LibraryItem
    rows = await session.execute(
        select(
            *(item.shelf, item.key, item.version, item.digest, item.pack_digest, item.state),
            *(item.file, item.position, item.offered.is_not(None).label("has_offer")),
        )
    )
    return {
        (row.shelf, row.key): _Standing(
            version=row.version,
            digest=row.digest,
            pack_digest=row.pack_digest,
            state=row.state,
            filed=(row.file, row.position),
            offered=row.has_offer,
        )
        for row in rows
    }


async def _document(session: AsyncSession, place: Shelved) -> Written:
    row = (
        await session.execute(
            select(LibraryItem.kind, LibraryItem.file, LibraryVersion.document, LibraryVersion.picture)
            .join(LibraryVersion, current_version())
            .where(LibraryItem.shelf == place[0], LibraryItem.key == place[1])
        )
    ).one()
    return Written(kind=row.kind, key=place[1], file=row.file, document=row.document, picture=row.picture)


def current_version() -> Any:
    """Return the condition that joins an item to the version it stands at."""
    return (
        (LibraryVersion.shelf == LibraryItem.shelf)
        & (LibraryVersion.key == LibraryItem.key)
        & (LibraryVersion.number == LibraryItem.version)
    )


class _Intake:
    """Gathers what is to be written and writes it in a few statements: a pack has hundreds of entries."""

    def __init__(
        self, known: Mapping[Shelved, _Standing], *, origin: str, author: str, now: datetime
    ) -> None:
        self._known, self._origin, self._author, self._now = known, origin, author[:80], now
        self._new: list[dict[str, Any]] = []
        self._versions: list[dict[str, Any]] = []
        self._updates: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self._count: Counter[str] = Counter()

    @property
    def taken(self) -> Taken:
        return Taken(**self._count)

    def take(self, entry: Written, fate: Fate, *, position: int) -> None:
        """Note what follows for an entry."""
        known = self._known.get(_place(entry))
        match fate:
            case Fate.NEW:
                self._add(entry, position)
            case Fate.FOLLOWS:
                self._change(entry)
                self._count["changed"] += 1
            case Fate.AGREES:
                self._update(entry, pack_digest=entry.digest, offered=None, offered_picture="")
            case Fate.OFFERED:
                self._update(entry, offered=dict(entry.document), offered_picture=entry.picture)
                self._count["offered"] += 1
            case Fate.SAME if known is not None and known.offered and self._origin == PACK:
                self._update(entry, offered=None, offered_picture="")
        if known is not None and known.filed != (entry.file, position):
            self._update(entry, file=entry.file, position=position)

    def put_away(self, place: Shelved, entry: Written) -> None:
        """Note that an entry that left the pack is retired."""
        document = {**entry.document, "state": "retired"}
        self._change(
            Written(kind=entry.kind, key=place[1], file=entry.file, document=document, picture=entry.picture),
            note=GONE,
        )
        self._count["retired"] += 1

    def _add(self, entry: Written, position: int) -> None:
        shelf, key = _place(entry)
        self._new.append(
            {
                "shelf": shelf,
                "key": key,
                "kind": entry.kind,
                "file": entry.file,
                "position": position,
                "version": 1,
                "pack_digest": entry.digest if self._origin == PACK else "",
                "offered": None,
                "offered_picture": "",
                **self._face(entry),
            }
        )
        self._version(entry, 1)
        self._count["new"] += 1

    def _change(self, entry: Written, *, note: str = "") -> None:
        number = self._known[_place(entry)].version + 1
        follows = {"pack_digest": entry.digest} if self._origin == PACK else {}
        self._update(
            entry,
            kind=entry.kind,
            version=number,
            offered=None,
            offered_picture="",
            **follows,
            **self._face(entry),
        )
        self._version(entry, number, note=note)

    def _face(self, entry: Written) -> dict[str, Any]:
        """Return what an item repeats of its current version, to be found by."""
        return {
            "category": entry.document.get("category", ""),
            "state": entry.document.get("state", "active"),
            "digest": entry.digest,
            "changed_at": self._now,
        }

    def _version(self, entry: Written, number: int, *, note: str = "") -> None:
        shelf, key = _place(entry)
        self._versions.append(
            {
                "shelf": shelf,
                "key": key,
                "number": number,
                "document": dict(entry.document),
                "picture": entry.picture,
                "digest": entry.digest,
                "origin": self._origin,
                "author": self._author,
                "note": note,
                "at": self._now,
            }
        )

    def _update(self, entry: Written, **values: Any) -> None:
        shelf, key = _place(entry)
        self._updates.setdefault(tuple(sorted(values)), []).append(
            {"in_shelf": shelf, "in_key": key, **{f"to_{name}": value for name, value in values.items()}}
        )

    async def write(self, session: AsyncSession) -> None:
        """Write everything that was noted."""
        if self._new:
            await session.execute(insert(LibraryItem), self._new)
        if self._versions:
            await session.execute(insert(LibraryVersion), self._versions)
        connection = await session.connection()
        table = LibraryItem.__table__
        for names, rows in self._updates.items():
            await connection.execute(
                update(LibraryItem)
                .where(table.c.shelf == bindparam("in_shelf"), table.c.key == bindparam("in_key"))
                .values({name: bindparam(f"to_{name}") for name in names}),
                rows,
            )
