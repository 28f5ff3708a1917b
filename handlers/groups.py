"""What follows when a customer group appears, changes or goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from clinic import groups
from clinic.effects import FetchGroup
from handlers.router import Router, Turn
from store import outbox
from wecom.events import GroupCreated, GroupDismissed, GroupUpdated

DETAILS_LAG: Final = timedelta(seconds=3)  # groupchat/get lags about 2 s behind its event (doc 92130)
FETCH_WINDOW: Final = timedelta(days=1)


def group_router() -> Router:
    """Keep our picture of each group as WeCom's."""
    router = Router("groups")

    async def fetch(event: GroupCreated | GroupUpdated, turn: Turn) -> None:
        await outbox.put(
            turn.session,
            FetchGroup(chat_id=event.chat_id),
            key=f"fetch-group:{event.chat_id}:{int(event.happened_at.timestamp())}",
            now=turn.now,
            not_before=turn.now + DETAILS_LAG,
            deadline=turn.now + FETCH_WINDOW,
            cause="读取客户群详情",
        )

    router.on(GroupCreated)(fetch)
    router.on(GroupUpdated)(fetch)

    @router.on(GroupDismissed)
    async def gone(event: GroupDismissed, turn: Turn) -> None:
        await groups.dismissed(turn.session, event.chat_id, at=event.happened_at)

    return router
