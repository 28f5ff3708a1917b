"""Whose visit is it: the patient that the clinic's own system means, found or recorded.

A person is named by WeCom's id, by the clinic's own number or by a phone, best first. A phone alone is weak:
families share one. So it never decides between two people, and never against a clinic number or a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from clinic import audit, people, terms
from clinic.identity import fold
from clinic.tables import Patient, PatientTerm

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

AT_ONCE: Final = 500  # values in one IN (…)
FAMILY: Final = 12  # people who may share a phone; more share one that was made up
MERGES: Final = 20  # records merged into one another, one after the other; more is a circle


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRef:
    """How the clinic's system names a person; ``phone`` is canonical (:mod:`clinic.identity`)."""

    external_userid: str = ""
    clinic_number: str = ""
    phone: str = ""
    name: str = ""
    born_on: date | None = None

    @property
    def names_somebody(self) -> bool:
        """Tell whether somebody can be found by it: a name alone is too many people's."""
        return bool(self.external_userid or self.clinic_number or self.phone)


class PersonUnclear(ValueError):
    """Nobody can be told to be meant; ``field`` of the ref is the place, the message the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Book:
    """The patients that a batch of facts is about, read at once and kept while the batch is recorded."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault
        self._by_id: dict[int, Patient] = {}
        self._by_external: dict[str, int] = {}
        self._by_number: dict[str, int] = {}
        self._by_phone: dict[str, set[int]] = {}
        self._crowded: set[str] = set()
        self.recorded = 0
        """How many patients were nobody's before."""

    async def load(self, refs: Iterable[PersonRef]) -> None:
        """Read whom these refs may mean, in a handful of statements."""
        wanted = tuple(refs)
        externals = {ref.external_userid for ref in wanted if ref.external_userid}
        numbers = {ref.clinic_number for ref in wanted if ref.clinic_number}
        await self._read(Patient.external_userid, externals)
        await self._read(Patient.clinic_number, numbers)
        digests = {
            self._digest(ref.phone)
            for ref in wanted
            if ref.phone and not ref.external_userid and ref.clinic_number not in self._by_number
        }
        await self._find_crowds(digests)
        for some in _slices(digests - self._crowded):
            rows = await self._session.execute(
                select(PatientTerm.digest, Patient)
                .join(Patient, Patient.id == PatientTerm.patient_id)
                .where(PatientTerm.digest.in_(some), PatientTerm.kind == terms.PHONE)
            )
            for digest, patient in rows:
                self._keep(patient)
                self._by_phone.setdefault(digest, set()).add(patient.id)
        for _ in range(MERGES):
            survivors = {p.merged_into for p in self._by_id.values() if p.merged_into} - self._by_id.keys()
            if not survivors:
                break
            await self._read(Patient.id, survivors)

    async def _find_crowds(self, digests: Collection[str]) -> None:
        """Find the phones that desks write down for whoever gives none: they are nobody's."""
        for some in _slices(digests):
            crowds = await self._session.scalars(
                select(PatientTerm.digest)
                .where(PatientTerm.digest.in_(some), PatientTerm.kind == terms.PHONE)
                .group_by(PatientTerm.digest)
                .having(func.count() > FAMILY)
            )
            self._crowded.update(crowds)

    def find(self, ref: PersonRef) -> Patient | None:
        """Return the patient meant, or None for somebody new.

        Raises:
            PersonUnclear: nobody, several people, or two different ones are meant.
        """
        if not ref.names_somebody:
            raise PersonUnclear("clinic_number", "没写是谁：至少要有病历号、电话或 external_userid 中的一项")
        by_number = self._living(self._by_number.get(ref.clinic_number))
        if ref.external_userid:
            patient = self._living(self._by_external.get(ref.external_userid))
            if patient is None:
                raise PersonUnclear(
                    "external_userid", "没有这个 external_userid 的客户；不确定时改写病历号或电话"
                )
            if by_number is not None and by_number.id != patient.id:
                raise PersonUnclear("clinic_number", "这个病历号是另一份档案的：核对后在“客户”页合并两份档案")
            if ref.clinic_number and by_number is None and patient.clinic_number is not None:
                raise PersonUnclear("clinic_number", "这位客户的病历号不是这一个：请核对")
            return patient
        return by_number or self._by_the_phone(ref)

    async def take(self, ref: PersonRef, *, now: datetime) -> Patient:
        """Return the patient meant, recorded now if new; what was not known of her is noted.

        Nothing is written when it raises.

        Raises:
            PersonUnclear: see :meth:`find`.
        """
        patient = self.find(ref)
        if patient is None:
            return await self._record(ref, now=now)
        await self._learn(patient, ref, now=now)
        return patient

    def pretend(self, ref: PersonRef) -> None:
        """Do as :meth:`take` would, in memory only, to find what is wrong before anything is written.

        The session must be one that is never committed.

        Raises:
            PersonUnclear: see :meth:`find`.
        """
        patient = self.find(ref)
        if patient is None:
            self.recorded += 1
            patient = Patient(id=-self.recorded, external_userid=f"new:{self.recorded}")
        patient.clinic_number = self.new_number(patient, ref) or patient.clinic_number
        if ref.name and patient.real_name_sealed is None:
            patient.real_name_sealed = self._vault.seal(ref.name, about=people.REAL_NAME)
        if ref.phone and patient.phone_sealed is None:
            patient.phone_sealed = self._vault.seal(ref.phone, about=people.PHONE)
        self.note(patient, ref)

    async def _record(self, ref: PersonRef, *, now: datetime) -> Patient:
        """Record somebody whom only the clinic's own system knows; imports do so by the thousand."""
        patient = Patient(
            external_userid=people.new_local_id(),
            gender=0,
            clinic_number=ref.clinic_number or None,
            real_name_sealed=self._vault.seal(ref.name, about=people.REAL_NAME) if ref.name else None,
            phone_sealed=self._vault.seal(ref.phone, about=people.PHONE) if ref.phone else None,
            born_on=ref.born_on,
            first_seen_at=now,
            updated_at=now,
        )
        self._session.add(patient)
        try:
            await self._session.flush()
        except (
            IntegrityError
        ) as exc:  # since this book was read, somebody wrote the number on a record by hand
            raise PersonUnclear("clinic_number", "这个病历号刚刚登记到另一份档案上：请再试一次") from exc
        found_by = terms.of_person(self._vault, phone=ref.phone, real_name=ref.name)
        self._session.add_all(
            PatientTerm(digest=digest, patient_id=patient.id, kind=kind) for kind, digest in found_by
        )
        self.recorded += 1
        self._keep(patient)
        if ref.phone:
            self._by_phone.setdefault(self._digest(ref.phone), set()).add(patient.id)
        return patient

    async def _learn(self, patient: Patient, ref: PersonRef, *, now: datetime) -> None:
        """Fill what is empty; what is known is not overwritten by a side remark of a visit."""
        fresh = {
            "clinic_number": self.new_number(patient, ref),
            "phone": ref.phone if patient.phone_sealed is None else "",
            "real_name": ref.name if patient.real_name_sealed is None else "",
        }
        born_on = ref.born_on if patient.born_on is None else None
        if not any(fresh.values()) and born_on is None:
            return
        joined = fresh["clinic_number"] and patient.first_seen_at < now
        try:
            await people.identify(self._session, patient, self._vault, now=now, born_on=born_on, **fresh)
        except people.NumberTaken as exc:
            raise PersonUnclear("clinic_number", str(exc)) from exc
        if joined:
            audit.record(
                self._session,
                at=now,
                actor=audit.RULES,
                action="patient.number",
                subject=f"patient:{patient.external_userid}",
                reason=f"病历号 {ref.clinic_number}：由诊所系统的就诊记录对上",
            )
        self.note(patient, ref)

    def new_number(self, patient: Patient, ref: PersonRef) -> str:
        """Return the clinic number that she gains by ``ref``; a record merged into hers may have it."""
        known = patient.clinic_number is not None or ref.clinic_number in self._by_number
        return "" if known else ref.clinic_number

    def note(self, patient: Patient, ref: PersonRef) -> None:
        """Find the patient under what was just written down of her."""
        self._keep(patient)
        if ref.phone and patient.phone_sealed is not None:
            phone = people.phone_of(patient, self._vault)
            self._by_phone.setdefault(self._digest(phone), set()).add(patient.id)

    def _by_the_phone(self, ref: PersonRef) -> Patient | None:
        if not ref.phone:
            return None
        if self._digest(ref.phone) in self._crowded:
            if ref.clinic_number:
                return None
            raise PersonUnclear("phone", f"这个电话有超过 {FAMILY} 位客户：请加上病历号")
        found = {
            patient.id: patient
            for one in self._by_phone.get(self._digest(ref.phone), ())
            if (patient := self._living(one)) is not None and self._may_be(patient, ref)
        }
        if len(found) > 1:
            raise PersonUnclear("phone", f"这个电话有 {len(found)} 位客户：请加上病历号")
        return next(iter(found.values()), None)

    def _may_be(self, patient: Patient, ref: PersonRef) -> bool:
        """Tell whether somebody with this phone can be the one meant: a family shares a phone."""
        if ref.clinic_number and patient.clinic_number is not None:
            return False  # hers is another one, or she would have been found by it
        known = people.real_name_of(patient, self._vault)
        return not (known and ref.name) or fold(known) == fold(ref.name)

    def _living(self, patient_id: int | None) -> Patient | None:
        """Return who speaks for a record now; nobody speaks for an erased one."""
        for _ in range(MERGES):
            if patient_id is None:
                return None
            patient = self._by_id[patient_id]
            if patient.merged_into is None:
                return patient if patient.erased_at is None else None
            patient_id = patient.merged_into
        return None

    async def _read(self, column: ColumnElement[object] | object, values: Collection[object]) -> None:
        for some in _slices(values):
            for patient in await self._session.scalars(select(Patient).where(column.in_(some))):  # type: ignore[union-attr]
                self._keep(patient)

    def _keep(self, patient: Patient) -> None:
        self._by_id[patient.id] = patient
        self._by_external[patient.external_userid] = patient.id
        if patient.clinic_number is not None:
            self._by_number[patient.clinic_number] = patient.id

    def _digest(self, phone: str) -> str:
        return terms.digest(self._vault, terms.PHONE, phone)


def _slices(values: Collection[object]) -> Iterable[Sequence[object]]:
    ordered = sorted(values, key=str)
    return (ordered[i : i + AT_ONCE] for i in range(0, len(ordered), AT_ONCE))
