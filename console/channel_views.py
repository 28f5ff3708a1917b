"""Channels as the page shows them: the pack's words, the code's state, what became of its patients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import acquisition, greetings
from clinic import channels as records
from console.views import load_names
from console.wording import Sign
from content.channel_specs import MAIN
from sop import channels
from sop.duty import over

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.care_tables import ChannelCode
    from clinic.channels import Result
    from console.views import Names
    from content.channel_specs import ChannelSpec
    from content.pack import Pack

SIGNS: Final = {
    "": Sign(label="还没建活码", tone="grey", icon="clock"),
    channels.CREATING: Sign(label="正在建", tone="blue", icon="sync"),
    channels.LIVE: Sign(label="使用中", tone="green", icon="check"),
    channels.PAUSED: Sign(label="已暂停", tone="amber", icon="hand"),
    channels.FAILED: Sign(label="没有建成", tone="red", icon="alert"),
    channels.ENDING: Sign(label="正在停用", tone="blue", icon="sync"),
    channels.GONE: Sign(label="已停用", tone="grey", icon="cross"),
}
OUTSIDE: Final = Sign(label="活码在别处", tone="grey", icon="link")
RECENT: Final = timedelta(days=30)
SHOWN_DAYS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    """One channel, ready to be shown. A channel that left the pack is shown while people still come."""

    state: str
    title: str
    spec: ChannelSpec | None
    sign: Sign
    on_it: tuple[str, ...]  # names of those who receive now
    why: str
    reason: str  # what went wrong, or why it ended
    expired: bool
    result: Result
    today: int
    has_picture: bool
    can_create: bool
    can_pause: bool
    can_resume: bool
    can_end: bool
    can_retry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One wording of a greeting and how it did."""

    key: str
    title: str
    result: greetings.Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day of a channel."""

    day: date
    count: int
    share: int  # of the best day, in percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The last days of a channel; WeCom tells who ``opened`` and ``requested`` for acquisition links only."""

    bars: tuple[Bar, ...]
    opened: int
    requested: int


async def load_channels(session: AsyncSession, pack: Pack, *, now: datetime) -> tuple[ChannelView, ...]:
    """Return the pack's channels, then the codes and patients of channels that left it."""
    rows = await channels.codes(session)
    pictured = await records.pictured(session)
    found = await records.results(session)
    seen = await channels.look(session, pack, at=now)
    specs = {spec.state: spec for spec in pack.channels}
    names = await load_names(session, userids={userid for row in rows.values() for userid in row.userids})
    return tuple(
        _view(
            state,
            specs.get(state),
            rows.get(state),
            names=names,
            seen=seen,
            result=found.get(state, records.Result()),
            has_picture=state in pictured,
        )
        for state in dict.fromkeys((*specs, *rows, *sorted(found)))
    )


def _view(
    state: str,
    spec: ChannelSpec | None,
    row: ChannelCode | None,
    *,
    names: Names,
    seen: channels.Now,
    result: Result,
    has_picture: bool,
) -> ChannelView:
    code = spec.code if spec else None
    status = row.status if row else ""
    working = status in channels.WORKING
    reason = row.reason if row else ""
    expired = code is not None and over(code, today=seen.local.date())
    why = seen.duty(spec, code).why if spec and code and working else ""
    return ChannelView(
        state=state,
        title=spec.title if spec else state,
        spec=spec,
        sign=OUTSIDE if code is None and row is None else SIGNS[status],
        on_it=tuple(names.person(userid) for userid in row.userids) if row else (),
        why="扫码的人要等成员同意" if status == channels.PAUSED else why,
        reason=reason,
        expired=expired,
        result=result,
        today=sum(seen.added.get(state, {}).values()),
        has_picture=has_picture and working,
        can_create=code is not None and not expired and status in ("", *channels.ENDED),
        can_pause=code is not None and status == channels.LIVE,
        can_resume=code is not None and status == channels.PAUSED,
        can_end=working,
        can_retry=code is not None and working and bool(reason),
    )


async def load_days(session: AsyncSession, state: str, *, today: date, so_far: int) -> Days:
    """Return the last days of a channel, those without anybody too.

    Args:
        so_far: who came today; the day's own number is written down now and then.
    """
    first = today - timedelta(days=SHOWN_DAYS - 1)
    rows = await records.days(session, state, first)
    counts = {day: count for day, kind, count in rows if kind == records.ADDED}
    counts[today] = max(counts.get(today, 0), so_far)
    most = max(counts.values(), default=0)
    days = (first + timedelta(days=n) for n in range(SHOWN_DAYS))
    return Days(
        bars=tuple(
            Bar(
                day=day, count=counts.get(day, 0), share=round(100 * counts.get(day, 0) / most) if most else 0
            )
            for day in days
        ),
        opened=sum(count for _, kind, count in rows if kind == acquisition.OPENED),
        requested=sum(count for _, kind, count in rows if kind == acquisition.REQUESTED),
    )


async def load_wordings(session: AsyncSession, *, now: datetime) -> tuple[Wording, ...]:
    """Return how every greeting of the last month did, by wording."""
    return tuple(
        Wording(
            key=result.welcome,
            title="正文" if result.variant in ("", MAIN) else result.variant,
            result=result,
        )
        for result in await greetings.results(session, since=now - RECENT)
    )
