"""Tells visits to a clinic's records as its own system would, and reads back what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic.care_tables import Visit
from clinic.people import phone_of, real_name_of
from clinic.tables import AuditEntry, Patient
from clinic.visits import VisitFact, VisitStatus, note_of
from clinic.whose import PersonRef
from sop.intake import Intake, Report, SheetReport, Taken, VisitReport, open_intake, take_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clinic.surveys import SheetFact
    from content.pack import Pack
    from store.database import Database
    from store.vault import Vault

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in the clinic
YESTERDAY = NOW - timedelta(days=1)
WANG = PersonRef(clinic_number="B001", phone="13800138000", name="王小雨")


def fact(number: str = "V1", status: str = "done", **fields: Any) -> VisitFact:
    """Return a visit of yesterday, told now."""
    values: dict[str, Any] = {"at": YESTERDAY, "changed_at": NOW, "code": "洗牙"}
    return VisitFact(number=number, status=VisitStatus(status), **(values | fields))


@dataclass(slots=True, kw_only=True)
class Desk:
    """The clinic's own system, and our records."""

    database: Database
    pack: Pack
    vault: Vault
    now: datetime = NOW

    async def tell(self, *visits: VisitFact, person: PersonRef = WANG) -> list[str]:
        """Tell visits of one person in one transaction; return what became of each."""
        return await self.tell_reports([VisitReport(person=person, visit=visit) for visit in visits])

    async def tell_reports(self, reports: list[VisitReport]) -> list[str]:
        outcomes = []
        async with self.database.write() as session:
            intake = await self._open(session)
            await intake.expect(people=[r.person for r in reports], visits_=[r.visit for r in reports])
            for report in reports:
                _, recorded = await intake.visit(report)
                outcomes.append(recorded.outcome)
            await intake.tell_unknown()
        return outcomes

    async def fill(self, *sheets: SheetFact, person: PersonRef = WANG) -> list[str]:
        """Tell filled-in surveys of one person."""
        reports = [SheetReport(person=person, sheet=sheet) for sheet in sheets]
        async with self.database.write() as session:
            intake = await self._open(session)
            await intake.expect(people=[person], sheets=sheets)
            return [outcome for report in reports for _, _, outcome in [await intake.sheet(report)]]

    async def take_in(self, reports: Sequence[Report]) -> list[Taken]:
        """Tell a list, as the API does."""
        return await take_in(
            self.database,
            reports,
            pack=self.pack,
            vault=self.vault,
            public_url="https://clinic.example",
            actor="api",
            now=self.now,
        )

    async def _open(self, session: Any) -> Intake:
        return await open_intake(
            session,
            pack=self.pack,
            vault=self.vault,
            public_url="https://clinic.example",
            actor="api",
            now=self.now,
        )

    async def rows(self, table: type[Any]) -> list[Any]:
        async with self.database.read() as session:
            return list(await session.scalars(select(table).order_by(*table.__table__.primary_key)))

    async def patients(self) -> list[tuple[str | None, str, str]]:
        """Return clinic number, phone and real name of everybody, in order of the numbers."""
        found = [
            (p.clinic_number, phone_of(p, self.vault), real_name_of(p, self.vault))
            for p in await self.rows(Patient)
        ]
        return sorted(found, key=lambda one: one[0] or "")

    async def visits(self) -> list[dict[str, Any]]:
        """Return every visit as its facts made it, with the clinic number of its patient."""
        numbers = {patient.id: patient.clinic_number for patient in await self.rows(Patient)}
        return [
            {
                "number": visit.number,
                "whose": numbers[visit.patient_id],
                "status": visit.status,
                "at": visit.at,
                "treatment": visit.treatment,
                "code": visit.treatment_code,
                "doctor": visit.doctor,
                "amount_fen": visit.amount_fen,
                "note": note_of(visit, self.vault),
                "changed_at": visit.updated_at,
            }
            for visit in sorted(await self.rows(Visit), key=lambda one: one.number)
        ]

    async def reasons(self, action: str) -> list[str]:
        """Return what the audit trail says of one kind of step."""
        return [entry.reason for entry in await self.rows(AuditEntry) if entry.action == action]
