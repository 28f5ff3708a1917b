"""What follows when a member joins, changes, gets another userid, or leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic import audit, staff, todos
from clinic.tables import Member
from handlers.router import Router, Turn
from sop import handovers, renaming
from wecom.events import MemberChanged

if TYPE_CHECKING:
    from datetime import datetime

    from content.pack import Pack


def staff_router(pack: Pack, *, public_url: str) -> Router:
    """Keep who works here. Departments and member tags decide nothing in this program: not routed."""
    router = Router("staff")

    @router.on(MemberChanged, lambda event: event.change_type in ("create_user", "update_user"))
    async def changed(event: MemberChanged, turn: Turn) -> None:
        """Names, positions, a new userid; whoever is said to have left is seen off."""
        userid = event.userid or ""
        if event.new_userid is not None and event.new_userid != userid:
            await _rename(userid, event.new_userid, turn, pack, public_url)
            userid = event.new_userid
        if event.status == staff.STATUS_LEFT:
            await _see_off(userid, event.happened_at, turn, pack, public_url)
        else:
            await _write_down(event, userid, turn)

    @router.on(MemberChanged, lambda event: event.change_type == "delete_user")
    async def gone(event: MemberChanged, turn: Turn) -> None:
        """Nobody's patients must be left alone: the manager is asked to hand them over."""
        await _see_off(event.userid or "", event.happened_at, turn, pack, public_url)

    return router


async def _rename(old: str, new: str, turn: Turn, pack: Pack, public_url: str) -> None:
    await staff.renamed(turn.session, old, new, now=turn.now)
    await renaming.rename(turn.session, old, new, pack=pack, public_url=public_url, now=turn.now)
    _note(turn, new, "member.renamed", f"账号由 {old} 改为 {new}")


async def _write_down(event: MemberChanged, userid: str, turn: Turn) -> None:
    before = await turn.session.get(Member, userid)
    was_left = before.left_at if before is not None else None
    member = await staff.changed(
        turn.session,
        userid,
        at=event.happened_at,
        now=turn.now,
        name=event.name,
        position=event.position,
        status=event.status,
    )
    if member is None:
        return
    if event.change_type == "create_user":
        _note(turn, userid, "member.joined", f"成员 {member.name or userid} 加入")
    if was_left is not None:
        await todos.settle(turn.session, handovers.left_key(userid, was_left), now=turn.now, by=audit.RULES)


async def _see_off(userid: str, at: datetime, turn: Turn, pack: Pack, public_url: str) -> None:
    member = await staff.left(turn.session, userid, at=at, now=turn.now)
    if member is not None:
        await handovers.see_off(turn.session, member, at=at, pack=pack, public_url=public_url, now=turn.now)


def _note(turn: Turn, userid: str, action: str, reason: str) -> None:
    audit.record(
        turn.session, at=turn.now, actor=audit.RULES, action=action, subject=f"member:{userid}", reason=reason
    )
