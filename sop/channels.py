"""Channel codes (渠道活码): made, kept in the shape the hour demands, paused, ended.

::

    creating ──▶ live ◀──▶ paused ──▶ ending ──▶ gone
       └──▶ failed   └────────────────┘ (also when its last day is over)

Whatever is asked of WeCom is an effect in the outbox; ``wanted`` names the newest shape asked for, so an
older one that is still under way is withdrawn instead of undoing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit, channels
from clinic.care_tables import ChannelCode
from clinic.effects import CreateCode, DropCode, ShapeCode
from sop import duty
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.channel_specs import ChannelSpec, CodeSpec
    from content.pack import Pack
    from sop.duty import Duty, Shape

CREATING: Final = "creating"
LIVE: Final = "live"
PAUSED: Final = "paused"
FAILED: Final = "failed"
ENDING: Final = "ending"
GONE: Final = "gone"
WORKING: Final = (LIVE, PAUSED)
ENDED: Final = (FAILED, GONE)

CREATE_WITHIN: Final = timedelta(days=1)
SHAPE_WITHIN: Final = timedelta(hours=6)
DROP_WITHIN: Final = timedelta(days=7)


class CodeRefused(Exception):
    """What was asked of a code cannot be done now; the message says why, as staff read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What decides who is on duty: the moment, today's additions by channel and member, and who is away."""

    at: datetime
    local: datetime
    added: Mapping[str, Mapping[str, int]]
    away: Collection[str]

    def duty(self, channel: ChannelSpec, code: CodeSpec) -> Duty:
        return duty.on_duty(code, local=self.local, added=self.added.get(channel.state, {}), away=self.away)


def midnight(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the beginning of the clinic's day."""
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


async def look(session: AsyncSession, pack: Pack, *, at: datetime) -> Now:
    """Read what decides who is on duty."""
    people = {userid for channel in pack.channels if channel.code for userid in channel.code.everyone}
    return Now(
        at=at,
        local=at.astimezone(pack.timezone),
        added=await channels.added_between(session, midnight(at, pack.timezone), at + timedelta(days=1)),
        away=await channels.away(session, people) if people else frozenset(),
    )


async def codes(session: AsyncSession) -> dict[str, ChannelCode]:
    """Return every code there is or was, by its channel's state."""
    return {row.state: row for row in await session.scalars(select(ChannelCode))}


# ── what people ask for ──────────────────────────────────────────────────────────────────────────────


async def create(session: AsyncSession, pack: Pack, state: str, *, actor: str, now: datetime) -> None:
    """Ask WeCom for the code of a channel of the pack.

    Raises:
        CodeRefused: the channel has no code in the pack, has one already, or its last day is over.
    """
    channel, code = _specs(pack, state)
    if duty.over(code, today=now.astimezone(pack.timezone).date()):
        raise CodeRefused("这个活码的最后一天已经过了：先在 channels.yaml 里改 expires_on")
    row = await _locked(session, state, now=now)
    if row.status not in ENDED:
        raise CodeRefused("这个渠道已经有活码了")
    seen = await look(session, pack, at=now)
    found = seen.duty(channel, code)
    shape = duty.shape_of(code, found, paused=False, standing=_standing(row, code, seen))
    row.status, row.reason, row.config_id, row.qr_code = CREATING, "", None, ""
    row.picture = None
    row.userids, row.expires_on = [], code.expires_on
    row.wanted, row.changed_at = duty.digest_of(channel, code, shape), now
    await outbox.put(
        session,
        CreateCode(
            state=state,
            remark=duty.remark_of(channel, code),
            userids=list(shape.userids),
            skip_verify=shape.skip_verify,
            exclusive=code.exclusive,
            digest=row.wanted,
        ),
        key=f"code:create:{state}:{_stamp(now)}",
        now=now,
        deadline=now + CREATE_WITHIN,
        cause=f"建渠道“{channel.title}”的活码",
    )
    note(session, actor, "channel.create", state, f"建渠道“{channel.title}”的活码：{shape.why}", now)


async def pause(
    session: AsyncSession, pack: Pack, state: str, *, paused: bool, actor: str, now: datetime
) -> None:
    """Let a code's members accept by hand from now on (or no more); printed codes stay good.

    Raises:
        CodeRefused: there is no working code, or it is so already.
    """
    channel, code = _specs(pack, state)
    row = await _locked(session, state, now=now)
    if row.status != (LIVE if paused else PAUSED):
        raise CodeRefused("现在不能暂停这个活码" if paused else "现在不能恢复这个活码")
    row.status, row.changed_at = (PAUSED if paused else LIVE), now
    await _reshape(session, channel, code, row, await look(session, pack, at=now))
    verb = "暂停" if paused else "恢复"
    note(
        session,
        actor,
        "channel.pause" if paused else "channel.resume",
        state,
        f"{verb}“{channel.title}”",
        now,
    )


async def end(
    session: AsyncSession, pack: Pack, state: str, *, actor: str, reason: str, now: datetime
) -> None:
    """Delete a code for good: whoever scans a printed one gets nowhere.

    Raises:
        CodeRefused: there is no working code.
    """
    row = await _locked(session, state, now=now)
    if row.status not in WORKING or row.config_id is None:
        raise CodeRefused("没有可以停用的活码")
    await _end(session, row, title=_title(pack, state), actor=actor, reason=reason, now=now)


async def try_again(session: AsyncSession, pack: Pack, state: str, *, actor: str, now: datetime) -> None:
    """Ask once more for a shape that WeCom did not take.

    Raises:
        CodeRefused: nothing stands in doubt.
    """
    channel, code = _specs(pack, state)
    row = await _locked(session, state, now=now)
    if row.status not in WORKING or not row.reason:
        raise CodeRefused("没有需要重试的调整")
    row.wanted, row.reason = "", ""
    await _reshape(session, channel, code, row, await look(session, pack, at=now))
    note(session, actor, "channel.retry", state, f"重新调整“{channel.title}”的接待成员", now)


# ── what time and callbacks ask for ──────────────────────────────────────────────────────────────────


async def due(session: AsyncSession, pack: Pack, *, at: datetime) -> tuple[str, ...]:
    """Return the channels whose code is not as it should be now: read only, so look as often as you like."""
    rows = await codes(session)
    if not any(row.status in WORKING for row in rows.values()):
        return ()
    seen = await look(session, pack, at=at)
    found = []
    for channel in pack.channels:
        row = rows.get(channel.state)
        if channel.code is None or row is None or row.status not in WORKING:
            continue
        shape = _shape(channel, channel.code, row, seen)
        over = duty.over(channel.code, today=seen.local.date())
        if over or duty.digest_of(channel, channel.code, shape) != row.wanted:
            found.append(channel.state)
    return tuple(found)


async def keep(session: AsyncSession, pack: Pack, state: str, *, now: datetime) -> bool:
    """Bring one channel's code into shape, or end it after its last day; tell whether anything was asked."""
    channel = pack.channel(state)
    if channel is None or channel.code is None:
        return False
    row = await session.get(ChannelCode, state, with_for_update=True)
    if row is None or row.status not in WORKING or row.config_id is None:
        return False
    seen = await look(session, pack, at=now)
    if duty.over(channel.code, today=seen.local.date()):
        reason = f"最后一天是 {channel.code.expires_on}，已经过了"
        await _end(session, row, title=channel.title, actor=audit.RULES, reason=reason, now=now)
        return True
    return await _reshape(session, channel, channel.code, row, seen)


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────


def _specs(pack: Pack, state: str) -> tuple[ChannelSpec, CodeSpec]:
    channel = pack.channel(state)
    if channel is None or channel.code is None:
        raise CodeRefused("内容包里没有这个渠道的活码：在 channels.yaml 里给它写上 code")
    return channel, channel.code


def _title(pack: Pack, state: str) -> str:
    channel = pack.channel(state)
    return channel.title if channel else state


def _standing(row: ChannelCode, code: CodeSpec, seen: Now) -> tuple[str, ...]:
    """Return who stays when nobody has room: those on the code, as far as they still may be and are there."""
    on_it = row.userids or list(code.members)
    there = tuple(u for u in on_it if u in code.everyone and u not in seen.away)
    return there or tuple(u for u in code.everyone if u not in seen.away)


def _shape(channel: ChannelSpec, code: CodeSpec, row: ChannelCode, seen: Now) -> Shape:
    return duty.shape_of(
        code, seen.duty(channel, code), paused=row.status == PAUSED, standing=_standing(row, code, seen)
    )


async def _locked(session: AsyncSession, state: str, *, now: datetime) -> ChannelCode:
    """Return the channel's row, made if it is the first one, and nobody else's until the transaction ends."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(ChannelCode)
        .values(
            state=state,
            status=GONE,
            qr_code="",
            userids=[],
            wanted="",
            reason="",
            created_at=now,
            changed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["state"])
    )
    return await session.get_one(ChannelCode, state, with_for_update=True)


async def _reshape(
    session: AsyncSession, channel: ChannelSpec, code: CodeSpec, row: ChannelCode, seen: Now
) -> bool:
    shape = _shape(channel, code, row, seen)
    digest = duty.digest_of(channel, code, shape)
    if digest == row.wanted or row.config_id is None:
        return False
    row.wanted, row.expires_on, row.changed_at = digest, code.expires_on, seen.at
    return await outbox.put(
        session,
        ShapeCode(
            state=channel.state,
            config_id=row.config_id,
            remark=duty.remark_of(channel, code),
            userids=list(shape.userids),
            skip_verify=shape.skip_verify,
            exclusive=code.exclusive,
            digest=digest,
            why=shape.why,
        ),
        key=f"code:shape:{row.config_id}:{digest[:16]}:{_stamp(seen.at)}",
        now=seen.at,
        deadline=seen.at + SHAPE_WITHIN,
        cause=f"渠道“{channel.title}”：{shape.why}"[:200],
    )


async def _end(
    session: AsyncSession, row: ChannelCode, *, title: str, actor: str, reason: str, now: datetime
) -> None:
    row.status, row.reason, row.changed_at = ENDING, reason[:200], now
    await outbox.put(
        session,
        DropCode(state=row.state, config_id=row.config_id or ""),
        key=f"code:drop:{row.config_id}:{_stamp(now)}",
        now=now,
        deadline=now + DROP_WITHIN,
        cause=f"停用渠道“{title}”的活码：{reason}"[:200],
    )
    note(session, actor, "channel.end", row.state, f"停用“{title}”：{reason}", now)


def note(session: AsyncSession, actor: str, action: str, state: str, reason: str, now: datetime) -> None:
    """Write down what became of a channel's code."""
    audit.record(session, at=now, actor=actor, action=action, subject=f"channel:{state}", reason=reason)


def _stamp(at: datetime) -> int:
    return int(at.timestamp() * 1000)
