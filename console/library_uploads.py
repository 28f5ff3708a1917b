"""Pictures and videos of a form of the library: read, cleaned, and told apart from those that are there."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from sqlalchemy import select

from content.library.fitness import Fault
from content.library.importing import current_version
from content.library.tables import LibraryItem, LibraryVersion
from content.library.uploads import Picture, PictureRefused, clean
from content.videos import Video, VideoRefused
from content.videos import clean as clean_video

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

UPLOAD: Final = "upload"
# Drawing a large photo anew takes 200 MB for a second: one at a time.
_ONE: Final = Lock()


class NoPicture(ValueError):
    """The form's picture or video cannot be kept; ``fault`` says why, at its field."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(field=UPLOAD, message=message, remedy="")


async def read_file(kind: str, raw: Mapping[str, Any]) -> Picture | Video | None:
    """Return the picture or video that a form brings, cleaned; None when none was chosen.

    Raises:
        NoPicture: it is not usable as what it should be.
    """
    field = raw.get(UPLOAD)
    if not isinstance(field, web.FileField) or not field.filename:
        return None
    data = await asyncio.to_thread(field.file.read)
    try:
        return await asyncio.to_thread(clean_video if kind == "video" else _cleaned, data)
    except (PictureRefused, VideoRefused) as exc:
        raise NoPicture(str(exc)) from exc


def _cleaned(data: bytes) -> Picture:
    with _ONE:
        return clean(data)


async def twin_of(session: AsyncSession, digest: str, *, but: str = "") -> str | None:
    """Return the asset that shows this very picture or video already, other than ``but``."""
    found: str | None = await session.scalar(
        select(LibraryItem.key)
        .join(LibraryVersion, current_version())
        .where(LibraryItem.shelf == "asset", LibraryVersion.picture == digest, LibraryItem.key != but)
        .limit(1)
    )
    return found
