"""Which member speaks as which persona, and who reviews for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic.tables import Member
from sop.tables import Away, PersonaBinding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.persona_specs import PersonaSpec

SPEAKER: Final = "speaker"
DELEGATE: Final = "delegate"
APPROVER: Final = "approver"
NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A member is away from ``since`` until ``until`` (exclusive); ``substitute`` stands in, or nobody."""

    userid: str
    since: datetime
    until: datetime
    substitute: str = ""

    def covers(self, at: datetime) -> bool:
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The bindings as they stand, asked by planner, handlers and approvals.

    ``serving`` are the members with the customer-contact function; empty = not known yet. ``absences`` of
    now and later, the one noted last first; ``at``: the moment meant where none is given.
    """

    pack: Pack
    speakers: Mapping[str, tuple[str, ...]]
    delegates: Mapping[str, tuple[str, ...]]
    approvers: Mapping[str, tuple[str, ...]]
    serving: frozenset[str]
    absences: tuple[Absence, ...] = ()
    at: datetime | None = None

    @property
    def people(self) -> frozenset[str]:
        """Return everybody bound to a persona; who only approves may be no member that we have seen."""
        bound = (self.speakers, self.delegates, self.approvers)
        return frozenset(userid for group in bound for userids in group.values() for userid in userids)

    def absence_of(self, userid: str, at: datetime | None = None) -> Absence | None:
        """Return the absence of a member at a moment, or None while he is there."""
        moment = at or self.at
        if moment is None:
            return None
        return next((one for one in self.absences if one.userid == userid and one.covers(moment)), None)

    def stand_in(self, userid: str, at: datetime | None = None) -> str | None:
        """Return who does a member's part: himself while he is there, else who stands in; None: nobody."""
        asked: set[str] = set()
        while (absence := self.absence_of(userid, at)) is not None:
            asked.add(userid)
            userid = absence.substitute
            if not userid or userid in asked:
                return None
        return userid

    def present(self, userids: Iterable[str], at: datetime | None = None) -> tuple[str, ...]:
        """Return who does the part of these members, each once; nobody for who is away without anybody."""
        found = (self.stand_in(userid, at) for userid in userids)
        return tuple(dict.fromkeys(userid for userid in found if userid is not None))

    def persona_of(self, userid: str, *, otherwise: str | None = None) -> PersonaSpec:
        """Return who ``userid`` speaks as.

        A member bound to no persona speaks as ``otherwise`` (the persona of the channel a patient came
        through), else as the default one.
        """
        for key, userids in self.speakers.items():
            if userid in userids:
                return self.pack.persona(key)
        return self.pack.persona(otherwise or self.pack.default_persona)

    def name_of(self, persona: str) -> str:
        """Return a persona's name, or its key when a newer pack does not know it any more."""
        return next((spec.name for spec in self.pack.personas if spec.key == persona), persona)

    def senders(self, persona: str, at: datetime | None = None) -> tuple[str, ...]:
        """Return the members that post as ``persona`` and can do so in this corp.

        Who is away is left out while another one is there; when all are, their helpers tap for them (see
        :meth:`tappers`). When nobody bound to the default persona serves customers here (a fresh
        installation), everybody who serves and is bound to nothing posts as it.
        """
        bound = tuple(u for u in self.speakers.get(persona, ()) if u in self.serving)
        there = tuple(u for u in bound if self.absence_of(u, at) is None)
        if bound or persona != self.pack.default_persona:
            return there or bound
        return tuple(sorted(self.serving - self.people))

    def reviewers(self, persona: str) -> tuple[str, ...]:
        """Return who is asked to decide for ``persona``: those who may, or who stands in for who is away.

        When all of them are away and nobody stands in, the managers are asked.
        """
        entitled = self.entitled(persona)
        return self.present(entitled) or (self.managers() if entitled else ())

    def may_decide(self, persona: str, userid: str) -> bool:
        """Tell whether a member may decide for ``persona``: also one who is away, or was asked instead."""
        return userid in self.entitled(persona) or userid in self.reviewers(persona)

    def entitled(self, persona: str) -> tuple[str, ...]:
        """Return who may decide for ``persona``: the doctor and the 医助, or the assistant's approvers."""
        # A persona that left the pack keeps the people bound to it in the console.
        kind = next((spec.kind for spec in self.pack.personas if spec.key == persona), None)
        if kind == "doctor":
            people = self.speakers.get(persona, ()) + self.delegates.get(persona, ())
        else:
            people = self.approvers.get(persona, ())
        return tuple(dict.fromkeys(people))

    def managers(self) -> tuple[str, ...]:
        """Return who is told when nobody acts: the approvers of the default persona, or who stands in."""
        bound = self.approvers.get(self.pack.default_persona, ())
        return self.present(bound) or bound

    def manages(self, userid: str) -> bool:
        """Tell whether a member may do what only managers may: one who is away still may."""
        return userid in self.approvers.get(self.pack.default_persona, ()) or userid in self.managers()

    def tappers(self, persona: str, sender: str) -> tuple[str, ...]:
        """Return who sees to it that ``sender``'s task is tapped: he, or who stands in, and the 医助.

        When nobody is left, he and the managers: his account alone can send it.
        """
        people = self.present((sender, *self.delegates.get(persona, ())))
        return people or tuple(dict.fromkeys((sender, *self.managers())))


async def load_roster(session: AsyncSession, pack: Pack, *, now: datetime | None = None) -> Roster:
    """Read the bindings; personas that nobody changed in the console follow the pack.

    Args:
        now: read who is away too. Without it everybody is there: for those who only ask who is bound.
    """
    serving = await session.scalars(select(Member.userid).where(Member.serves))
    roster = await _bound(session, pack, serving=frozenset(serving))
    if now is None:
        return roster
    away = (await session.scalars(select(Away).where(Away.until > now).order_by(Away.id.desc()))).all()
    # Who has left the corp is away for ever, wherever he is still bound or stands in for somebody.
    who = roster.people | {one.substitute for one in away if one.substitute}
    left = await session.execute(
        select(Member.userid, Member.left_at).where(
            Member.userid.in_(sorted(who)), Member.left_at.is_not(None)
        )
    )
    return replace(
        roster,
        at=now,
        absences=(
            *(
                Absence(userid=one.userid, since=one.since, until=one.until, substitute=one.substitute)
                for one in away
            ),
            *(Absence(userid=userid, since=since or now, until=NEVER) for userid, since in left),
        ),
    )


async def load_speakers(session: AsyncSession, pack: Pack) -> Roster:
    """Read who speaks as whom and nothing else, in one statement: a greeting has 20 seconds.

    Its ``serving`` is empty, so do not ask it for senders.
    """
    return await _bound(session, pack, serving=frozenset())


async def _bound(session: AsyncSession, pack: Pack, *, serving: frozenset[str]) -> Roster:
    stored: dict[tuple[str, str], tuple[str, ...]] = {}
    bindings = await session.execute(
        select(PersonaBinding.persona, PersonaBinding.role, PersonaBinding.userid).order_by(
            PersonaBinding.persona, PersonaBinding.userid
        )
    )
    for persona, role, userid in bindings:
        stored[persona, role] = (*stored.get((persona, role), ()), userid)
    changed = {persona for persona, _ in stored}

    def bound(role: str, from_pack: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {
            key: stored.get((key, role), ()) if key in changed else userids
            for key, userids in from_pack.items()
        }

    return Roster(
        pack=pack,
        speakers=bound(SPEAKER, {p.key: p.members for p in pack.personas}),
        delegates=bound(DELEGATE, {p.key: p.delegates for p in pack.personas}),
        approvers=bound(APPROVER, {p.key: p.approvers for p in pack.personas}),
        serving=serving,
    )
