"""Pictures and videos of the library in WeCom's media store: uploaded when needed, again before they end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

import structlog
from sqlalchemy.dialects import postgresql, sqlite

from content.pack import NotInPackError
from content.videos import is_mp4
from sop import greeting_assets
from sop.tables import Upload
from wecom.errors import NotDone, OutcomeUnknown, WeComError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.library.view import Library
    from content.pack import AssetSpec, Pack
    from store.clock import Clock
    from store.database import Database
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

Purpose = Literal["message", "moment", "url"]
# A media_id lives three days (doc 90253); picture URLs stay, but are checked against nothing, so renewed.
FRESH: Final[dict[Purpose, timedelta]] = {
    "message": timedelta(days=2),
    "moment": timedelta(days=2),
    "url": timedelta(days=180),
}


class PictureGone(ValueError):
    """The picture that was approved is nowhere any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What WeCom asks about a file besides its bytes."""

    kind: Literal["image", "video"]
    name: str
    content_type: str


def file_of(digest: str, data: bytes) -> File:
    """Tell a picture of the library from a video; people see neither name."""
    name = digest[:12]
    if is_mp4(data):
        return File(kind="video", name=f"{name}.mp4", content_type="video/mp4")
    if data.startswith(b"\x89PNG"):
        return File(kind="image", name=f"{name}.png", content_type="image/png")
    return File(kind="image", name=f"{name}.jpg", content_type="image/jpeg")


class MediaLibrary:
    """Knows where each picture and video is in WeCom, for each of the three ways WeCom keeps them.

    The kinds are not interchangeable (40007): ``message`` for mass sends and welcomes (media/upload),
    ``moment`` for moments (media/upload_attachment), ``url`` for a link's cover (media/uploadimg).
    """

    def __init__(self, database: Database, client: WeComClient, library: Library, *, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._library = library
        self._clock = clock
        self._locks: dict[tuple[str, Purpose], asyncio.Lock] = {}
        self._at_hand: dict[tuple[str, Purpose], tuple[str, datetime]] = {}  # id, and since when

    async def fresh(self, asset: str, purpose: Purpose, *, approved: str | None = None) -> str:
        """Return a media id (or URL) that is still good for a day, uploading the picture if need be.

        Args:
            approved: sha256 of the picture that was approved: it is sent, whatever the asset shows by now.

        Raises:
            NotDone: the upload failed; trying again harms nobody.
            Refused: WeCom does not take the file.
            PictureGone: it is not in the library.
        """
        try:
            data = await self._library.picture(asset, sha256=approved or "")
        except (NotInPackError, OSError) as exc:
            raise PictureGone(f"找不到配图“{asset}”，没有发送；请换一张图片并重新审核") from exc
        digest = sha256(data).hexdigest()
        if approved is not None and digest != approved:
            raise PictureGone(f"配图“{asset}”不是审核时的那一张，没有发送；请重新排这条内容并审核")
        async with self._locks.setdefault((digest, purpose), asyncio.Lock()):
            known = await self._known(digest, purpose)
            if known is not None:
                return known
            try:
                place = await self._upload(digest, data, purpose)
            except OutcomeUnknown as exc:
                # A picture uploaded twice is only a second copy.
                raise NotDone(exc.call, "the upload was not answered") from exc
            await self._remember(digest, purpose, place)
            return place

    async def forget(self, digest: str, purpose: Purpose) -> None:
        """Upload a picture again next time: WeCom does not know the id any more (40007)."""
        self._at_hand.pop((digest, purpose), None)
        async with self._database.write() as session:
            upload = await session.get(Upload, (digest, purpose))
            if upload is not None:
                await session.delete(upload)

    async def asset(self, key: str) -> AssetSpec:
        """Return an asset as it stands in the library.

        Raises:
            NotInPackError: there is no such asset.
        """
        return (await self._library.current()).asset(key)

    async def shelf(self, session: AsyncSession) -> Pack:
        """Return the pack as it stands in the library in this transaction."""
        return await self._library.pack(session)

    async def at_hand(self, session: AsyncSession, shelf: Pack, asset: str, purpose: Purpose) -> str | None:
        """Return what :meth:`fresh` would return if it needs no upload: for the 20 s of a welcome."""
        spec = shelf.asset(asset)
        digest = (shelf.asset(spec.picture) if spec.picture else spec).sha256
        place, since = self._at_hand.get((digest, purpose), ("", None))
        if since is not None and self._clock.now() - since < FRESH[purpose]:
            return place
        return await self._found(session, digest, purpose)

    async def warm_greetings(self) -> None:
        """Upload beforehand what greetings will need; what fails now is left out of them, and logged.

        What shows a patient who has not agreed, or agrees no more, stays here.
        """
        async with self._database.read() as session:
            pack = await self.shelf(session)
            barred = await greeting_assets.barred(session, pack, now=self._clock.now())
        for asset, purpose in _of_greetings(pack, but=barred):
            try:
                await self.fresh(asset, purpose)
            except WeComError as exc:
                log.warning("media.not_warm", asset=asset, purpose=purpose, errcode=exc.errcode)

    async def _known(self, digest: str, purpose: Purpose) -> str | None:
        async with self._database.read() as session:
            return await self._found(session, digest, purpose)

    async def _found(self, session: AsyncSession, digest: str, purpose: Purpose) -> str | None:
        upload = await session.get(Upload, (digest, purpose))
        if upload is None or self._clock.now() - upload.uploaded_at >= FRESH[purpose]:
            return None
        self._at_hand[digest, purpose] = (upload.media_id, upload.uploaded_at)
        return upload.media_id

    async def _upload(self, digest: str, data: bytes, purpose: Purpose) -> str:
        file = file_of(digest, data)
        media = self._client.media
        match purpose:
            case "url":
                return await media.upload_image(file.name, data, file.content_type)
            case "moment":
                return (await media.upload_attachment(file.kind, file.name, data, file.content_type)).media_id
            case "message":
                return (await media.upload(file.kind, file.name, data, file.content_type)).media_id

    async def _remember(self, digest: str, purpose: Purpose, place: str) -> None:
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        values = {"media_id": place, "uploaded_at": self._clock.now()}
        async with self._database.write() as session:
            await session.execute(
                insert(Upload)
                .values(sha256=digest, purpose=purpose, **values)
                .on_conflict_do_update(index_elements=["sha256", "purpose"], set_=values)
            )


def _of_greetings(pack: Pack, *, but: Container[str]) -> Iterable[tuple[str, Purpose]]:
    """Return the pictures and videos that greetings of patients carry, and how."""
    texts = (text for welcome in pack.welcomes for text in welcome.texts)
    for key in dict.fromkeys(key for text in texts for key in text.attachments):
        asset = pack.asset(key)
        if key in but:
            continue
        if asset.kind == "link" and asset.picture:
            yield key, "url"
        elif asset.kind != "link":
            yield key, "message"
