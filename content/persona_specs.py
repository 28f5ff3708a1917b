"""The roles that members' accounts play, and when in the week each says something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import time

    from content.places import Place
    from content.schema import Category, PersonaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSlot:
    """A weekly time at which one post goes out."""

    day: int  # ISO weekday: 1 = Monday … 7 = Sunday
    at: time  # clinic wall clock, naive on purpose: a rule, not an instant
    categories: tuple[Category, ...]  # preferred first


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaSpec:
    """The role that one or more members' accounts play (小助理 or 医生)."""

    key: str
    kind: PersonaKind
    name: str
    title: str
    intro: str
    voice: str  # how this persona speaks, for the staff who write
    members: tuple[str, ...]  # userids that speak as this persona
    delegates: tuple[str, ...]  # userids that may approve and tap for it
    approvers: tuple[str, ...]
    categories: tuple[Category, ...]
    max_moments_per_day: int
    week: tuple[WeekSlot, ...]
    place: Place
    max_direct_per_day: int = 2  # 1-to-1 contacts of one patient

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Userids who may approve: a doctor's members and delegates; an assistant's ``approvers``."""
        chosen = (*self.members, *self.delegates) if self.kind == "doctor" else self.approvers
        return tuple(dict.fromkeys(chosen))
