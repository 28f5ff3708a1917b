"""What the records hold about one patient, as rules that hold over time ask for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

DONE: Final = frozenset({"arrived", "done"})  # of a visit's status: she was there


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFact:
    """A visit; ``status`` is ``booked``, ``arrived``, ``done``, ``no_show`` or ``cancelled``."""

    at: datetime
    status: str
    treatment: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that conditions ask about; instants are aware.

    Args:
        since: when we met her.
        seen_at: when we last had to do with her: a visit, an addition, an answer, a message.
        referred: when each person came who was sent by her, oldest first.
        visits: oldest first.
        seen: every time we had to do with her, in any order.
    """

    now: datetime
    zone: ZoneInfo
    since: datetime
    seen_at: datetime
    stage: str
    stage_since: datetime
    born_on: date | None = None
    visits: tuple[VisitFact, ...] = ()
    referred: tuple[datetime, ...] = ()
    seen: tuple[datetime, ...] = ()

    def as_of(self, moment: datetime) -> Facts:
        """Return what was true at an earlier moment, as far as these facts tell; her stage stays."""
        return replace(
            self,
            now=moment,
            seen_at=max((at for at in self.seen if at <= moment), default=self.since),
            visits=tuple(visit for visit in self.visits if visit.at <= moment),
            referred=tuple(at for at in self.referred if at <= moment),
        )

    @property
    def attended(self) -> tuple[VisitFact, ...]:
        """The visits at which she was there."""
        return tuple(visit for visit in self.visits if visit.status in DONE and visit.at <= self.now)
