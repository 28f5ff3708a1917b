"""What an addition means for the channel she came through: its code may be full now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.router import Router, Turn
from sop import channels
from wecom.events import ContactAdded

if TYPE_CHECKING:
    from content.pack import Pack


def channel_router(pack: Pack) -> Router:
    """Comes after the router that records the contact: it counts what is recorded."""
    router = Router("channels")

    def may_be_full(event: ContactAdded) -> bool:
        channel = pack.channel(event.state)
        return channel is not None and channel.code is not None and channel.code.daily_cap is not None

    @router.on(ContactAdded, may_be_full)
    async def make_room(event: ContactAdded, turn: Turn) -> None:
        """A member who has enough for today leaves the code at once, not at the next look."""
        await turn.session.flush()
        await channels.keep(turn.session, pack, event.state or "", now=turn.now)

    return router
