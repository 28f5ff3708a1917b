"""What follows from news about acquisition links (获客助手, doc 97299)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic import acquisition, audit, todos
from handlers.router import Router, Turn
from sop.handouts import hand_out
from sop.roster import load_roster
from wecom.events import AcquisitionEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from content.pack import Pack

QUOTA: Final = "quota"
LINK: Final = "link"
PAGE: Final = "/console/channels"
COUNTED: Final[Mapping[str, str]] = {
    "open_profile": acquisition.OPENED,
    "friend_request": acquisition.REQUESTED,
    "message_from_customer": acquisition.TALKED,
}
QUOTA_LOW: Final = frozenset({"balance_low", "balance_exhausted", "quota_expire_soon"})
LINK_BROKEN: Final = frozenset({"link_unavailable", "delete_link"})


def acquisition_router(pack: Pack, *, public_url: str) -> Router:
    """Count what happens at links; tell the manager what stops them."""
    router = Router("acquisition")

    async def tell(
        event: AcquisitionEvent, turn: Turn, *, key: str, kind: str, title: str, body: str
    ) -> None:
        if await todos.asked_lately(turn.session, f"{key}:", now=turn.now):
            return
        await hand_out(
            turn.session,
            roster=await load_roster(turn.session, pack, now=turn.now),
            public_url=public_url,
            key=f"{key}:{int(event.happened_at.timestamp())}",
            kind=kind,
            assignee=todos.MANAGER,
            title=title,
            body=body,
            now=turn.now,
            page=PAGE,
        )

    @router.on(AcquisitionEvent, lambda event: event.change_type in QUOTA_LOW)
    async def quota_low(event: AcquisitionEvent, turn: Turn) -> None:
        title, body = _quota_words(event, pack)
        await tell(event, turn, key=f"{QUOTA}:{event.change_type}", kind=QUOTA, title=title, body=body)

    @router.on(AcquisitionEvent, lambda event: event.change_type == "balance_increased")
    async def quota_back(event: AcquisitionEvent, turn: Turn) -> None:
        """There is quota again: what asked for it is taken back."""
        count = await todos.settle_kind(
            turn.session, QUOTA, before=max(turn.now, event.happened_at), now=turn.now, by=audit.RULES
        )
        _note(turn, "acquisition.quota_back", f"获客额度已补充，收回 {count} 条待办")

    @router.on(AcquisitionEvent, lambda event: event.change_type in LINK_BROKEN)
    async def link_broken(event: AcquisitionEvent, turn: Turn) -> None:
        gone = event.change_type == "delete_link"
        await tell(
            event,
            turn,
            key=f"{LINK}:{event.change_type}:{event.link_id}",
            kind=LINK,
            title="一条获客链接被删除了" if gone else "一条获客链接没有人能接待",
            body=f"获客链接 {event.link_id} "
            + (
                "在管理后台被删除，用它的二维码和广告都打不开了，请换成新的链接。"
                if gone
                else "上的成员都不能再加顾客（离职、没开通客户联系或已满），请换上能接待的成员。"
            ),
        )

    @router.on(AcquisitionEvent, lambda event: event.change_type in COUNTED)
    async def counted(event: AcquisitionEvent, turn: Turn) -> None:
        await acquisition.count(
            turn.session,
            acquisition.channel_of(event.state, event.link_id),
            event.happened_at.astimezone(pack.timezone).date(),
            COUNTED[event.change_type],
        )

    @router.on(AcquisitionEvent, lambda event: event.change_type == "customer_start_chat")
    async def chat_started(event: AcquisitionEvent, turn: Turn) -> None:
        """She wrote the first message: worth knowing, for her record and for the channel."""
        userid, patient = event.userid or "", event.external_userid or ""
        news = not patient or await audit.tell_once(
            turn.session,
            at=turn.now,
            action="contact.chat_started",
            subject=f"patient:{patient}",
            reason=f"从获客链接来，给成员 {userid} 发了第一条消息",
            detail={"userid": userid, "link_id": event.link_id},
            among=("contact.added",),
        )
        if not news:
            return
        state = await acquisition.channel_between(turn.session, userid, patient)
        await acquisition.count(
            turn.session,
            acquisition.channel_of(event.state or state, event.link_id),
            event.happened_at.astimezone(pack.timezone).date(),
            acquisition.CHATTED,
            userid=userid,
        )

    return router


def _quota_words(event: AcquisitionEvent, pack: Pack) -> tuple[str, str]:
    match event.change_type:
        case "balance_low":
            return (
                "获客额度快用完了",
                "剩下不到 20 个。请在管理后台“获客助手”里补充，用完以后链接就加不了人。",
            )
        case "balance_exhausted":
            return "获客额度用完了", "获客链接现在加不了人，正在投放的广告请先停一停，补充额度后再开。"
        case _:
            day = f"{event.expires_at.astimezone(pack.timezone):%m-%d}" if event.expires_at else "近期"
            return "获客额度快过期了", f"有 {event.expiring_quota or '一些'} 个额度 {day} 到期，请安排用掉。"


def _note(turn: Turn, action: str, reason: str) -> None:
    audit.record(
        turn.session, at=turn.now, actor=audit.RULES, action=action, subject="corp:acquisition", reason=reason
    )
