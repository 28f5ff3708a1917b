"""Pictures and videos of the library, kept by the digest of their bytes: none is replaced under a key."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from content.library.tables import LibraryPicture
from content.videos import is_mp4

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack


def files_of(pack: Pack) -> dict[str, Path]:
    """Return the files of a pack's pictures and videos by their digest."""
    return {asset.sha256: asset.file for asset in pack.assets if asset.file is not None}


async def keep_files(session: AsyncSession, files: Mapping[str, Path], *, now: datetime) -> None:
    """Keep the pictures of a pack that are not kept yet."""
    if not files:
        return
    held = set(
        await session.scalars(select(LibraryPicture.sha256).where(LibraryPicture.sha256.in_(files.keys())))
    )
    for digest in files.keys() - held:
        await keep(session, digest, await asyncio.to_thread(files[digest].read_bytes), now=now)


async def keep(session: AsyncSession, digest: str, data: bytes, *, now: datetime) -> None:
    """Keep a good picture or video under the sha256 of its bytes; one that is kept already stays."""
    width, height = (0, 0) if is_mp4(data) else _sides(data)
    put = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        put(LibraryPicture)
        .values(sha256=digest, data=data, width=width, height=height, added_at=now)
        .on_conflict_do_nothing(index_elements=["sha256"])
    )


def _sides(data: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(data)) as image:
        return image.size


async def size_of(session: AsyncSession, digest: str) -> int:
    """Return how many bytes a kept picture or video has; 0 for one that is not kept."""
    query = select(func.length(LibraryPicture.data)).where(LibraryPicture.sha256 == digest)
    return await session.scalar(query) or 0


async def read(session: AsyncSession, digest: str) -> bytes | None:
    """Return a picture's bytes, or None for one that is not kept."""
    return await session.scalar(select(LibraryPicture.data).where(LibraryPicture.sha256 == digest))
