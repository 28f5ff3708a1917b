"""People as a model: when patients come, visit and react, and how staff behave. Pure, and fixed by a seed.

The numbers are plain assumptions, not statistics: they make the plans move, and say nothing about a clinic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from content.pack import Pack

OPEN: Final = (time(9), time(18))
HISTORY_DAYS: Final = 540
NEW_SHARE: Final = 0.25  # of all patients come within the rehearsed days
CARDS: Final = 0.12  # of all patients bought a package
CARD_LIFE: Final = timedelta(days=365)
VISITS: Final = (0, 0, 1, 1, 1, 2, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How people behave: shares between 0 and 1, waits in minutes."""

    taps: float = 0.94  # of the tasks that a member gets
    tap_wait: tuple[int, int] = (3, 240)
    approves: float = 0.97  # of the posts that a reviewer sees; the rest are rejected
    replies: float = 0.04  # of contacts: she writes to 微信客服
    books: float = 0.03  # of contacts: she makes an appointment
    comes: float = 0.85  # of appointments
    leaves: float = 0.002  # of contacts: she deletes the member
    does_todos: float = 0.9
    fills: float = 0.3  # of the forms that a patient gets
    unhappy: float = 0.07  # of those


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """A visit of a patient's past or future."""

    at: datetime
    treatment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtCard:
    """A package of treatments that a patient has: so many uses, some of them used up, until a day."""

    total: int
    used: int
    issued_on: date
    used_on: date | None
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One patient of the model."""

    number: int
    userid: str
    channel: str
    added_at: datetime
    born_on: date | None
    gender: int
    visits: tuple[Attendance, ...]
    card: BoughtCard | None = None

    @property
    def external_userid(self) -> str:
        return f"wmRehearsal{self.number:07d}"


def people(
    pack: Pack, members: Sequence[str], *, count: int, seed: int, start: datetime, days: int
) -> Iterator[Person]:
    """Yield ``count`` patients: most known before ``start``, some who come within the ``days``."""
    dice = Random(f"people:{seed}")  # noqa: S311  (a model, no secret)
    wallets = Random(f"cards:{seed}")  # noqa: S311  (apart, so that the other throws stay what they were)
    states = [channel.state for channel in pack.channels] or [""]
    treatments = [one.key for one in pack.treatments] or [""]
    for number in range(count):
        added = _moment(dice, start, days if dice.random() < NEW_SHARE else -HISTORY_DAYS, pack.timezone)
        visits = sorted(
            (
                Attendance(
                    at=_within(dice, added, start + timedelta(days=days), pack.timezone),
                    treatment=dice.choice(treatments),
                )
                for _ in range(dice.choice(VISITS))
            ),
            key=lambda visit: visit.at,
        )
        yield Person(
            number=number,
            userid=dice.choice(members),
            channel=dice.choice(states),
            added_at=added,
            born_on=_birthday(dice, start) if dice.random() < 0.7 else None,
            gender=dice.choice((1, 2, 2, 0)),
            visits=tuple(visits),
            card=_card(wallets, added.date(), start.date()) if wallets.random() < CARDS else None,
        )


def _moment(dice: Random, start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return an hour of an open day within so many days after (or, negative, before) ``start``."""
    day = start.astimezone(zone).date() + timedelta(days=round(days * dice.random()))
    return at_work(dice, day, zone)


def _within(dice: Random, begin: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    span = max((end - begin).days, 1)
    day = begin.astimezone(zone).date() + timedelta(days=1 + int(span * dice.random()))
    return at_work(dice, day, zone)


def at_work(dice: Random, day: date, zone: ZoneInfo) -> datetime:
    """Return some quarter of an hour of a day on which the clinic is open."""
    quarters = (OPEN[1].hour - OPEN[0].hour) * 4
    minutes = dice.randrange(quarters) * 15
    opened = datetime.combine(day, OPEN[0], tzinfo=zone)
    return (opened + timedelta(minutes=minutes)).astimezone(UTC)


def _birthday(dice: Random, start: datetime) -> date:
    return start.date() - timedelta(days=dice.randrange(3 * 365, 75 * 365))


def _card(dice: Random, first: date, today: date) -> BoughtCard | None:
    """Return a package that was bought some day after she came; who has not come yet has none."""
    if first >= today:
        return None
    issued = first + timedelta(days=dice.randrange((today - first).days))
    total = dice.choice((3, 5, 6, 10))
    used = dice.randrange(total)
    used_on = issued + timedelta(days=dice.randrange((today - issued).days)) if used else None
    return BoughtCard(
        total=total, used=used, issued_on=issued, used_on=used_on, expires_on=issued + CARD_LIFE
    )
