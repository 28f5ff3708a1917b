"""What follows when staff change corp tags in the console."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from clinic import corp_listing
from clinic.effects import FetchCorpTags
from handlers.router import Router
from store import outbox
from wecom.events import TagChanged

if TYPE_CHECKING:
    from handlers.router import Turn

WINDOW_S: Final = 5  # an administrator who sorts tags makes dozens of events: one reading serves them all
FETCH_WINDOW: Final = timedelta(days=1)


def tag_router() -> Router:
    """Keep our picture of the corp tags as WeCom's."""
    router = Router("tags")

    @router.on(TagChanged, lambda event: event.change_type == "delete" and bool(event.tag_id))
    async def deleted(event: TagChanged, turn: Turn) -> None:
        """A deleted tag is on nobody any more; a group's tags, which no event names, go by the reading."""
        await corp_listing.forget_deleted(turn.session, event.tag_id or "", now=turn.now)

    @router.on(TagChanged)
    async def changed(event: TagChanged, turn: Turn) -> None:
        """The event tells neither names nor, of a group, its tags; so everything is read again.

        The order of tags (``shuffle``) is kept nowhere here, but a shuffle may have lost an event before it.
        """
        window = int(turn.now.timestamp()) // WINDOW_S + 1
        await outbox.put(
            turn.session,
            FetchCorpTags(),
            key=f"corp-tags:{window}",
            now=turn.now,
            not_before=datetime.fromtimestamp(window * WINDOW_S, UTC),
            deadline=turn.now + FETCH_WINDOW,
            cause=f"企业标签有改动（{event.change_type}），重新读取",
        )

    return router
