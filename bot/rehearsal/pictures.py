"""Pictures and videos of a rehearsal: put into the tenant's store directly instead of being uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.media import MediaLibrary, file_of
from bot.rehearsal.wire import BASE

if TYPE_CHECKING:
    from bot.media import Purpose
    from content.library.view import Library
    from store.clock import Clock
    from store.database import Database
    from wecom.client import WeComClient
    from wecom.sandbox.tenant import Tenant


class TenantPictures(MediaLibrary):
    """A media library whose WeCom is at hand."""

    def __init__(
        self, database: Database, client: WeComClient, library: Library, *, clock: Clock, tenant: Tenant
    ) -> None:
        super().__init__(database, client, library, clock=clock)
        self._tenant = tenant

    async def _upload(self, digest: str, data: bytes, purpose: Purpose) -> str:
        file = file_of(digest, data)
        name, kind = file.name, file.content_type
        store = self._tenant.media
        match purpose:
            case "url":
                return store.upload_picture(filename=name, content_type=kind, blob=data, base_url=BASE)
            case "moment":
                return store.upload_attachment(
                    file.kind, attachment_type=1, filename=name, content_type=kind, blob=data
                ).media_id
            case "message":
                return store.upload(file.kind, filename=name, content_type=kind, blob=data).media_id
