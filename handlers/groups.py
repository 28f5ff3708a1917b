"""What follows when a customer group appears, changes or goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import audit, group_moves, groups
from clinic.effects import FetchGroup
from clinic.group_moves import BY_CODE, INVITED, JOINED, LEFT, Delta
from handlers.router import Router, Turn
from sop import group_alerts
from sop.roster import load_roster
from store import outbox
from wecom.events import ContactAdded, GroupCreated, GroupDismissed, GroupUpdated

if TYPE_CHECKING:
    from content.pack import Pack

DETAILS_LAG: Final = timedelta(seconds=3)  # groupchat/get lags about 2 s behind its event (doc 92130)
FETCH_WINDOW: Final = timedelta(days=1)
PEOPLE: Final = {"add_member": JOINED, "del_member": LEFT}
DETAILS: Final = frozenset({"change_owner", "change_name"})
WITHOUT_MEANING: Final = frozenset({"change_notice"})  # we keep no notices


def group_router(pack: Pack, *, public_url: str) -> Router:
    """Keep our picture of each group as WeCom's, and see to who comes and goes."""
    router = Router("groups")

    @router.on(GroupCreated)
    async def created(event: GroupCreated, turn: Turn) -> None:
        await _fetch(event, turn)

    @router.on(GroupUpdated, lambda event: event.update_detail not in (WITHOUT_MEANING | PEOPLE.keys()))
    async def changed(event: GroupUpdated, turn: Turn) -> None:
        """The event says what changed, never to what; a detail that WeCom adds later is read as well."""
        await _fetch(event, turn)

    @router.on(GroupUpdated, lambda event: event.update_detail in PEOPLE)
    async def moved(event: GroupUpdated, turn: Turn) -> None:
        """Apply the change when it continues what we hold; else, or to learn who invited, read the group."""
        joined = event.update_detail == "add_member"
        applied = await group_moves.apply(
            turn.session,
            Delta(
                chat_id=event.chat_id,
                kind="joined" if joined else "left",
                people=event.members,
                scene=_scene(event) if joined else event.quit_scene or 0,
                last_version=event.last_version,
                current_version=event.current_version,
                at=event.happened_at,
            ),
        )
        if not applied.in_step or (joined and _scene(event) != BY_CODE):
            await _fetch(event, turn)
        if applied.met and any(move.external for move in applied.moves):
            await group_alerts.follow_up(
                turn.session,
                event.chat_id,
                applied.moves,
                pack=pack,
                roster=await load_roster(turn.session, pack, now=turn.now),
                public_url=public_url,
                now=turn.now,
            )

    @router.on(ContactAdded, lambda event: not event.half)
    async def became_patient(event: ContactAdded, turn: Turn) -> None:
        """She may have been in groups before she added anybody; now the rules may know. Comes after the
        router that records her.
        """
        moves = await group_moves.moves_of(turn.session, event.external_userid)
        if moves:
            await group_alerts.heed(
                turn.session,
                event.external_userid,
                moves,
                pack=pack,
                roster=await load_roster(turn.session, pack, now=turn.now),
                public_url=public_url,
                now=turn.now,
            )

    @router.on(GroupDismissed)
    async def gone(event: GroupDismissed, turn: Turn) -> None:
        await groups.dismissed(turn.session, event.chat_id, at=event.happened_at)
        audit.record(
            turn.session,
            at=turn.now,
            actor=audit.RULES,
            action="group.dismissed",
            subject=f"group:{event.chat_id}",
            reason="客户群已解散，不再安排内容",
        )

    return router


async def _fetch(event: GroupCreated | GroupUpdated, turn: Turn) -> None:
    await outbox.put(
        turn.session,
        FetchGroup(chat_id=event.chat_id),
        key=f"fetch-group:{event.chat_id}:{int(event.happened_at.timestamp())}",
        now=turn.now,
        not_before=turn.now + DETAILS_LAG,
        deadline=turn.now + FETCH_WINDOW,
        cause="读取客户群详情",
    )


def _scene(event: GroupUpdated) -> int:
    """Return how people joined as groupchat/get counts it: the event knows 0 invited and 3 scanned."""
    return BY_CODE if event.join_scene == BY_CODE else INVITED
