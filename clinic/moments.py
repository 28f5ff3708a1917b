"""What a timeline is made of: moments, whose they are, and their places in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, and_, or_

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a moment stands: by its time, then by its source's rank and its row."""

    at: datetime
    rank: int
    id: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.rank}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that ``str`` wrote.

        Raises:
            ValueError: it is none.
        """
        try:
            micros, rank, row = (int(part) for part in text.split("-"))
            return cls(at=_EPOCH + timedelta(microseconds=micros), rank=rank, id=row)
        except (ValueError, OverflowError):
            raise ValueError("cursor 不对：请用上一页给出的 next") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened. ``reason`` is a sentence for staff; ``rule`` the pack's rule, if one decided.

    ``action`` is a dotted word as in the audit trail, its first part the kind of thing; ``record`` the
    external_userid of the record it stands on (a merged person has several).
    """

    place: Place
    action: str
    actor: str
    reason: str
    rule: str | None = None
    record: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        return self.place.at

    @property
    def kind(self) -> str:
        return self.action.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose moments are read: all records of one person, and what is needed to tell of her.

    ``treatments``: what the catalogue's keys are called.
    """

    records: Mapping[int, str]  # row id -> external_userid
    vault: Vault
    treatments: Mapping[str, str]
    now: datetime

    @property
    def ids(self) -> list[int]:
        return list(self.records)

    @property
    def external(self) -> list[str]:
        return list(self.records.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Moments, the latest first; ``next`` is where the following page begins, None at the end."""

    moments: tuple[Moment, ...]
    next: Place | None


Source = Callable[["AsyncSession", Person, Place | None, int], Awaitable[Sequence[Moment]]]


def earlier(at: Any, row: Any, rank: int, before: Place | None) -> tuple[ColumnElement[bool], ...]:
    """Return the condition by which a source of this rank leaves out what pages before have shown."""
    if before is None:
        return ()
    if rank < before.rank:
        return (at <= before.at,)
    if rank > before.rank:
        return (at < before.at,)
    return (or_(at < before.at, and_(at == before.at, row < before.id)),)


def precedes(place: Place, before: Place | None) -> bool:
    """Tell the same of a moment that was made in memory."""
    return before is None or place < before
