"""What follows when a patient and a member find or lose each other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import audit, people
from clinic.effects import FetchContact
from clinic.rules.happenings import Happening, HappeningKind
from handlers import welcomes
from handlers.router import Router, Turn
from sop.consequences import reconsider
from sop.roster import load_roster
from store import outbox
from wecom.events import (
    ContactAdded,
    ContactEdited,
    ContactRemovedByMember,
    MemberRemovedByContact,
)

if TYPE_CHECKING:
    from clinic.tables import Follow
    from content.pack import Pack

FETCH_WINDOW: Final = timedelta(days=1)


def contact_router(pack: Pack, *, public_url: str) -> Router:
    """Record, and draw the consequences; forget nobody. Comes after the router that greets."""
    router = Router("contacts")
    by_greeting = any(rule.when and (rule.when["welcome"] or rule.when["variant"]) for rule in pack.rules)

    async def follow_up(follow: Follow, happening: Happening, turn: Turn) -> None:
        await reconsider(
            turn.session,
            follow.patient,
            happening,
            pack=pack,
            roster=await load_roster(turn.session, pack, now=turn.now),
            public_url=public_url,
            now=turn.now,
        )

    @router.on(ContactAdded)
    async def record(event: ContactAdded, turn: Turn) -> None:
        """Keep patient and relation, then tags and stage by the channel she came through."""
        try:
            follow = await people.added(
                turn.session,
                external_userid=event.external_userid,
                userid=event.userid,
                channel=event.state,
                at=event.happened_at,
                now=turn.now,
                half=event.half,
            )
        except people.Forgotten:  # the event is late: she asked for it since
            return
        channel = pack.channel(event.state)
        await audit.tell_once(
            turn.session,
            at=turn.now,
            action="contact.half_added" if event.half else "contact.added",
            subject=f"patient:{event.external_userid}",
            reason=f"添加了成员 {event.userid}，渠道：{channel.title if channel else event.state or '未知'}",
            detail={"userid": event.userid, "state": event.state},
            among=("contact.added", "contact.half_added", "contact.lost"),
        )
        # Until the member confirms, tagging is refused (84061); what is said of her waits for that.
        kind: HappeningKind = "half_added" if event.half else "added"
        greeting = await welcomes.decided(turn.session, event) if by_greeting else None
        happening = Happening(
            kind=kind,
            at=event.happened_at,
            userid=event.userid,
            channel=event.state or "",
            welcome=greeting.welcome if greeting else "",
            variant=greeting.variant if greeting else "",
        )
        await follow_up(follow, happening, turn)

    @router.on(ContactAdded, lambda event: event.welcome_code is None)
    async def fetch_new(event: ContactAdded, turn: Turn) -> None:
        """Without a welcome nobody reads her details on the way: read them for the record."""
        await _fetch(event, turn)

    @router.on(ContactEdited)
    async def fetch_edited(event: ContactEdited, turn: Turn) -> None:
        """The event does not say what changed, so read it; who is not known yet is recorded by it."""
        await _fetch(event, turn, edited_at=_stamp(event))

    async def parted(event: ContactRemovedByMember | MemberRemovedByContact, turn: Turn, by: str) -> None:
        try:
            follow = await people.lost(
                turn.session,
                external_userid=event.external_userid,
                userid=event.userid,
                by=by,
                at=event.happened_at,
                now=turn.now,
            )
        except people.Forgotten:  # deleting her in WeCom too is what we advise
            return
        words = {
            people.BY_PATIENT: f"删除了成员 {event.userid}",
            people.BY_MEMBER: f"被成员 {event.userid} 删除",
            people.BY_TRANSFER: f"从成员 {event.userid} 转给了别人",
        }
        await audit.tell_once(
            turn.session,
            at=turn.now,
            action="contact.lost",
            subject=f"patient:{event.external_userid}",
            reason=words[by],
            detail={"userid": event.userid, "by": by},
            among=("contact.added", "contact.half_added"),
        )
        await follow_up(
            follow,
            Happening(kind="lost", at=event.happened_at, userid=event.userid, by=by),
            turn,
        )

    @router.on(MemberRemovedByContact)
    async def patient_left(event: MemberRemovedByContact, turn: Turn) -> None:
        """The patient deleted the member: she gets nothing from this account any more."""
        await parted(event, turn, people.BY_PATIENT)

    @router.on(ContactRemovedByMember)
    async def member_removed(event: ContactRemovedByMember, turn: Turn) -> None:
        """The member deleted the patient, or a transfer moved her to somebody else."""
        await parted(event, turn, people.BY_TRANSFER if event.by_transfer else people.BY_MEMBER)

    return router


async def _fetch(event: ContactAdded | ContactEdited, turn: Turn, *, edited_at: int = 0) -> None:
    if await people.forgotten(turn.session, event.external_userid):
        return
    await outbox.put(
        turn.session,
        FetchContact(external_userid=event.external_userid, edited_at=edited_at),
        key=f"fetch:{event.external_userid}:{event.userid}:{_stamp(event)}",
        now=turn.now,
        deadline=turn.now + FETCH_WINDOW,
        cause="读取客户详情",
    )


def _stamp(event: ContactAdded | ContactEdited) -> int:
    return int(event.happened_at.timestamp())
