"""Deliveries about customer groups: reading one, and the material that greets its newcomers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from bot.deliveries.base import Outcome, PlainDelivery, Sent, Withdrawn
from bot.syncing.reading import seats_of
from clinic import audit, group_moves, groups
from clinic.care_tables import GroupWelcome
from clinic.effects import DropGroupWelcome, FetchGroup, PutGroupWelcome
from clinic.tables import CustomerGroup
from sop import group_alerts, group_welcomes
from sop.roster import load_roster
from store import outbox
from wecom.api.group_welcomes import GroupWelcome as Material
from wecom.attachments import Image, Link, MiniProgram, Video
from wecom.errors import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.media import MediaLibrary
    from content.pack import Pack
    from content.render import Renderer
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from wecom.api.groups import GroupChat
    from wecom.attachments import Attachment
    from wecom.client import WeComClient

NO_SUCH_TEMPLATE: Final = 40058
NO_SUCH_GROUP: Final = frozenset({86001, 90501})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    chat: GroupChat
    asked_at: datetime


class GroupFetch(PlainDelivery):
    """Reads a customer group into our records: what it is called, whose it is, who is in it."""

    kind: ClassVar[str] = FetchGroup.kind

    def __init__(
        self, client: WeComClient, database: Database, *, pack: Pack, public_url: str, clock: Clock
    ) -> None:
        self._client = client
        self._database = database
        self._pack = pack
        self._public_url = public_url
        self._clock = clock

    async def send(self, effect: OutboxEffect) -> Sent:
        chat_id = FetchGroup.model_validate(effect.payload).chat_id
        async with self._database.read() as session:
            if await self._is_gone(session, chat_id):
                raise Withdrawn("群已经解散")
        asked_at = self._clock.now()
        try:
            chat = await self._client.groups.get(chat_id)
        except Refused as exc:
            if exc.errcode not in NO_SUCH_GROUP:
                raise
            # The event of its end is on its way, or was lost: the nightly run asks once more.
            raise Withdrawn("群已经不在了") from exc
        return Sent(facts=_Read(chat=chat, asked_at=asked_at))

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        del effect
        if not isinstance(outcome.facts, _Read):
            return
        chat = outcome.facts.chat
        before = await groups.description(session, chat.chat_id)
        await groups.record(
            session,
            chat_id=chat.chat_id,
            name=chat.name,
            owner=chat.owner,
            members=len(chat.member_list),
            member_version=chat.member_version or None,
            created_at=chat.create_time,
            asked_at=outcome.facts.asked_at,
            now=now,
        )
        if before is None:
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="group.created",
                subject=f"group:{chat.chat_id}",
                reason=f"新的客户群“{chat.name[:60]}”，群主 {chat.owner}",
            )
        since = group_moves.coming_since(chat.create_time, now=now)
        moves = (await group_moves.reread(session, chat.chat_id, seats_of(chat), now=now, since=since)).moves
        roster = await load_roster(session, self._pack)
        await group_alerts.follow_up(
            session,
            chat.chat_id,
            moves,
            pack=self._pack,
            roster=roster,
            public_url=self._public_url,
            now=now,
        )
        group = await session.get(CustomerGroup, chat.chat_id, populate_existing=True)
        if group is None or group.dismissed_at is not None:
            return
        role = self._pack.role_of_group(group.name, chosen=group.role)
        was = None if before is None else self._pack.role_of_group(before[0], chosen=group.role).key
        if was != role.key:
            await group_welcomes.new_group(
                session, group, role, roster=roster, public_url=self._public_url, now=now
            )

    @staticmethod
    async def _is_gone(session: AsyncSession, chat_id: str) -> bool:
        group = await session.get(CustomerGroup, chat_id)
        return group is not None and group.dismissed_at is not None


class GroupWelcomeDelivery(PlainDelivery):
    """Makes or changes a role's 入群欢迎语素材.

    WeCom lists no material, so after a lost answer to a creation nothing can be looked up: it is made again.
    What may then lie twice in WeCom greets nobody, since owners apply material by hand and only our card,
    not WeCom, tells them that there is some.
    """

    kind: ClassVar[str] = PutGroupWelcome.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "again"

    def __init__(
        self,
        client: WeComClient,
        database: Database,
        *,
        renderer: Renderer,
        media: MediaLibrary,
        clock: Clock,
    ) -> None:
        self._client = client
        self._database = database
        self._renderer = renderer
        self._media = media
        self._clock = clock

    async def send(self, effect: OutboxEffect) -> Sent:
        asked = PutGroupWelcome.model_validate(effect.payload)
        async with self._database.read() as session:
            shelf = await self._media.shelf(session)
            all_wanted = await group_welcomes.wanted_now(
                session, shelf, self._renderer, now=self._clock.now()
            )
            want = all_wanted.get(asked.role)
            row = await session.get(GroupWelcome, asked.role)
        if want is None or row is None or asked.digest != want.digest or row.wanted != want.digest:
            raise Withdrawn("内容包里的入群欢迎语已经又变了")
        material = Material(
            text=want.text,
            attachment=await self._attachment(want.attachment) if want.attachment else None,
        )
        if row.template_id is not None and await self._changed(row.template_id, material):
            return Sent(result={"template_id": row.template_id}, facts=row.template_id)
        template_id = await self._client.group_welcomes.add(material, notify=False)
        return Sent(result={"template_id": template_id}, facts=template_id)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        asked = PutGroupWelcome.model_validate(effect.payload)
        if outcome.state == outbox.SENT:
            await group_welcomes.made(
                session, asked.role, template_id=str(outcome.facts), digest=asked.digest, now=now
            )
        elif outcome.state in (outbox.REFUSED, outbox.EXPIRED):
            row = await session.get(GroupWelcome, asked.role, with_for_update=True)
            if row is not None and row.wanted == asked.digest:
                row.reason, row.changed_at = (outcome.error or "")[:200], now

    async def _changed(self, template_id: str, material: Material) -> bool:
        """Change the material where it is; False: it is there no more and has to be made anew.

        WeCom does not say whether a picture goes that an edit does not name. When a patient's consent has
        ended it must: material that still has one is deleted, and owners are asked to apply the new one.
        """
        try:
            await self._client.group_welcomes.edit(template_id, material)
            if material.attachment is None:
                kept = await self._client.group_welcomes.get(template_id)
                if kept.attachment_kind is not None:
                    await self._client.group_welcomes.delete(template_id)
                    return False
        except Refused as exc:
            if exc.errcode != NO_SUCH_TEMPLATE:
                raise
            return False
        return True

    async def _attachment(self, key: str) -> Attachment:
        asset = await self._media.asset(key)
        match asset.kind:
            case "link":
                cover = await self._media.fresh(key, "url") if asset.picture else ""
                return Link(title=asset.title, url=asset.url, desc=asset.desc, picurl=cover)
            case "miniprogram":
                cover = await self._media.fresh(key, "message")
                return MiniProgram(title=asset.title, pic_media_id=cover, appid=asset.appid, page=asset.page)
            case "video":
                return Video(media_id=await self._media.fresh(key, "message"))
            case _:
                return Image(media_id=await self._media.fresh(key, "message"))


class GroupWelcomeRemoval(PlainDelivery):
    """Deletes material that no role has any more; what is gone already is as good."""

    kind: ClassVar[str] = DropGroupWelcome.kind

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def send(self, effect: OutboxEffect) -> Sent:
        try:
            await self._client.group_welcomes.delete(
                DropGroupWelcome.model_validate(effect.payload).template_id
            )
        except Refused as exc:
            if exc.errcode != NO_SUCH_TEMPLATE:
                raise
        return Sent()
