"""What follows when WeCom warns about the app itself, or a member can see it no more (doc 90376)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic import audit, calling, todos
from handlers.router import Router, Turn
from sop.handouts import hand_out
from sop.roster import load_roster
from wecom.events import AgentVisibilityChanged, AgentWarned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from content.pack import Pack

INACTIVE, LOW_ACTIVE = "agent_inactive", "agent_low_active"
UNSEEN: Final = "agent_unseen"
# Kind of to-do and words by warning (doc 90376); the two that end a warning are below.
WARNINGS: Final[Mapping[str, tuple[str, str, str]]] = {
    "inactive_alert": (
        INACTIVE,
        "应用快要被停用了",
        "企业微信提醒：这个应用长时间没有人用，{when}会被停用。请让同事打开应用发一句“今日”，并确认它还在可见范围里。",
    ),
    "close_inactive_agent": (
        INACTIVE,
        "应用被企业微信停用了",
        "小护现在收不到回调，也发不出消息。请管理员在管理后台重新启用这个应用。",
    ),
    "low_active_alert": (
        LOW_ACTIVE,
        "应用使用太少，客户数据可能被限制",
        "企业微信提醒：用这个应用的人太少，{when}会限制读取客户数据。请让更多同事打开应用用起来。",
    ),
    "low_active": (
        LOW_ACTIVE,
        "客户数据已被限制",
        "因为用这个应用的人太少，企业微信限制了客户数据的读取，欢迎语和标签都可能失灵。请让同事们用起来，或联系企业微信客服。",
    ),
}
RECOVERED: Final[Mapping[str, str]] = {"reopen_inactive_agent": INACTIVE, "active_restored": LOW_ACTIVE}


def agent_health_router(pack: Pack, *, public_url: str) -> Router:
    """Hand to the manager what keeps the app from its people or its data."""
    router = Router("agent-health")

    @router.on(AgentVisibilityChanged)
    async def visibility(event: AgentVisibilityChanged, turn: Turn) -> None:
        """Who cannot see the app gets no card from it; that matters for those who review and send."""
        key = f"{UNSEEN}:{event.userid}"
        audit.record(
            turn.session,
            at=turn.now,
            actor=audit.RULES,
            action="agent.visible" if event.visible else "agent.unseen",
            subject=f"member:{event.userid}",
            reason="进入了应用的可见范围" if event.visible else "离开了应用的可见范围",
        )
        if event.visible:
            await todos.settle_prefix(turn.session, f"{key}:", now=turn.now, by=audit.RULES)
            return
        if await todos.asked_lately(turn.session, f"{key}:", now=turn.now):
            return
        roster = await load_roster(turn.session, pack, now=turn.now)
        needed = [
            spec.name
            for spec in pack.personas
            if event.userid in (*roster.reviewers(spec.key), *roster.speakers.get(spec.key, ()))
        ]
        if needed:
            await hand_out(
                turn.session,
                roster=roster,
                public_url=public_url,
                key=f"{key}:{int(event.happened_at.timestamp())}",
                kind=UNSEEN,
                assignee=todos.MANAGER,
                title=f"{await calling.name_of(turn.session, event.userid)} 看不到应用了",
                body=f"他负责{'、'.join(needed)}，但收不到小护的卡片和提醒了。请把他加回应用的可见范围，或在“账号”里换人。",
                now=turn.now,
                page="/console/accounts",
            )

    @router.on(AgentWarned, lambda event: event.warning in WARNINGS)
    async def warned(event: AgentWarned, turn: Turn) -> None:
        kind, title, body = WARNINGS[event.warning]
        if await todos.asked_lately(turn.session, f"{event.warning}:", now=turn.now):
            return
        when = (
            f"{event.effective_at.astimezone(pack.timezone):%m-%d %H:%M} 起" if event.effective_at else "之后"
        )
        await hand_out(
            turn.session,
            roster=await load_roster(turn.session, pack, now=turn.now),
            public_url=public_url,
            key=f"{event.warning}:{int(event.happened_at.timestamp())}",
            kind=kind,
            assignee=todos.MANAGER,
            title=title,
            body=body.format(when=when),
            now=turn.now,
            due_at=event.effective_at,
        )

    @router.on(AgentWarned, lambda event: event.warning in RECOVERED)
    async def recovered(event: AgentWarned, turn: Turn) -> None:
        count = await todos.settle_kind(
            turn.session, RECOVERED[event.warning], before=turn.now, now=turn.now, by=audit.RULES
        )
        audit.record(
            turn.session,
            at=turn.now,
            actor=audit.RULES,
            action="agent.recovered",
            subject="corp:agent",
            reason=f"企业微信恢复了应用，收回 {count} 条待办",
        )

    return router
