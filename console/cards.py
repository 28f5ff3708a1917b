"""Patients in lists: names instead of ids, phones and real names masked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic import people
from clinic.identity import mask_name, mask_phone, visible
from clinic.stages import Stage
from clinic.tables import LOCAL, Follow, PatientTag, Tag
from console.views import TONES, load_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient
    from store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A patient in a list."""

    id: int
    external_userid: str
    name: str
    real_name: str  # masked
    phone: str  # masked
    stage: Stage
    members: tuple[str, ...]
    tags: tuple[str, ...]
    first_seen_at: datetime

    @property
    def initial(self) -> str:
        return (self.name or self.real_name or "客")[:1]

    @property
    def tone(self) -> int:
        return self.id % TONES

    @property
    def local(self) -> bool:
        """Whether only the clinic's own system knows her."""
        return self.external_userid.startswith(LOCAL)


def masked_phone(patient: Patient, vault: Vault) -> str:
    """Return the phone as it may be shown unasked."""
    phone = people.phone_of(patient, vault)
    return mask_phone(phone) if phone else ""


def masked_name(patient: Patient, vault: Vault) -> str:
    """Return the real name as it may be shown unasked."""
    name = people.real_name_of(patient, vault)
    return mask_name(name) if name else ""


async def load_cards(session: AsyncSession, patients: Sequence[Patient], vault: Vault) -> tuple[Card, ...]:
    """Return patients as lists show them, in a handful of statements."""
    ids = [patient.id for patient in patients]
    rows = await session.execute(
        select(Follow.patient_id, Follow.userid)
        .where(Follow.patient_id.in_(ids), Follow.lost_at.is_(None), Follow.half.is_(False))
        .order_by(Follow.added_at, Follow.id)
    )
    members: defaultdict[int, list[str]] = defaultdict(list)
    for patient_id, userid in rows:
        members[patient_id].append(userid)
    worn = await session.execute(
        select(PatientTag.patient_id, Tag.name)
        .join(Tag, Tag.id == PatientTag.tag_id)
        .where(PatientTag.patient_id.in_(ids))
        .order_by(PatientTag.at, Tag.id)
    )
    tags: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for patient_id, name in worn:
        tags[patient_id][name] = None
    names = await load_names(session, userids={userid for some in members.values() for userid in some})
    return tuple(
        Card(
            id=patient.id,
            external_userid=patient.external_userid,
            name=visible(people.name_of(patient, vault)),
            real_name=masked_name(patient, vault),
            phone=masked_phone(patient, vault),
            stage=Stage(patient.stage),
            members=tuple(names.person(userid) for userid in members[patient.id]),
            tags=tuple(tags[patient.id]),
            first_seen_at=patient.first_seen_at,
        )
        for patient in patients
    )
