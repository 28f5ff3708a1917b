"""Members and what is theirs, and handovers, as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from clinic import transfers
from clinic.tables import CustomerGroup, Follow, Member, Patient
from clinic.transfers import GROUP, TransferState
from console.cards import load_cards
from console.views import load_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.transfers import Progress
    from console.cards import Card
    from sop.roster import Roster
    from store.vault import Vault

SHOWN: Final = 100  # patients to choose from one by one; more are handed over all together
ROLES: Final = {"speakers": "发言", "delegates": "医助", "approvers": "审核"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A member with what is his and what he is for."""

    member: Member
    patients: int
    groups: int
    duties: tuple[str, ...]

    @property
    def gone(self) -> bool:
        return self.member.left_at is not None

    @property
    def orphans(self) -> bool:
        """Whether somebody left patients or groups behind."""
        return self.gone and bool(self.patients or self.groups)

    @property
    def name(self) -> str:
        return self.member.name or self.member.alias or self.member.userid

    @property
    def initial(self) -> str:
        return self.name[:1]

    @property
    def tone(self) -> int:
        return sum(self.member.userid.encode()) % 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What of a handover did not change hands, in words."""

    what: str
    href: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A handover with its failures."""

    progress: Progress
    takeover: str
    failures: tuple[Failure, ...]

    @property
    def moving(self) -> bool:
        return self.progress.ended < self.progress.total

    @property
    def queued(self) -> int:
        return self.progress.counts.get(TransferState.QUEUED, 0)


async def load_colleagues(session: AsyncSession, roster: Roster) -> tuple[Colleague, ...]:
    """Return all members: first who left something behind, then who serves, then the others."""
    members = (await session.scalars(select(Member))).all()
    patients = await _counts(
        session,
        select(Follow.userid, func.count())
        .where(Follow.lost_at.is_(None), Follow.half.is_(False))
        .group_by(Follow.userid),
    )
    groups = await _counts(
        session,
        select(CustomerGroup.owner, func.count())
        .where(CustomerGroup.dismissed_at.is_(None))
        .group_by(CustomerGroup.owner),
    )
    found = [
        Colleague(
            member=member,
            patients=patients.get(member.userid, 0),
            groups=groups.get(member.userid, 0),
            duties=duties_of(roster, member.userid),
        )
        for member in members
    ]
    return tuple(sorted(found, key=lambda c: (not c.orphans, c.gone, not c.member.serves, c.member.userid)))


def only_bound(userid: str, roster: Roster) -> Colleague | None:
    """Return somebody bound to a persona whom no reading of WeCom has shown; None for a stranger."""
    if userid not in roster.people:
        return None
    member = Member(userid=userid, name="", alias="", position="", serves=False, active=True)
    return Colleague(member=member, patients=0, groups=0, duties=duties_of(roster, userid))


async def load_colleague(session: AsyncSession, userid: str, roster: Roster) -> Colleague | None:
    """Return one member; None for a stranger."""
    return next((c for c in await load_colleagues(session, roster) if c.member.userid == userid), None)


def duties_of(roster: Roster, userid: str) -> tuple[str, ...]:
    """Return what a member does for which persona, as ``张医生·发言``."""
    parts = {"发言": roster.speakers, "医助": roster.delegates, "审核": roster.approvers}
    return tuple(
        f"{roster.name_of(persona)}·{word}"
        for word, bound in parts.items()
        for persona, userids in bound.items()
        if userid in userids
    )


async def load_choice(session: AsyncSession, userid: str, vault: Vault) -> tuple[int, tuple[Card, ...]]:
    """Return how many patients can be handed over, and their cards when they can be chosen one by one."""
    ids = await transfers.patients_of(session, userid)
    if len(ids) > SHOWN:
        return len(ids), ()
    found = await session.scalars(
        select(Patient).where(Patient.external_userid.in_(ids)).order_by(Patient.id)
    )
    return len(ids), await load_cards(session, found.all(), vault)


async def load_runs(session: AsyncSession, userid: str, vault: Vault) -> tuple[Run, ...]:
    """Return a member's handovers, newest first, each with what did not change hands."""
    progresses = await transfers.runs_of(session, userid, limit=10)
    names = await load_names(session, userids={progress.takeover for progress in progresses})
    return tuple(
        [
            Run(
                progress=progress,
                takeover=names.person(progress.takeover),
                failures=await _failures(session, progress.run, vault) if progress.failures else (),
            )
            for progress in progresses
        ]
    )


async def _failures(session: AsyncSession, run: str, vault: Vault) -> tuple[Failure, ...]:
    rows = await transfers.failures_of(session, run)
    names = await load_names(session, chat_ids=[row.subject for row in rows if row.kind == GROUP])
    found = await session.scalars(
        select(Patient).where(Patient.external_userid.in_([row.subject for row in rows if row.kind != GROUP]))
    )
    cards = {card.external_userid: card for card in await load_cards(session, found.all(), vault)}
    failures = []
    for row in rows:
        card = cards.get(row.subject)
        if row.kind == GROUP:
            what, href = names.groups.get(row.subject, "未命名的群"), f"/console/groups/{row.subject}"
        elif card is not None:
            what, href = card.name or "一位顾客", f"/console/patients/{card.id}"
        else:
            what, href = "一位顾客", ""
        failures.append(
            Failure(what=what, href=href, label=TransferState(row.state).label, reason=row.reason)
        )
    return tuple(failures)


async def _counts(session: AsyncSession, query: object) -> Mapping[str, int]:
    rows: Sequence[tuple[str, int]] = (await session.execute(query)).all()  # type: ignore[call-overload]
    return dict(rows)
