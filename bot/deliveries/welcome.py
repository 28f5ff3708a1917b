"""Delivering the welcome: one call, once, inside 20 seconds."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import structlog

from bot.deliveries.base import Outcome, PlainDelivery, Sent
from bot.deliveries.people import read_profile
from clinic import audit, people
from clinic.effects import FetchContact, SendWelcome
from clinic.tables import Member
from store import outbox
from wecom.attachments import Image, Link, MiniProgram
from wecom.errors import Refused, WeComError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.media import MediaLibrary
    from content.pack import Pack
    from content.render import Renderer
    from store.database import Database
    from store.outbox import OutboxEffect
    from store.vault import Vault
    from wecom.attachments import Attachment
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

NAME_S: Final = 3.0  # a greeting without a name beats a late one
ALREADY_DELIVERED: Final = 41051


class WelcomeDelivery(PlainDelivery):
    """Spends a welcome code. Within its 20 s a lost answer may be tried again: WeCom greets once (41051)."""

    kind: ClassVar[str] = SendWelcome.kind
    lease: ClassVar[timedelta] = timedelta(seconds=25)

    def __init__(
        self,
        client: WeComClient,
        database: Database,
        *,
        pack: Pack,
        renderer: Renderer,
        media: MediaLibrary,
        vault: Vault,
    ) -> None:
        self._client = client
        self._database = database
        self._pack = pack
        self._renderer = renderer
        self._media = media
        self._vault = vault

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = SendWelcome.model_validate(effect.payload)
        profile = await self._profile(wanted.external_userid)
        persona = self._pack.persona(wanted.persona)
        async with self._database.read() as session:
            member = await session.get(Member, wanted.userid)
        welcome = next(w for w in self._pack.welcomes if w.key == wanted.welcome)
        text = self._renderer.render(
            welcome.text,
            **self._pack.variables(
                persona,
                patient_name=profile.name if profile else "",
                member_alias=(member.alias or member.name) if member else "",
            ),
        )
        attachments = [card for key in welcome.attachments if (card := await self._card(key)) is not None]
        try:
            await self._client.contacts.send_welcome(wanted.welcome_code, text, attachments)
        except Refused as exc:
            if exc.errcode != ALREADY_DELIVERED:
                raise
            return Sent(result={"already": True}, facts=profile)
        return Sent(result={"named": bool(profile and profile.name)}, facts=profile)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = SendWelcome.model_validate(effect.payload)
        if isinstance(outcome.facts, people.Profile):
            await people.apply_profile(session, outcome.facts, vault=self._vault, now=now)
        elif outcome.state != outbox.QUEUED:
            await outbox.put(
                session,
                FetchContact(external_userid=wanted.external_userid),
                key=f"fetch:{wanted.external_userid}:welcome:{effect.id}",
                now=now,
                deadline=now + timedelta(days=1),
                cause="欢迎语没有来得及读到客户昵称，补读详情",
            )
        words = {
            outbox.SENT: ("welcome.sent", "欢迎语已发出"),
            outbox.REFUSED: ("welcome.missed", f"欢迎语没有发出：{outcome.error}"),
            outbox.EXPIRED: ("welcome.missed", f"欢迎语错过了 20 秒时限：{outcome.error}"),
        }.get(outcome.state)
        if words is not None:
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action=words[0],
                subject=f"patient:{wanted.external_userid}",
                reason=words[1],
                detail={"userid": wanted.userid, "welcome": wanted.welcome},
            )

    async def _profile(self, external_userid: str) -> people.Profile | None:
        try:
            async with asyncio.timeout(NAME_S):
                return await read_profile(self._client, external_userid)
        except (WeComError, TimeoutError) as exc:
            log.info("welcome.nameless", error=type(exc).__name__)
            return None

    async def _card(self, key: str) -> Attachment | None:
        """Build an attachment from what is uploaded already: nothing is uploaded inside the 20 s."""
        asset = self._pack.asset(key)
        match asset.kind:
            case "link":
                cover = await self._media.at_hand(key, "url") if asset.picture else None
                return Link(title=asset.title, url=asset.url, desc=asset.desc, picurl=cover or "")
            case "miniprogram":
                cover = await self._media.at_hand(key, "message")
                if cover is None:
                    return None
                return MiniProgram(title=asset.title, pic_media_id=cover, appid=asset.appid, page=asset.page)
            case _:
                media_id = await self._media.at_hand(key, "message")
                return Image(media_id=media_id) if media_id else None
