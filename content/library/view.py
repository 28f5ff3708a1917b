"""The pack as the library stands now: what planners draw from and pages show."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from content.items import asset_of, item_of
from content.library import pictures
from content.library.fitness import entry_of, judge
from content.library.importing import current_version
from content.library.tables import LibraryItem, LibraryVersion
from content.pack import NotInPackError
from content.render import Renderer, TemplateProblem
from content.talk_specs import answer_of, script_of
from content.written import ASSETS, Written

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import AssetSpec, Pack
    from store.database import Database

Stamp = tuple[int, int]
Made = dict[tuple[str, str, str], Any]  # shelf, key and digest → what the program uses, or None

_FIELDS: Final = {
    "moment": "moments",
    "group": "group_posts",
    "direct": "direct_texts",
    "script": "scripts",
    "answer": "answers",
}
_MAKE: Final[dict[str, Callable[[Any], Any]]] = {
    **{kind: partial(item_of, kind=kind) for kind in ("moment", "group", "direct")},
    "script": script_of,
    "answer": answer_of,
}


_STAMP: Final = select(func.count(), func.max(LibraryVersion.id))


class Library:
    """Gives out the pack with the library's texts and assets in place of those in its files.

    One per program. It builds a pack anew only when a version was added since; before anything was brought
    in, the pack stands as its files say.
    """

    def __init__(self, database: Database, pack: Pack) -> None:
        self._database = database
        self._pack = pack
        self._renderer = Renderer()
        self._view = pack
        self._stamp: Stamp = (0, 0)
        self._made: Made = {}

    async def pack(self, session: AsyncSession) -> Pack:
        """Return the pack as it stands in this transaction."""
        row = (await session.execute(_STAMP)).one()
        # Both: on PostgreSQL a lower id may be committed after a higher one.
        stamp = (int(row[0]), int(row[1] or 0))
        if stamp == self._stamp:
            return self._view
        kept = await entries(session)
        # Judging a hundred edited texts takes a while; callbacks must not wait for it.
        view, made = await asyncio.to_thread(_build, self._pack, kept, self._made, self._renderer)
        self._view, self._stamp, self._made = view, stamp, made
        return view

    async def current(self) -> Pack:
        """Return the pack as it stands now, for whoever has no transaction open."""
        async with self._database.read() as session:
            return await self.pack(session)

    async def picture(self, asset: str, *, sha256: str = "") -> bytes:
        """Return the bytes of an image or video, or of the cover of a card.

        Args:
            sha256: of exactly the picture that is meant; else the one that the asset shows now.

        Raises:
            NotInPackError: there is no such picture.
            OSError: it is only in a file, and that cannot be read.
        """
        async with self._database.read() as session:
            if sha256 and (data := await pictures.read(session, sha256)) is not None:
                return data
            spec = _shown(await self.pack(session), asset)
            if (data := await pictures.read(session, spec.sha256)) is not None:
                return data
        if spec.file is None:
            raise NotInPackError(f"素材 {asset} 没有图片或视频")
        return await asyncio.to_thread(spec.file.read_bytes)


async def entries(session: AsyncSession) -> list[Written]:
    """Return everything the library has, as it stands, in the order of the files."""
    rows = await session.execute(
        select(
            *(LibraryItem.kind, LibraryItem.key, LibraryItem.file),
            *(LibraryVersion.document, LibraryVersion.picture),
        )
        .join(LibraryVersion, current_version())
        .order_by(LibraryItem.file, LibraryItem.position, LibraryItem.key)
    )
    return [
        Written(kind=row.kind, key=row.key, file=row.file, document=row.document, picture=row.picture)
        for row in rows
    ]


def _shown(pack: Pack, key: str) -> AssetSpec:
    asset = pack.asset(key)
    return pack.asset(asset.picture) if asset.picture else asset


# ── building ─────────────────────────────────────────────────────────────────────────────────────────


def _build(pack: Pack, kept: list[Written], made: Made, renderer: Renderer) -> tuple[Pack, Made]:
    """Return the pack with these entries in place of its own, and what was made for it.

    What stands as the pack's files say was judged when they were loaded, what was made before is used again.
    An entry that does not fit the pack is left out: its page says why.
    """
    if not kept:
        return pack, {}
    own = {(entry.shelf, entry.key, entry.digest) for entry in pack.written}
    loaded: dict[str, dict[str, Any]] = {
        "asset": {asset.key: asset for asset in pack.assets},
        "text": {item.key: item for item in (*pack.moments, *pack.group_posts, *pack.direct_texts)},
        "script": {script.key: script for script in pack.scripts},
        "answer": {answer.key: answer for answer in pack.answers},
    }
    assets: dict[str, AssetSpec] = dict(loaded["asset"])
    now_made: Made = {}
    for entry in kept:
        place = (entry.shelf, entry.key, entry.digest)
        if entry.kind in ASSETS and place not in own:
            now_made[place] = made[place] if place in made else _asset(entry, pack, renderer)
            if now_made[place] is not None:
                assets[entry.key] = now_made[place]
    same_assets = all(place in made for place in now_made)
    texts: defaultdict[str, list[Any]] = defaultdict(list)
    for entry in kept:
        if entry.kind in ASSETS or entry.document.get("state") == "retired":
            continue
        place = (entry.shelf, entry.key, entry.digest)
        if place in own:
            found = loaded[entry.shelf].get(entry.key)
        else:
            known = same_assets and place in made
            found = now_made[place] = made[place] if known else _text(entry, pack, kept, renderer)
        if found is not None:
            texts[entry.kind].append(found)
    changes: dict[str, Any] = {field: tuple(texts[kind]) for kind, field in _FIELDS.items()}
    return replace(pack, assets=tuple(assets.values()), **changes), now_made


def _text(entry: Written, pack: Pack, kept: list[Written], renderer: Renderer) -> Any:
    fits = judge(entry, pack, kept, renderer=renderer).ok
    return _MAKE[entry.kind](entry_of(entry)) if fits else None


def _asset(written: Written, pack: Pack, renderer: Renderer) -> AssetSpec | None:
    entry = entry_of(written)
    if entry is None:
        return None
    files = {asset.sha256: asset.file for asset in pack.assets if asset.file is not None}
    try:
        return asset_of(
            entry,
            renderer=renderer,
            clinic=pack.clinic,
            file=files.get(written.picture),
            sha256=written.picture,
        )
    except TemplateProblem:
        return None
