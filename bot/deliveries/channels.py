"""Deliveries of channel codes: making one exactly once, changing, deleting, and reading its picture."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import aiohttp

from bot.deliveries.base import Outcome, PlainDelivery, Sent, Withdrawn
from clinic.care_tables import ChannelCode
from clinic.effects import CreateCode, DropCode, FetchCodePicture, ShapeCode
from sop import channel_ends, channels
from sop.roster import load_roster
from store import outbox
from wecom.api.contact_ways import ContactWay
from wecom.errors import NotDone, Refused
from wecom.finders import Finders

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from wecom.client import WeComClient

NO_SUCH_WAY: Final = 41044
PICTURE_BYTES: Final = 1_000_000
PICTURE_S: Final = 10.0
PICTURE_WITHIN: Final = timedelta(days=7)
BADLY: Final = (outbox.REFUSED, outbox.EXPIRED)


def way_of(wanted: CreateCode | ShapeCode) -> ContactWay:
    """Return what WeCom is asked for. It may get more members later, so it is made for several."""
    return ContactWay(
        userids=tuple(wanted.userids),
        state=wanted.state,
        remark=wanted.remark,
        rotates=True,
        skip_verify=wanted.skip_verify,
        is_exclusive=wanted.exclusive,
    )


class _CodeDelivery(PlainDelivery):
    """What the deliveries of codes share: the row must still want it, and a failure is told to managers."""

    def __init__(
        self, client: WeComClient, database: Database, *, pack: Pack, public_url: str, clock: Clock
    ) -> None:
        self._client = client
        self._database = database
        self._pack = pack
        self._public_url = public_url
        self._clock = clock

    async def _row(self, state: str) -> ChannelCode:
        async with self._database.read() as session:
            return await session.get_one(ChannelCode, state)

    async def _failed(
        self,
        session: AsyncSession,
        effect: OutboxEffect,
        outcome: Outcome,
        wanted: CreateCode | ShapeCode | DropCode,
        *,
        now: datetime,
    ) -> None:
        channel = self._pack.channel(wanted.state)
        await channel_ends.went_wrong(
            session,
            wanted,
            error=outcome.error or "企业微信没有接受",
            gone=outcome.errcode == NO_SUCH_WAY,
            title=channel.title if channel else wanted.state,
            roster=await load_roster(session, self._pack, now=now),
            public_url=self._public_url,
            key=effect.key,
            now=now,
        )


class CodeCreation(_CodeDelivery):
    """Makes a code. After a lost answer it is looked for: nobody would ever see a second one."""

    kind: ClassVar[str] = CreateCode.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "find"

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = CreateCode.model_validate(effect.payload)
        row = await self._row(wanted.state)
        if row.status != channels.CREATING or row.wanted != wanted.digest:
            raise Withdrawn("这个活码已经不用建了")
        made = await self._client.contact_ways.add(way_of(wanted))
        return Sent(result={"config_id": made.config_id, "qr_code": made.qr_code})

    async def find(self, effect: OutboxEffect) -> Sent | None:
        wanted = CreateCode.model_validate(effect.payload)
        async with self._database.read() as session:
            known = {row.config_id for row in (await channels.codes(session)).values() if row.config_id}
        found = await Finders(self._client).contact_way(
            way_of(wanted),
            since=effect.dispatched_at or effect.created_at,
            now=self._clock.now(),
            known=known,
        )
        if found is None:
            return None
        kept = await self._client.contact_ways.get(found)
        return Sent(result={"config_id": found, "qr_code": kept.qr_code})

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = CreateCode.model_validate(effect.payload)
        if outcome.state == outbox.SENT and outcome.result is not None:
            config_id, qr_code = outcome.result["config_id"], outcome.result["qr_code"]
            await channel_ends.created(session, wanted, config_id=config_id, qr_code=qr_code, now=now)
            await outbox.put(
                session,
                FetchCodePicture(state=wanted.state, config_id=config_id, url=qr_code),
                key=f"code:picture:{config_id}",
                now=now,
                deadline=now + PICTURE_WITHIN,
                cause="读取活码的图片",
            )
        elif outcome.state in BADLY:
            await self._failed(session, effect, outcome, wanted, now=now)


class CodeShaping(_CodeDelivery):
    """Changes a code; the newest shape wins, and the same one twice is one."""

    kind: ClassVar[str] = ShapeCode.kind

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = ShapeCode.model_validate(effect.payload)
        row = await self._row(wanted.state)
        if row.status not in channels.WORKING or row.wanted != wanted.digest:
            raise Withdrawn("后来又有了新的安排")
        await self._client.contact_ways.update(wanted.config_id, way_of(wanted))
        return Sent()

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = ShapeCode.model_validate(effect.payload)
        if outcome.state == outbox.SENT:
            await channel_ends.shaped(session, wanted, now=now)
        elif outcome.state in BADLY:
            await self._failed(session, effect, outcome, wanted, now=now)


class CodeRemoval(_CodeDelivery):
    """Deletes a code; one that is not there any more is deleted."""

    kind: ClassVar[str] = DropCode.kind

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = DropCode.model_validate(effect.payload)
        try:
            await self._client.contact_ways.delete(wanted.config_id)
        except Refused as exc:
            if exc.errcode != NO_SUCH_WAY:
                raise
        return Sent()

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = DropCode.model_validate(effect.payload)
        if outcome.state == outbox.SENT:
            await channel_ends.dropped(session, wanted, now=now)
        elif outcome.state in BADLY:
            await self._failed(session, effect, outcome, wanted, now=now)


class CodePicture(PlainDelivery):
    """Reads a code's picture from where WeCom keeps it; it is public, and no token travels there."""

    kind: ClassVar[str] = FetchCodePicture.kind

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = FetchCodePicture.model_validate(effect.payload)
        if not wanted.url.startswith(("https://", "http://")):
            raise ValueError("企业微信没有给出活码图片的地址")
        try:
            timeout = aiohttp.ClientTimeout(total=PICTURE_S)
            async with self._http.get(wanted.url, timeout=timeout, allow_redirects=False) as answer:
                data = await answer.content.read(PICTURE_BYTES + 1) if answer.status == 200 else b""
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise NotDone(effect.kind, f"the picture was not answered: {type(exc).__name__}") from exc
        if not data or len(data) > PICTURE_BYTES:
            raise NotDone(effect.kind, "no picture where WeCom said one would be")
        return Sent(facts=data)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = FetchCodePicture.model_validate(effect.payload)
        if isinstance(outcome.facts, bytes):
            row = await session.get_one(ChannelCode, wanted.state)
            if row.config_id == wanted.config_id:
                row.picture, row.changed_at = outcome.facts, now
