"""What it takes to deliver one kind of effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.outbox import OutboxEffect


class Withdrawn(Exception):
    """The effect makes no sense any more (the post was edited, the batch decided): it is not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended. ``result`` is stored with the effect, ``facts`` only travel to ``record``."""

    state: str
    result: dict[str, Any] | None = None
    facts: Any = None
    errcode: int | None = None
    error: str | None = None
    not_before: datetime | None = None
    looked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What :meth:`Delivery.send` and :meth:`Delivery.find` return."""

    result: dict[str, Any] = field(default_factory=dict)
    facts: Any = None


class Delivery(Protocol):
    """Delivers effects of one kind. Holds no state of its own."""

    kind: ClassVar[str]
    lease: ClassVar[timedelta]
    """Longer than the slowest honest attempt."""
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]]
    """After a lost answer: repeat (harmless), look for it in WeCom's lists, or leave it at that."""
    again_within: ClassVar[timedelta | None]
    """How long after the first call a repeat is harmless (:mod:`wecom.lost_answers`); None: for ever."""

    async def send(self, effect: OutboxEffect) -> Sent:
        """Make the call. Raises ``WeComError`` or :class:`Withdrawn`, and changes no row."""

    async def find(self, effect: OutboxEffect) -> Sent | None:
        """Look in WeCom's lists for what an unanswered call may have made; None = not there (yet)."""

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        """Write down what follows from the outcome, in the transaction that settles the effect."""


class PlainDelivery:
    """A base for effects that may simply be repeated and leave nothing to write down."""

    lease: ClassVar[timedelta] = timedelta(seconds=30)
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "again"
    again_within: ClassVar[timedelta | None] = None

    async def find(self, effect: OutboxEffect) -> Sent | None:
        del effect
        return None

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        """Leave nothing to write down."""
