"""Drawing the consequences of a step that changed what we know of somebody: nobody is called."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from bot.deliveries.base import Outcome, PlainDelivery, Sent
from clinic import audit, stages
from clinic.rules.happenings import Happening
from clinic.stages import Stage
from clinic.tables import Patient
from sop.case import short_key
from sop.consequences import reconsider
from sop.effects import LookAgain
from sop.roster import load_roster
from store import outbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.outbox import OutboxEffect

STAGE_KEY_CHARS = 120


class LookAgainDelivery(PlainDelivery):
    """Lets the rules see a patient once more, in a transaction of her own."""

    kind: ClassVar[str] = LookAgain.kind

    def __init__(self, *, pack: Pack, public_url: str) -> None:
        self._pack, self._public_url = pack, public_url

    async def send(self, effect: OutboxEffect) -> Sent:
        del effect
        return Sent()

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        if outcome.state != outbox.SENT:
            return
        wanted = LookAgain.model_validate(effect.payload)
        patient = await session.get(Patient, wanted.patient_id)
        if patient is None or patient.erased_at is not None:
            return
        at = datetime.fromtimestamp(wanted.at, UTC)
        if wanted.stage:
            await self._move(session, patient, wanted, at=at, now=now)
        await reconsider(
            session,
            patient,
            Happening(kind="tick", at=now),
            pack=self._pack,
            roster=await load_roster(session, self._pack),
            public_url=self._public_url,
            now=now,
        )

    async def _move(
        self, session: AsyncSession, patient: Patient, wanted: LookAgain, *, at: datetime, now: datetime
    ) -> None:
        moved = await stages.move(
            session,
            patient,
            key=short_key(f"plan:{wanted.key}", most=STAGE_KEY_CHARS),
            stage=Stage(wanted.stage),
            at=at,
            now=now,
            actor=audit.RULES,
            reason=wanted.reason,
        )
        if moved.changed:
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="stage.moved",
                subject=f"patient:{patient.external_userid}",
                reason=f"阶段 {moved.before.title} → {moved.after.title}：{wanted.reason}",
                detail={"from": moved.before.value, "to": moved.after.value},
            )
