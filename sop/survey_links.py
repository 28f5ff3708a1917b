"""Invitations to surveys: an address that says nothing, opens one form and cannot be guessed.

The token in it is the invitation's number and a keyed digest of it, so a made-up one costs no look into the
database, and nobody can count upwards to the next patient's.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from sop.plan_tables import SurveyLink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.survey_specs import SurveySpec
    from store.vault import Vault

PATH: Final = "/s/"
ABOUT: Final = "survey.link"
_ID_BYTES, _MAC_BYTES = 6, 12
AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What an invitation is for: ``key`` names it; without a patient it is one for many."""

    key: str
    patient_id: int | None = None
    plan_key: str = ""


async def invite(
    session: AsyncSession, survey: SurveySpec, wanted: Sequence[Invitation], *, now: datetime
) -> dict[str, int]:
    """Make invitations, each once by its key, and return their numbers by key."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    found: dict[str, int] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        values = [
            {
                "key": one.key[:200],
                "survey": survey.key,
                "patient_id": one.patient_id,
                "plan_key": one.plan_key,
                "created_at": now,
                "expires_at": now + timedelta(days=survey.days),
            }
            for one in some
        ]
        await session.execute(
            insert(SurveyLink).values(values).on_conflict_do_nothing(index_elements=["key"])
        )
        rows = await session.execute(
            select(SurveyLink.key, SurveyLink.id).where(SurveyLink.key.in_([one["key"] for one in values]))
        )
        found |= dict(rows.all())
    return found


def address_of(link_id: int, *, vault: Vault, public_url: str) -> str:
    """Return where the form of an invitation is."""
    return f"{public_url.rstrip('/')}{PATH}{token_of(link_id, vault)}"


def token_of(link_id: int, vault: Vault) -> str:
    """Return the token of an invitation."""
    return urlsafe_b64encode(link_id.to_bytes(_ID_BYTES) + _mac(link_id, vault)).decode().rstrip("=")


def number_in(token: str, vault: Vault) -> int | None:
    """Return the number of the invitation that a token is for, or None when it is not ours."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        return None
    if len(raw) != _ID_BYTES + _MAC_BYTES:
        return None
    link_id = int.from_bytes(raw[:_ID_BYTES])
    return link_id if hmac.compare_digest(raw[_ID_BYTES:], _mac(link_id, vault)) else None


def _mac(link_id: int, vault: Vault) -> bytes:
    return bytes.fromhex(vault.blind_index(str(link_id), about=ABOUT))[:_MAC_BYTES]


async def use(session: AsyncSession, link_id: int, *, now: datetime) -> bool:
    """Mark an invitation as used; False when it was used before, by whoever was faster."""
    used = await session.execute(
        update(SurveyLink)
        .where(SurveyLink.id == link_id, SurveyLink.used_at.is_(None))
        .values(used_at=now)
        .returning(SurveyLink.id)
    )
    return used.scalar_one_or_none() is not None
