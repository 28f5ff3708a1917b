"""Which member speaks as which persona, and who reviews for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic.tables import Member
from sop.tables import PersonaBinding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack, PersonaSpec

SPEAKER: Final = "speaker"
DELEGATE: Final = "delegate"
APPROVER: Final = "approver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The bindings as they stand, asked by planner, handlers and approvals.

    ``serving`` are the members with the customer-contact function; empty = not known yet.
    """

    pack: Pack
    speakers: Mapping[str, tuple[str, ...]]
    delegates: Mapping[str, tuple[str, ...]]
    approvers: Mapping[str, tuple[str, ...]]
    serving: frozenset[str]

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

    def senders(self, persona: str) -> tuple[str, ...]:
        """Return the members that post as ``persona`` and can do so in this corp.

        When nobody bound to the default persona serves customers here (a fresh installation), everybody
        who serves and is bound to nothing posts as it.
        """
        bound = tuple(u for u in self.speakers.get(persona, ()) if u in self.serving)
        if bound or persona != self.pack.default_persona:
            return bound
        taken = {
            u
            for group in (self.speakers, self.delegates, self.approvers)
            for us in group.values()
            for u in us
        }
        return tuple(sorted(self.serving - taken))

    def reviewers(self, persona: str) -> tuple[str, ...]:
        """Return who may decide for ``persona``: the doctor and the 医助, or the assistant's approvers."""
        # A persona that left the pack keeps the people bound to it in the console.
        kind = next((spec.kind for spec in self.pack.personas if spec.key == persona), None)
        if kind == "doctor":
            people = self.speakers.get(persona, ()) + self.delegates.get(persona, ())
        else:
            people = self.approvers.get(persona, ())
        return tuple(dict.fromkeys(people))

    def managers(self) -> tuple[str, ...]:
        """Return who is told when nobody acts: the approvers of the default persona."""
        return self.approvers.get(self.pack.default_persona, ())


async def load_roster(session: AsyncSession, pack: Pack) -> Roster:
    """Read the bindings; personas that nobody changed in the console follow the pack."""
    serving = await session.scalars(select(Member.userid).where(Member.serves))
    return await _bound(session, pack, serving=frozenset(serving))


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
