"""Saying a step of a journey in 微信客服, once: WeCom refuses a second message with our id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from sqlalchemy import select

from bot.deliveries.base import Outcome, PlainDelivery, Sent, Withdrawn
from bot.deliveries.pausing import hold_if_paused
from clinic.merging import head_of
from clinic.people import name_of
from clinic.tables import Member, Patient
from sop import consented
from sop.effects import SendKf
from sop.journeys import timing
from sop.journeys.books import book_of
from sop.journeys.channels import kf_fate
from sop.journeys.channels.kf import SHUT
from sop.journeys.channels.kf_window import windows_of
from sop.journeys.channels.words import personal
from sop.journeys.ports import QUEUED
from sop.journeys.wording import NothingToSay, words_of
from sop.plan_tables import Enrolment, SurveyLink, Touch
from sop.roster import load_roster
from sop.survey_links import address_of
from store import outbox
from wecom.errors import NotYet, Refused
from wecom.kf_messages import KfText

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.library.view import Library
    from content.pack import Pack
    from content.plans.specs import Plan, Step
    from content.render import Renderer
    from sop.roster import Roster
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from store.vault import Vault
    from wecom.client import WeComClient

CALL: Final = "kf/send_msg"
MSGID_USED: Final = 40058
# 95001 five are used, 95002 after 48 h, 95013 ended, 95018 a person has it: her window is shut.
WINDOW_SHUT: Final = frozenset({95001, 95002, 95013, 95018})
GONE: Final = "这一步已经撤回"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    text: str
    plan: Plan
    persona: str


class KfSendDelivery(PlainDelivery):
    """Writes to a patient while her window is open; its text is made at that moment."""

    kind: ClassVar[str] = SendKf.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "again"

    def __init__(
        self,
        client: WeComClient,
        database: Database,
        *,
        library: Library,
        renderer: Renderer,
        vault: Vault,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._client, self._database, self._clock = client, database, clock
        self._library, self._renderer, self._vault = library, renderer, vault
        self._public_url = public_url

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = SendKf.model_validate(effect.payload)
        async with self._database.read() as session:
            pack = await self._library.pack(session)
            message = await self._message(session, wanted, pack)
        self._not_at_night(pack)
        async with self._database.read() as session:
            await hold_if_paused(session, CALL, persona=message.persona, plan=message.plan.key)
        try:
            await self._client.kf.send(
                wanted.open_kfid, wanted.external_userid, KfText(content=message.text), msgid=wanted.msgid
            )
        except Refused as exc:
            # On a second try our own id says that the first one arrived, only its answer did not.
            if exc.errcode != MSGID_USED or effect.attempts == 1:
                raise
            return Sent(result={"already": True}, facts=message.text)
        return Sent(facts=message.text)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = SendKf.model_validate(effect.payload)
        if outcome.state == outbox.SENT:
            text = outcome.facts if isinstance(outcome.facts, str) else ""
            await kf_fate.said(session, wanted, text, vault=self._vault, now=now)
        elif outcome.state in (outbox.REFUSED, outbox.EXPIRED, outbox.CANCELLED):
            shut = outcome.errcode in WINDOW_SHUT or outcome.error == SHUT
            reason = SHUT if shut else outcome.error or "没有发出"
            # Unless its first try may have arrived: then it must not go another way as well.
            unsure = effect.state == outbox.UNKNOWN
            await kf_fate.not_said(session, wanted, reason, again=shut and not unsure, now=now)

    def _not_at_night(self, pack: Pack) -> None:
        now, house = self._clock.now(), pack.house
        if house.is_quiet(now, pack.timezone):
            wait = house.after_quiet(now, pack.timezone) - now
            raise NotYet(
                CALL, "quiet hours", remedy="免打扰时段，先不发送", retry_after_s=wait / timedelta(seconds=1)
            )

    async def _message(self, session: AsyncSession, wanted: SendKf, pack: Pack) -> _Message:
        row = (
            await session.execute(
                select(Touch, Enrolment.version_id, Enrolment.state)
                .join(Enrolment, Enrolment.id == Touch.enrolment_id)
                .where(Touch.enrolment_id == wanted.enrolment_id, Touch.step == wanted.step)
            )
        ).one_or_none()
        if row is None or row.Touch.state != QUEUED or row.state in ("stopped", "goal"):
            raise Withdrawn(GONE)
        plans = await (await book_of(session)).versions(session, [row.version_id])
        plan = plans.get(row.version_id)
        patient = (
            await session.scalars(select(Patient).where(Patient.external_userid == wanted.external_userid))
        ).one_or_none()
        if plan is None or patient is None:
            raise Withdrawn(GONE)
        head = await head_of(session, patient)
        if head.erased_at is not None:
            raise Withdrawn(GONE)
        open_to = await windows_of(session, [head.id], now=self._clock.now())
        if head.id not in open_to:
            raise Withdrawn(SHUT)
        try:
            step = timing.step_of(plan.journey, wanted.step)
            await self._not_quoting(session, words_of(step, row.Touch.variant)[0])
            roster = await load_roster(session, pack)
            return await self._words(session, row.Touch, plan, step, patient, head, roster=roster)
        except (NothingToSay, LookupError) as exc:
            raise Withdrawn(str(exc)) from exc

    async def _not_quoting(self, session: AsyncSession, content: str) -> None:
        """Raise NothingToSay where a text quotes a patient who has taken her consent back since."""
        barred = await consented.unsayable(session, [content] if content else [], now=self._clock.now())
        if content in barred:
            raise NothingToSay(barred[content])

    async def _words(
        self,
        session: AsyncSession,
        touch: Touch,
        plan: Plan,
        step: Step,
        patient: Patient,
        head: Patient,
        *,
        roster: Roster,
    ) -> _Message:
        sender, pack = touch.sender, roster.pack
        persona = roster.persona_of(sender).key if sender else pack.default_persona
        member = await session.get(Member, sender) if sender else None
        text = personal(
            pack,
            self._renderer,
            step,
            touch.variant,
            persona,
            name=name_of(head, self._vault) or name_of(patient, self._vault),
            member=(member.alias or member.name) if member else "",
            link=await self._link(session, pack, step, f"touch:{touch.enrolment_id}:{touch.step}"),
        )
        return _Message(text=text, plan=plan, persona=persona)

    async def _link(self, session: AsyncSession, pack: Pack, step: Step, key: str) -> str:
        survey = pack.survey(step.survey) if step.channel == "survey" else None
        if survey is None:
            return ""
        number = await session.scalar(select(SurveyLink.id).where(SurveyLink.key == key))
        if number is None:
            return survey.url
        return address_of(number, vault=self._vault, public_url=self._public_url)
