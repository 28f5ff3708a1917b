"""What an addition means for the channel she came through: where she begins, and whether its code is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic import audit, people, stages
from clinic.stages import Stage
from handlers.router import Router, Turn
from sop import channels
from wecom.events import ContactAdded

if TYPE_CHECKING:
    from content.pack import Pack


def channel_router(pack: Pack) -> Router:
    """Comes after the router that records the contact: it counts what is recorded."""
    router = Router("channels")

    def begins(event: ContactAdded) -> bool:
        channel = pack.channel(event.state)
        return channel is not None and channel.stage is not None and not event.half

    def may_be_full(event: ContactAdded) -> bool:
        channel = pack.channel(event.state)
        return channel is not None and channel.code is not None and channel.code.daily_cap is not None

    @router.on(ContactAdded, begins)
    async def begin(event: ContactAdded, turn: Turn) -> None:
        """Whoever comes this way has a part of the way behind her."""
        channel = pack.channel(event.state)
        if channel is None or channel.stage is None:
            return
        patient = await people.patient_of(turn.session, event.external_userid, now=turn.now)
        reason = f"从渠道“{channel.title}”来"
        moved = await stages.move(
            turn.session,
            patient,
            key=f"channel:{event.userid}:{int(event.happened_at.timestamp())}",
            stage=Stage(channel.stage),
            at=event.happened_at,
            now=turn.now,
            actor=audit.RULES,
            reason=reason,
        )
        if moved.changed:
            audit.record(
                turn.session,
                at=turn.now,
                actor=audit.RULES,
                action="stage.moved",
                subject=f"patient:{event.external_userid}",
                reason=f"阶段 {moved.before.title} → {moved.after.title}：{reason}",
                detail={"from": moved.before.value, "to": moved.after.value},
            )

    @router.on(ContactAdded, may_be_full)
    async def make_room(event: ContactAdded, turn: Turn) -> None:
        """A member who has enough for today leaves the code at once, not at the next look."""
        await turn.session.flush()
        await channels.keep(turn.session, pack, event.state or "", now=turn.now)

    return router
