"""Looking a file through before it is imported: what recording it would do, and what a person should know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from clinic import benefits, surveys, visits
from clinic.imports.rows import Fault, Told
from clinic.whose import Book, PersonUnclear
from sop.importing import Counts
from sop.intake import doctors_of, with_userid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.benefits import BenefitFact
    from clinic.care_tables import Benefit, Visit
    from clinic.imports.columns import Layout
    from clinic.tables import Patient
    from clinic.visits import VisitFact
    from content.pack import Pack
    from content.treatment_specs import Catalogue
    from store.vault import Vault

UNKNOWN_SHOWN: Final = 20


@dataclass(slots=True, kw_only=True)
class Look:
    """What a file has said so far."""

    pack: Pack
    catalogue: Catalogue
    vault: Vault
    counts: Counts = field(default_factory=Counts)
    repeated: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    async def through(self, session: AsyncSession, read: Sequence[Told | tuple[Fault, ...]]) -> None:
        """Count what recording these rows would do; nothing is written."""
        told = [one for one in read if isinstance(one, Told)]
        book = Book(session, self.vault)
        await book.load([one.person for one in told])
        known = await visits.load(session, [one.visit.key for one in told if one.visit])
        sheets = await surveys.load(session, [one.sheet.key for one in told if one.sheet])
        cards = await benefits.load(session, [one.benefit.key for one in told if one.benefit])
        doctors = await doctors_of(session, self.pack)
        for one in read:
            self.counts.done += 1
            if not isinstance(one, Told):
                self.counts.note(one)
                continue
            try:
                patient = book.find(one.person)
            except PersonUnclear as exc:
                self.counts.note([Fault(row=one.row, column="", message=str(exc))])
                continue
            new = patient is None and self._first(f"who\0{one.person.clinic_number or one.person.phone}")
            if one.visit is not None:
                fact = with_userid(one.visit, doctors)
                outcome = self._visit(fact, known.get(fact.key), patient)
            elif one.sheet is not None:
                outcome = surveys.decide(
                    sheets.get(one.sheet.key), patient.id if patient else None, one.sheet
                )
            elif one.benefit is not None:
                outcome = self._benefit(one.benefit, cards.get(one.benefit.key), patient)
            else:
                outcome = "added" if new else "same"
            self.counts.people += new
            self.counts.added += outcome == "added"
            self.counts.changed += outcome == "changed"

    def _visit(self, fact: VisitFact, stored: Visit | None, patient: Patient | None) -> str:
        if fact.code and self.catalogue.find(fact.code) is None:
            self.unknown[fact.code] = self.unknown.get(fact.code, 0) + 1
        if not self._first(f"visit\0{fact.source}\0{fact.number}"):
            self.repeated += 1
            return "same"
        return visits.decide(
            visits.standing_of(stored, self.vault) if stored else None,
            stored.updated_at if stored else None,
            visits.told_by(fact, patient.id if patient else 0),
            fact,
        )

    def _benefit(self, fact: BenefitFact, stored: Benefit | None, patient: Patient | None) -> str:
        if not self._first(f"benefit\0{fact.source}\0{fact.number}"):
            self.repeated += 1
            return "same"
        return benefits.decide(stored, patient.id if patient else None, fact)

    def _first(self, key: str) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def notices(self, layout: Layout, *, kind: str) -> list[str]:
        """Say what a person should know before this file is recorded."""
        notices = []
        if self.counts.done == 0:
            notices.append("列名下面没有数据")
        if layout.unread and kind != "answers":
            notices.append(f"没有用到的列：{'、'.join(layout.unread.values())}"[:300])
        if kind == "visits":
            notices += [what for column, what in _LACKING.items() if column not in layout.places]
        if self.repeated and kind == "benefits":
            notices.append(f"有 {self.repeated} 行的权益编号前面已经有了：同号当作同一张卡，只留一行的内容")
        elif self.repeated:
            notices.append(
                f"有 {self.repeated} 行的就诊号前面已经有了：同号当作同一次就诊，只留一行的内容。"
                "一次做了几个项目时，请给每行不同的就诊号，如 J1-1、J1-2"
            )
        if self.unknown:
            shown = sorted(self.unknown, key=lambda code: -self.unknown[code])[:UNKNOWN_SHOWN]
            named = "、".join(f"{code}（{self.unknown[code]} 行）" for code in shown)
            notices.append(f"治疗目录里没有：{named}。就诊照样记下，补进目录后会自动认出")
        return notices


_LACKING: Final = {
    "status": "没有“状态”列：过去的就诊记为已完成，将来的记为已预约",
    "number": "没有“就诊号”列：同一位客户、同一时间、同一项目当作同一次就诊",
    "treatment": "没有“治疗项目”列：只记到店，回访和标签规则用不上",
}
