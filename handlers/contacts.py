"""What follows when a patient and a member find or lose each other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import audit, people, tagging
from clinic.effects import FetchContact, MarkTags
from handlers.router import Router, Turn
from store import outbox
from wecom.events import (
    ContactAdded,
    ContactEdited,
    ContactRemovedByMember,
    MemberRemovedByContact,
)

if TYPE_CHECKING:
    from content.pack import Pack

TAG_WINDOW: Final = timedelta(days=2)
FETCH_WINDOW: Final = timedelta(days=1)


def contact_router(pack: Pack) -> Router:
    """Tag and record; forget nobody. The greeting is :mod:`handlers.welcomes`' matter."""
    router = Router("contacts")

    @router.on(ContactAdded)
    async def record(event: ContactAdded, turn: Turn) -> None:
        """Keep patient and relation; tag by the channel she came through."""
        follow = await people.added(
            turn.session,
            external_userid=event.external_userid,
            userid=event.userid,
            channel=event.state,
            at=event.happened_at,
            now=turn.now,
            half=event.half,
        )
        channel = pack.channel(event.state or follow.channel or None)
        audit.record(
            turn.session,
            at=turn.now,
            actor=audit.RULES,
            action="contact.half_added" if event.half else "contact.added",
            subject=f"patient:{event.external_userid}",
            reason=f"添加了成员 {event.userid}，渠道：{channel.title if channel else event.state or '未知'}",
            detail={"userid": event.userid, "state": event.state},
        )
        # Until the member confirms, tagging is refused (84061); the full event follows.
        if channel is not None and channel.tags and not event.half:
            reason = f"渠道“{channel.title}”的来源标签"
            await outbox.put(
                turn.session,
                MarkTags(
                    userid=event.userid,
                    external_userid=event.external_userid,
                    add=list(channel.tags),
                    reason=reason,
                ),
                key=tagging.mark_key(event.userid, event.external_userid, at=event.happened_at),
                now=turn.now,
                deadline=turn.now + TAG_WINDOW,
                cause=reason,
            )

    @router.on(ContactAdded, lambda event: event.welcome_code is None)
    async def fetch_new(event: ContactAdded, turn: Turn) -> None:
        """Without a welcome nobody reads her details on the way: read them for the record."""
        await _fetch(event.external_userid, turn, key=f"{event.userid}:{_stamp(event)}")

    @router.on(ContactEdited)
    async def fetch_edited(event: ContactEdited, turn: Turn) -> None:
        """The event does not say what changed, so read it."""
        await _fetch(event.external_userid, turn, key=f"{event.userid}:{_stamp(event)}")

    @router.on(MemberRemovedByContact)
    async def patient_left(event: MemberRemovedByContact, turn: Turn) -> None:
        """The patient deleted the member: she gets nothing from this account any more."""
        await _lost(event, turn, by=people.BY_PATIENT, reason=f"删除了成员 {event.userid}")

    @router.on(ContactRemovedByMember)
    async def member_removed(event: ContactRemovedByMember, turn: Turn) -> None:
        """The member deleted the patient, or a transfer moved her to somebody else."""
        moved = event.source == "DELETE_BY_TRANSFER"
        await _lost(
            event,
            turn,
            by=people.BY_MEMBER,
            reason=f"从成员 {event.userid} 转给了别人" if moved else f"被成员 {event.userid} 删除",
        )

    return router


async def _fetch(external_userid: str, turn: Turn, *, key: str) -> None:
    await outbox.put(
        turn.session,
        FetchContact(external_userid=external_userid),
        key=f"fetch:{external_userid}:{key}",
        now=turn.now,
        deadline=turn.now + FETCH_WINDOW,
        cause="读取客户详情",
    )


async def _lost(
    event: ContactRemovedByMember | MemberRemovedByContact, turn: Turn, *, by: str, reason: str
) -> None:
    await people.lost(
        turn.session,
        external_userid=event.external_userid,
        userid=event.userid,
        by=by,
        at=event.happened_at,
        now=turn.now,
    )
    audit.record(
        turn.session,
        at=turn.now,
        actor=audit.RULES,
        action="contact.lost",
        subject=f"patient:{event.external_userid}",
        reason=reason,
        detail={"userid": event.userid, "by": by},
    )


def _stamp(event: ContactAdded | ContactEdited) -> int:
    return int(event.happened_at.timestamp())
