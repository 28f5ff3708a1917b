"""By which id a member knows people: after a merge that may be another record's than the one that speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from clinic.tables import Follow, Patient

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

IDS_AT_ONCE: Final = 500


async def known_to(session: AsyncSession, userid: str, patient_ids: Collection[int]) -> dict[int, str]:
    """Return the external_userid by which a member is connected to each person; without a relation: none."""
    found: dict[int, str] = {}
    ids = sorted(patient_ids)
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        rows = await session.execute(
            select(Patient.id, Patient.merged_into, Patient.external_userid)
            .join(Follow, Follow.patient_id == Patient.id)
            .where(
                or_(Patient.id.in_(some), Patient.merged_into.in_(some)),
                Follow.userid == userid,
                Follow.lost_at.is_(None),
                Follow.half.is_(False),
            )
            .order_by(Patient.id.desc())
        )
        for patient_id, merged_into, external_userid in rows:
            found[patient_id] = external_userid
            if merged_into is not None:
                found.setdefault(merged_into, external_userid)
    return found
