"""Delivering the welcome: one call, once, inside 20 seconds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

import structlog

from bot.deliveries.base import Outcome, PlainDelivery, Sent
from bot.deliveries.pausing import hold_if_paused
from bot.deliveries.people import read_profile
from clinic import audit, greetings, people
from clinic.effects import FetchContact, SendWelcome
from clinic.rules.happenings import Happening
from clinic.tables import Member
from sop import consented
from sop.consequences import reconsider
from sop.handouts import hand_out
from sop.roster import load_roster
from sop.rulebook import Rulebook
from sop.sendings import ASSETS
from store import outbox
from wecom.attachments import Image, Link, MiniProgram, Video
from wecom.errors import Refused, WeComError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.media import MediaLibrary
    from clinic.tables import Patient
    from content.pack import Pack
    from content.render import Renderer
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from store.vault import Vault
    from wecom.attachments import Attachment
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

WAIT_S: Final = 1.0  # while everything stands still
NAME_S: Final = 3.0  # a greeting without a name beats a late one
ALREADY_DELIVERED: Final = 41051
LEFT_OUT: Final = "left_out"  # in the result: what of its assets did not go with it, and why
ANSWER_WITHIN: Final = timedelta(hours=2)
ENDS: Final = {
    outbox.SENT: greetings.SENT,
    outbox.REFUSED: greetings.MISSED,
    outbox.EXPIRED: greetings.MISSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cards:
    """What goes with a greeting's words, and what was left out of it and why."""

    attachments: tuple[Attachment, ...] = ()
    carried: tuple[str, ...] = ()  # assets, the covers of cards too
    left_out: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, Any]:
        """What the effect's result says of it."""
        told: dict[str, Any] = {ASSETS: list(self.carried)}
        return told | ({LEFT_OUT: list(self.left_out)} if self.left_out else {})


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
        public_url: str,
        clock: Clock,
    ) -> None:
        self._client = client
        self._database = database
        self._pack = pack
        self._renderer = renderer
        self._media = media
        self._vault = vault
        self._public_url = public_url
        self._clock = clock

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = SendWelcome.model_validate(effect.payload)
        profile = await self._profile(wanted.external_userid)
        persona = self._pack.persona(wanted.persona)
        chosen = self._pack.welcome(wanted.welcome).variant(wanted.variant)
        async with self._database.glance() as session:
            # Its 20 s go on meanwhile: when they are over, the member is asked to greet by hand.
            await hold_if_paused(session, effect.kind, again_after_s=WAIT_S)
            member = await session.get(Member, wanted.userid)
            cards = await self._cards(session, chosen.attachments)
        text = self._renderer.render(
            chosen.text,
            **self._pack.variables(
                persona,
                patient_name=profile.name if profile else "",
                member_alias=(member.alias or member.name) if member else "",
                doctor=self._pack.doctor_of(persona, wanted.channel or None),
            ),
        )
        try:
            await self._client.contacts.send_welcome(wanted.welcome_code, text, cards.attachments)
        except Refused as exc:
            if exc.errcode != ALREADY_DELIVERED:
                raise
            return Sent(result={"already": True, **cards.told}, facts=profile)
        return Sent(result={"named": bool(profile and profile.name), **cards.told}, facts=profile)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        with suppress(people.Forgotten):  # meanwhile, or before this late greeting
            await self._record(session, effect, outcome, now=now)

    async def _record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = SendWelcome.model_validate(effect.payload)
        if isinstance(outcome.facts, people.Profile):
            patient = await people.apply_profile(session, outcome.facts, vault=self._vault, now=now)
        elif outcome.state in ENDS:
            patient = await people.patient_of(
                session,
                wanted.external_userid,
                now=now,
                met_at=datetime.fromtimestamp(wanted.added_at, UTC) if wanted.added_at else effect.created_at,
            )
            await outbox.put(
                session,
                FetchContact(external_userid=wanted.external_userid),
                key=f"fetch:{wanted.external_userid}:welcome:{effect.id}",
                now=now,
                deadline=now + timedelta(days=1),
                cause="欢迎语没有来得及读到客户昵称，补读详情",
            )
        if outcome.state not in ENDS:
            return
        state = ENDS[outcome.state]
        if state == greetings.MISSED and effect.state == outbox.UNKNOWN:
            # However the later try ended: it says nothing of the one whose answer was lost.
            state = greetings.UNSURE
        cause = "" if state == greetings.SENT else outcome.error or ""
        await greetings.settled(
            session,
            key=effect.key,
            patient=patient,
            userid=wanted.userid,
            channel=wanted.channel,
            persona=wanted.persona,
            welcome=wanted.welcome,
            variant=wanted.variant,
            why=effect.cause,
            state=state,
            cause=cause,
            at=effect.created_at,
            now=now,
        )
        missed = "欢迎语错过了 20 秒时限" if outcome.state == outbox.EXPIRED else "欢迎语没有发出"
        if state == greetings.UNSURE:
            missed = "欢迎语不一定送到了"
        left_out = (outcome.result or {}).get(LEFT_OUT, ())
        sent = f"欢迎语已发出，少带了一样：{'；'.join(left_out)}" if left_out else "欢迎语已发出"
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="welcome.sent" if state == greetings.SENT else "welcome.missed",
            subject=f"patient:{wanted.external_userid}",
            reason=sent if state == greetings.SENT else f"{missed}：{cause}",
            detail={"userid": wanted.userid, "welcome": wanted.welcome, "variant": wanted.variant},
        )
        if state != greetings.SENT:
            await self._ask_member(session, effect, wanted, patient, state=state, cause=cause, now=now)
        elif wanted.added_at and Rulebook(pack=self._pack).asks_for_greetings:
            await self._follow_rules(session, wanted, patient, now=now)

    async def _follow_rules(
        self, session: AsyncSession, wanted: SendWelcome, patient: Patient, *, now: datetime
    ) -> None:
        """Draw what the pack's rules make of the greeting that she has got."""
        await reconsider(
            session,
            patient,
            Happening(
                kind="added",
                at=datetime.fromtimestamp(wanted.added_at, UTC),
                userid=wanted.userid,
                channel=wanted.channel,
                welcome=wanted.welcome,
                variant=wanted.variant,
            ),
            pack=self._pack,
            roster=await load_roster(session, self._pack, now=now),
            public_url=self._public_url,
            now=now,
        )

    async def _ask_member(
        self,
        session: AsyncSession,
        effect: OutboxEffect,
        wanted: SendWelcome,
        patient: Patient,
        *,
        state: str,
        cause: str,
        now: datetime,
    ) -> None:
        """Let the member say by hand what the machine could not; not to somebody who is gone already."""
        follow = await people.follow_of(session, patient, wanted.userid, at=effect.created_at)
        if follow.lost_at is not None:
            return
        at = effect.created_at.astimezone(self._pack.timezone)
        unsure = "可能没有收到欢迎语，请看一眼聊天" if state == greetings.UNSURE else "没有收到欢迎语"
        channel = self._pack.channel(wanted.channel or None)
        via = f"，来自渠道“{channel.title}”" if channel else ""
        await hand_out(
            session,
            roster=await load_roster(session, self._pack, now=now),
            public_url=self._public_url,
            key=f"welcome-missed:{effect.key}",
            kind="welcome_missed",
            assignee=wanted.userid,
            title="有新客户没收到欢迎语，请打个招呼",
            body=f"{at:%m-%d %H:%M} 加你的新客户{via}，{unsure}。请在企业微信里亲自问候一句。原因：{cause}",
            now=now,
            patient_id=patient.id,
            due_at=now + ANSWER_WITHIN,
        )

    async def _profile(self, external_userid: str) -> people.Profile | None:
        try:
            async with asyncio.timeout(NAME_S):
                return await read_profile(self._client, external_userid, urgent=True)
        except (WeComError, TimeoutError) as exc:
            log.info("welcome.nameless", error=type(exc).__name__)
            return None

    async def _cards(self, session: AsyncSession, keys: Sequence[str]) -> _Cards:
        """Build attachments from what is uploaded already: nothing is uploaded inside the 20 s.

        What shows a patient without her consent is left out: the words must not wait for it.
        """
        if not keys:
            return _Cards()
        shelf = await self._media.shelf(session)
        barred = await consented.barred(session, shelf, keys, now=self._clock.now())
        attachments: list[Attachment] = []
        carried: list[str] = []
        for key in keys:
            card = None if key in barred else await self._card(session, shelf, key)
            if card is not None:
                attachments.append(card)
                carried += [one for one in (key, shelf.asset(key).picture) if one]
        return _Cards(
            attachments=tuple(attachments),
            carried=tuple(carried),
            left_out=tuple(str(one) for one in barred.values()),
        )

    async def _card(self, session: AsyncSession, shelf: Pack, key: str) -> Attachment | None:
        asset, at_hand = shelf.asset(key), partial(self._media.at_hand, session, shelf, key)
        match asset.kind:
            case "link":
                cover = await at_hand("url") if asset.picture else None
                return Link(title=asset.title, url=asset.url, desc=asset.desc, picurl=cover or "")
            case "miniprogram":
                cover = await at_hand("message")
                if cover is None:
                    return None
                return MiniProgram(title=asset.title, pic_media_id=cover, appid=asset.appid, page=asset.page)
            case _:
                media_id = await at_hand("message")
                if media_id is None:
                    return None
                return Video(media_id=media_id) if asset.kind == "video" else Image(media_id=media_id)
