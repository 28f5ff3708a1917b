"""What follows when a patient agrees to message archiving (会话内容存档), which a corp may run beside us."""

from __future__ import annotations

from clinic import audit
from handlers.router import Router, Turn
from wecom.events import ArchiveApproved


def archive_router() -> Router:
    """Note the consent; the welcome that was withheld for it is :mod:`handlers.welcomes`' matter."""
    router = Router("archive")

    @router.on(ArchiveApproved)
    async def agreed(event: ArchiveApproved, turn: Turn) -> None:
        """A line in her timeline: this program itself archives no chats, so nothing is switched on by it."""
        await audit.tell_once(
            turn.session,
            at=turn.now,
            action="contact.archive_approved",
            subject=f"patient:{event.external_userid}",
            reason=f"同意了企业存档与成员 {event.userid} 的聊天（小护不保存聊天内容）",
            detail={"userid": event.userid},
            among=(),
        )

    return router
