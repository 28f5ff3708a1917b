"""What became of what was asked of WeCom for a channel's code (:mod:`sop.channels`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic import audit, todos
from clinic.care_tables import ChannelCode
from clinic.effects import CreateCode, DropCode, ShapeCode
from sop.channels import CREATING, FAILED, GONE, LIVE, PAUSED, note
from sop.handouts import hand_out

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.roster import Roster


async def created(
    session: AsyncSession, wanted: CreateCode, *, config_id: str, qr_code: str, now: datetime
) -> None:
    """WeCom has made the code."""
    row = await session.get_one(ChannelCode, wanted.state, with_for_update=True)
    row.status, row.reason, row.changed_at = LIVE, "", now
    row.config_id, row.qr_code, row.userids = config_id, qr_code[:300], sorted(wanted.userids)
    note(session, audit.RULES, "channel.created", wanted.state, "活码建好了", now)


async def shaped(session: AsyncSession, wanted: ShapeCode, *, now: datetime) -> None:
    """WeCom has changed the code."""
    row = await session.get_one(ChannelCode, wanted.state, with_for_update=True)
    if row.config_id == wanted.config_id:
        row.userids, row.changed_at = sorted(wanted.userids), now
        if row.wanted == wanted.digest:
            row.reason = ""
        names = "、".join(wanted.userids)
        note(session, audit.RULES, "channel.shaped", wanted.state, f"接待成员：{names}（{wanted.why}）", now)


async def dropped(session: AsyncSession, wanted: DropCode, *, now: datetime) -> None:
    """WeCom has deleted the code, or does not know it any more."""
    row = await session.get_one(ChannelCode, wanted.state, with_for_update=True)
    if row.config_id == wanted.config_id:
        row.status, row.changed_at, row.userids = GONE, now, []
        note(session, audit.RULES, "channel.gone", wanted.state, row.reason or "活码已停用", now)


async def went_wrong(
    session: AsyncSession,
    wanted: CreateCode | ShapeCode | DropCode,
    *,
    error: str,
    gone: bool,
    title: str,
    roster: Roster,
    public_url: str,
    key: str,
    now: datetime,
) -> None:
    """WeCom did not do what was asked: keep the reason and tell the managers.

    Args:
        gone: WeCom does not know the code any more.
        key: names the effect, so that one failure is told once.
    """
    row = await session.get_one(ChannelCode, wanted.state, with_for_update=True)
    if isinstance(wanted, CreateCode):
        if row.status != CREATING:
            return
        row.status = FAILED
    elif row.config_id != wanted.config_id:
        return
    elif gone:
        row.status = GONE
    elif isinstance(wanted, ShapeCode) and row.wanted != wanted.digest:
        return  # something newer was asked for meanwhile
    elif isinstance(wanted, DropCode):
        row.status = PAUSED
    row.reason, row.changed_at = error[:200], now
    what = {"create_code": "没有建成", "shape_code": "没有换成该接待的人", "drop_code": "没有删掉"}[
        wanted.kind
    ]
    note(session, audit.RULES, "channel.failed", wanted.state, f"{what}：{error}", now)
    await hand_out(
        session,
        roster=roster,
        public_url=public_url,
        key=f"channel:{key}"[:160],
        kind="channel",
        assignee=todos.MANAGER,
        title=f"渠道“{title}”的活码{what}"[:120],
        body=f"原因：{error}。在控制台“渠道”页处理：改好以后点“重试”或“新建”。",
        now=now,
        page="/console/channels",
    )
