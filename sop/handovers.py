"""Seeing off a member, and telling the manager how a handover ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic import audit, calling, staff, todos, transfers
from clinic.tables import Member
from sop import vacancies
from sop.handouts import hand_out
from sop.roster import load_roster

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

PAGE: Final = "/console/staff"


def left_key(userid: str, at: datetime) -> str:
    """Return the key of the to-do that a member's leaving makes."""
    return f"member-left:{userid}:{int(at.timestamp())}"


async def see_off(
    session: AsyncSession, member: Member, *, at: datetime, pack: Pack, public_url: str, now: datetime
) -> None:
    """A member has left (and is recorded so): ask the manager to hand over what was his."""
    name = member.name or member.userid
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action="member.left",
        subject=f"member:{member.userid}",
        reason=f"成员 {name} 离职",
    )
    await todos.pass_on(session, member.userid, name=name, now=now, by=audit.RULES)
    await session.flush()
    roster = await load_roster(session, pack, now=now)
    held = await staff.holdings(session, member.userid)
    if held:
        await hand_out(
            session,
            roster=roster,
            public_url=public_url,
            key=left_key(member.userid, at),
            kind="handover",
            assignee=todos.MANAGER,
            title=f"{name} 离职了，请安排交接",
            body=f"名下还有 {held.patients} 位顾客、{held.groups} 个客户群没有人接。"
            "请在“员工”里选好接手的同事，一次转过去。",
            now=now,
            page=f"{PAGE}/{member.userid}",
        )
    await vacancies.watch(session, roster=roster, public_url=public_url, zone=pack.timezone, now=now)


async def finish_runs(
    session: AsyncSession, userid: str, *, pack: Pack, public_url: str, now: datetime
) -> None:
    """Tell the manager of handovers from a member that ended with failures; settle what is taken care of."""
    for run in await transfers.runs_of(session, userid):
        if run.ended < run.total or not run.failures:
            continue
        giver, taker = [await calling.name_of(session, one) for one in (userid, run.takeover)]
        await hand_out(
            session,
            roster=await load_roster(session, pack, now=now),
            public_url=public_url,
            key=f"transfer-ended:{run.run}",
            kind="transfer",
            assignee=todos.MANAGER,
            title=f"交接结束：{run.total - run.failures} 个成功，{run.failures} 个没有成功",
            body=f"从 {giver} 到 {taker} 的交接里有 {run.failures} 个没有成功，请看看原因，再决定怎么跟进。",
            now=now,
            page=f"{PAGE}/{userid}",
        )
    left = await session.get(Member, userid)
    if left is not None and left.left_at is not None and not await staff.holdings(session, userid):
        await todos.settle(session, left_key(userid, left.left_at), now=now, by=audit.RULES)
