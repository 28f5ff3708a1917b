"""The port to 1-to-1 journeys: who runs them (:mod:`sop.journeys.desk`) listens here.

Rules and channels say which should start and stop, and every happening is told when its consequences for
stage and tags are drawn. A wish for a journey that nobody has written is an entry in the audit trail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from clinic import audit

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.rules.happenings import Happening
    from clinic.tables import Patient
    from sop.case import Case
    from sop.tag_decisions import Turn

EVERY: Final = "*"  # all journeys of the patient
START: Final = "journey.start_wished"
STOP: Final = "journey.stop_wished"


class Journeys(Protocol):
    """Who runs the journeys. Called in the transaction that decided it, once per reason (``key``)."""

    async def start(
        self, session: AsyncSession, patient: Patient, journey: str, *, key: str, reason: str, now: datetime
    ) -> None:
        """Let a patient begin ``journey``; a patient who is in it already goes on as she is."""

    async def stop(
        self, session: AsyncSession, patient: Patient, journey: str, *, key: str, reason: str, now: datetime
    ) -> None:
        """End ``journey``, or :data:`EVERY` one, of a patient."""

    async def happened(self, session: AsyncSession, case: Case, happening: Happening, turn: Turn) -> None:
        """Let a happening end what waits for it and begin what it triggers; told twice, it is one."""


class WrittenWishes:
    """Writes the wishes down."""

    async def start(
        self, session: AsyncSession, patient: Patient, journey: str, *, key: str, reason: str, now: datetime
    ) -> None:
        _write(session, patient, START, f"开始旅程 {journey}：{reason}", journey, key, now)

    async def stop(
        self, session: AsyncSession, patient: Patient, journey: str, *, key: str, reason: str, now: datetime
    ) -> None:
        words = "停掉所有旅程" if journey == EVERY else f"停掉旅程 {journey}"
        _write(session, patient, STOP, f"{words}：{reason}", journey, key, now)

    async def happened(self, session: AsyncSession, case: Case, happening: Happening, turn: Turn) -> None:
        """Wishes are written when they are wished; nothing waits for what happens."""


def _write(
    session: AsyncSession, patient: Patient, action: str, reason: str, journey: str, key: str, now: datetime
) -> None:
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action=action,
        subject=f"patient:{patient.external_userid}",
        reason=reason,
        detail={"journey": journey, "key": key},
    )
