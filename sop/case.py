"""One patient while consequences are drawn: her records, relations, and what is needed to act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic import facts
from clinic.stages import Stage
from clinic.tables import LOCAL, Follow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.rules.facts import Facts
    from clinic.tables import Patient
    from sop.roster import Roster
    from sop.rulebook import Rulebook


@dataclass(slots=True, kw_only=True)
class Case:
    """A person over all her records; ``head`` speaks for them.

    ``new``: she was recorded a moment ago because she added somebody, so there is nothing else to read.
    """

    session: AsyncSession
    head: Patient
    records: Sequence[Patient]
    follows: Sequence[Follow]
    book: Rulebook
    roster: Roster
    public_url: str
    now: datetime
    new: bool = False
    _facts: Facts | None = None

    @property
    def ids(self) -> list[int]:
        return [record.id for record in self.records]

    @property
    def page(self) -> str:
        """Return the path of her page in the console."""
        return f"/console/patients/{self.head.id}"

    @property
    def subject(self) -> str:
        return f"patient:{self.head.external_userid}"

    @property
    def connected(self) -> list[Follow]:
        """Return the relations that stand and are confirmed, the newest first."""
        standing = [follow for follow in self.follows if follow.connected]
        return sorted(standing, key=lambda f: (f.added_at or f.changed_at, f.userid), reverse=True)

    def record_of(self, follow: Follow) -> Patient:
        return next(record for record in self.records if record.id == follow.patient_id)

    async def facts(self) -> Facts:
        """Return what conditions may ask, as of now; only her stage changes while a case is open."""
        if self._facts is None:
            self._facts = await facts.facts_of(
                self.session,
                self.head,
                self.records,
                self.follows,
                zone=self.book.pack.timezone,
                now=self.now,
                new=self.new,
            )
        return replace(
            self._facts, stage=self.head.stage, stage_since=self.head.stage_at or self._facts.since
        )

    def story(self, *, before: Stage | None = None) -> str:
        """Tell in a line who this is, without a name: cards go through WeCom.

        Args:
            before: the stage that she was at until a moment ago; by default the one she is at.
        """
        known = [at for f in self.follows if (at := f.first_added_at or f.added_at) is not None]
        first = min(known, default=None)
        channel = self.book.pack.channel(next((f.channel for f in self.follows if f.channel), None))
        parts = []
        if first is not None:
            parts.append(f"{first.astimezone(self.book.pack.timezone):%Y-%m-%d} 添加")
        if channel is not None:
            parts.append(f"来自“{channel.title}”")
        parts.append(f"此前的阶段：{before.title}" if before else f"阶段：{Stage(self.head.stage).title}")
        return "，".join(parts)


async def open_case(
    session: AsyncSession,
    patient: Patient,
    *,
    book: Rulebook,
    roster: Roster,
    public_url: str,
    now: datetime,
    new: bool = False,
) -> Case:
    """Read a person's records and lock her relations; ``new``: see :class:`Case`."""
    head, records = (patient, [patient]) if new else await facts.family(session, patient)
    query = (
        select(Follow)
        .where(Follow.patient_id.in_([record.id for record in records]))
        .order_by(Follow.id)
        .with_for_update()
    )
    return Case(
        session=session,
        head=head,
        records=records,
        follows=(await session.scalars(query)).all(),
        book=book,
        roster=roster,
        public_url=public_url,
        now=now,
        new=new,
    )


def known_to_wecom(patient: Patient) -> bool:
    """Tell whether WeCom has an id for this record."""
    return not patient.external_userid.startswith(LOCAL)


def short_key(key: str, *, most: int) -> str:
    """Return a key that fits into ``most`` characters and still names only this."""
    if len(key) <= most:
        return key
    return f"{key[: most - 33]}:{sha256(key.encode()).hexdigest()[:32]}"
