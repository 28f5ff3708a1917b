"""What follows when a member taps a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic import audit
from handlers.router import Router, Turn
from sop import review
from sop.roster import load_roster
from wecom.events import CardTapped

if TYPE_CHECKING:
    from content.pack import Pack


def card_router(pack: Pack, *, public_url: str) -> Router:
    """Let a tap decide exactly what its card showed."""
    router = Router("cards")

    @router.on(CardTapped, lambda event: event.task_id.startswith("batch-") and not event.menu)
    async def decide(event: CardTapped, turn: Turn) -> None:
        roster = await load_roster(turn.session, pack, now=turn.now)
        outcome = await review.tapped(
            turn.session,
            review.Tap(
                userid=event.userid,
                key=event.event_key,
                task_id=event.task_id,
                response_code=event.response_code or "",
            ),
            roster=roster,
            now=turn.now,
            public_url=public_url,
        )
        audit.record(
            turn.session,
            at=turn.now,
            actor=event.userid,
            action=review.TAPPED,
            subject=f"card:{event.task_id[:100]}",
            reason=outcome,
            detail={"key": event.event_key},
        )

    return router
